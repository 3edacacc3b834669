#!/usr/bin/env python3
"""The commands of `soliton cluster` on a cluster of three real nodes, one for all cases."""
import json
import pathlib
import unittest

from processes import Cluster, Running, poll

THROTTLES = ["leader.replication.throttled", "follower.replication.throttled"]


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(settings=["leader.imbalance.check.interval.seconds=1", "replica.lag.time.max.ms=2000"])
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        self.cluster.healthy()
        self.topics = []
        self.down = set()

    def tearDown(self):
        self.start()
        for name in self.topics:
            self.cluster.soliton("topic", "delete", name, "--yes")

    def kill(self, node, signal="KILL"):
        self.down.add(node)
        self.cluster.run("kill", str(node), signal)

    def start(self):
        """All that were killed."""
        if self.down:
            self.cluster.run("start", *map(str, self.down))
        self.down = set()

    def topic(self, name, *words):
        self.cluster.soliton("topic", "create", name, *words)
        self.topics.append(name)
        self.cluster.healthy()

    def partitions(self, name):
        return self.cluster.json("topic", "describe", name)["partitions"]

    def leaders(self, name):
        return [partition["leader"] for partition in self.partitions(name)]

    def replicas(self, name):
        return [partition["replicas"] for partition in self.partitions(name)]

    def nodes(self, brokers=None):
        return {node["node"]: node for node in self.cluster.json("cluster", "nodes", brokers=brokers)["nodes"]}

    def others(self, node):
        """Where the other nodes can be asked."""
        return ",".join(f"127.0.0.1:{self.cluster.port + i - 1}" for i in (1, 2, 3) if i != node)

    # The controller.

    def test_the_controller_is_named(self):
        leader = int(self.cluster.run("controller"))
        quorum = self.cluster.json("cluster", "quorum")
        self.assertEqual(quorum["leader"], leader)
        self.assertEqual(sorted(member["node"] for member in quorum["members"]), [1, 2, 3])
        self.assertEqual([member["node"] for member in quorum["members"] if member["status"] == "leader"], [leader])
        self.assertEqual([n for n, node in self.nodes().items() if node["quorum"] == "leader"], [leader])

    def test_another_controller_after_the_death_of_one(self):
        before = int(self.cluster.run("controller"))
        with Running(self.cluster, "cluster", "events", "--follow", "-o", "jsonl") as events:
            poll(lambda: "waiting for events" in events.said(), "events begin")
            self.kill(before)
            poll(lambda: any(e["event"] == "quorum-leader" and e["node"] not in (None, before) for e in events.objects()),
                 events.said)
        after = self.cluster.json("cluster", "quorum", brokers=self.others(before))["leader"]
        self.assertNotEqual(after, before)

    # Leaders.

    def test_draining_and_back(self):
        self.topic("drained", "-p", "6", "-r", "3")
        self.assertEqual(sorted(self.leaders("drained")), [1, 1, 2, 2, 3, 3])
        led = [i for i, leader in enumerate(self.leaders("drained")) if leader == 2]
        plan = self.cluster.soliton("cluster", "drain", 2, "--dry-run")
        self.assertIn("would move 2 leaders", plan.stderr)
        self.assertIn(2, self.leaders("drained"))
        self.assertIn("moved 2 leaders", self.cluster.soliton("cluster", "drain", 2).stderr)
        self.assertEqual(sorted(self.leaders("drained")), [1, 1, 1, 3, 3, 3])
        self.assertEqual(self.nodes()[2]["leads"], 0)
        # Its replicas stay where they are, and nothing is the worse for it.
        self.assertEqual(self.nodes()[2]["replicas"], 6)
        self.assertTrue(self.cluster.json("cluster", "health")["healthy"])
        self.assertEqual([self.replicas("drained")[i][-1] for i in led], [2, 2])
        self.assertIn("leads nothing", self.cluster.soliton("cluster", "drain", 2).stderr)
        self.assertIn("moved 2 leaders", self.cluster.soliton("cluster", "drain", 2, "--back").stderr)
        self.assertEqual(sorted(self.leaders("drained")), [1, 1, 2, 2, 3, 3])
        self.assertIn("leads its share already", self.cluster.soliton("cluster", "drain", 2, "--back").stderr)
        self.assertTrue(self.cluster.json("cluster", "health")["healthy"])
        self.assertIn("there is no broker 9", self.cluster.soliton("cluster", "drain", 9, code=6).stderr)

    def test_draining_leaves_what_nobody_else_has(self):
        self.topic("single", "-p", "3", "-r", "1")
        [mine] = [i for i, leader in enumerate(self.leaders("single")) if leader == 1]
        error = self.cluster.soliton("cluster", "drain", 1, code=8).stderr
        self.assertIn(f"single-{mine}: no other replica is in sync", error)

    def test_moving_leaders(self):
        self.topic("moved", "-p", "6", "-r", "3")
        with Running(self.cluster, "cluster", "events", "--follow", "-o", "jsonl") as events:
            poll(lambda: "waiting for events" in events.said(), "events begin")
            self.cluster.soliton("cluster", "move-leader", "moved", "-p", "0,1,2", "--to", 3)
            self.assertEqual(self.leaders("moved")[:3], [3, 3, 3])
            seen = poll(lambda: [e for e in events.objects() if e["event"] == "leader" and e["node"] == 3], events.said)
            self.assertRegex(seen[0]["what"], r"leader [12] -> 3")
            self.assertTrue(all(name.startswith("moved-") for e in seen for name in e["partitions"]))
            # It ends at once when it is told to, says nothing more, and what it said was whole.
            self.assertEqual(events.interrupt(), 130)
            self.assertNotIn("error", events.said())
            for line in events.said().splitlines()[1:]:
                json.loads(line)
        self.assertIn("lead already", self.cluster.soliton("cluster", "move-leader", "moved").stderr)
        self.assertIn("no topic 'nope'", self.cluster.soliton("cluster", "move-leader", "nope", "--to", 1, code=6).stderr)
        self.assertIn("no broker 9", self.cluster.soliton("cluster", "move-leader", "moved", "--to", 9, code=6).stderr)

    def test_leaders_go_back_by_themselves(self):
        self.topic("back", "-p", "6", "-r", "3")
        before = self.leaders("back")
        self.kill(2, "TERM")
        poll(lambda: 2 not in self.leaders("back"), "leaders have left node 2")
        self.start()
        self.cluster.healthy()
        poll(lambda: self.leaders("back") == before, lambda: f"{self.leaders('back')} back to {before}")

    # Replicas.

    def plan(self, topic, *replicas):
        path = pathlib.Path(self.cluster.dir) / "plan.json"
        path.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": topic, "partition": i, "replicas": list(each)} for i, each in enumerate(replicas)]}))
        return str(path)

    def throttles(self, topic, key):
        """The settings that are set for the topic and for brokers, by their names."""
        found = {}
        for resource in (["--topic", topic], *(["--broker", str(node)] for node in (1, 2, 3))):
            for each in self.cluster.json("config", "get", *resource)["settings"]:
                if each["name"] in [f"{prefix}.{key}" for prefix in THROTTLES] and each["source"] in ("topic", "broker"):
                    found.setdefault(each["name"], []).append(each["value"])
        return found

    def test_replicas_are_added_and_removed(self):
        self.topic("grown", "-p", "2", "-r", "2")
        self.cluster.soliton("produce", "grown", stdin="kept\n")
        before = self.replicas("grown")
        kept = self.cluster.soliton("cluster", "reassign", "grown", "--export").stdout
        dry = self.cluster.soliton("cluster", "reassign", "--plan", self.plan("grown", [1, 2, 3], [3, 2, 1]), "--dry-run")
        self.assertIn("nothing was changed", dry.stderr)
        self.assertEqual(self.replicas("grown"), before)
        self.cluster.soliton("cluster", "reassign", "--plan", self.plan("grown", [1, 2, 3], [3, 2, 1]), "--yes", "--wait")
        self.assertEqual(self.replicas("grown"), [[1, 2, 3], [3, 2, 1]])
        self.assertTrue(self.cluster.json("cluster", "health")["healthy"])
        self.assertEqual(self.cluster.json("cluster", "reassign", "--list")["moves"], [])
        path = pathlib.Path(self.cluster.dir) / "kept.json"
        path.write_text(kept)
        self.cluster.soliton("cluster", "reassign", "--plan", path, "--yes", "--wait")
        self.assertEqual(self.replicas("grown"), before)
        poll(lambda: all(sorted(p["in_sync"]) == sorted(p["replicas"]) for p in self.partitions("grown")), "in sync")
        self.assertEqual(self.cluster.soliton("consume", "grown", "--from", "start", "-e", "-f", "%v\\n").stdout, "kept\n")
        self.cluster.soliton("cluster", "reassign", "--plan", self.plan("grown", [1, 9]), "--yes", code=6)

    def test_throttled_listed_and_taken_back(self):
        self.topic("slow", "-p", "1", "-r", "1")
        [[home]] = self.replicas("slow")
        guest = home % 3 + 1
        for _ in range(4):
            self.cluster.soliton("produce", "slow", stdin=("x" * 1000 + "\n") * 4000)
        # Thirteen hours of copying: it is under way for as long as the test looks.
        self.cluster.soliton("cluster", "reassign", "--plan", self.plan("slow", [guest]), "--yes", "--throttle", "341")
        self.assertEqual(self.throttles("slow", "replicas"), {f"{THROTTLES[0]}.replicas": [f"0:{home}"],
                                                             f"{THROTTLES[1]}.replicas": [f"0:{guest}"]})
        self.assertEqual(self.throttles("slow", "rate"), {f"{prefix}.rate": ["341", "341"] for prefix in THROTTLES})
        [move] = self.cluster.json("cluster", "reassign", "--list")["moves"]
        self.assertEqual((move["name"], move["adding"], move["removing"]), ("slow-0", [guest], [home]))
        health = self.cluster.json("cluster", "health", code=8)
        self.assertEqual([(p["check"], p["node"]) for p in health["problems"]], [("not-in-sync", guest)])
        self.assertIn("needs --yes", self.cluster.soliton("cluster", "reassign", "--cancel", code=2).stderr)
        self.assertIn("took back 1 move", self.cluster.soliton("cluster", "reassign", "slow", "--cancel", "--yes").stderr)
        self.assertEqual(self.replicas("slow"), [[home]])
        self.assertEqual((self.throttles("slow", "replicas"), self.throttles("slow", "rate")), ({}, {}))
        self.assertTrue(self.cluster.json("cluster", "health")["healthy"])

    def test_throttles_go_when_replicas_have_moved(self):
        self.topic("quick", "-p", "3", "-r", "1")
        self.cluster.soliton("produce", "quick", stdin="kept\n")
        there = [[replicas[0] % 3 + 1] for replicas in self.replicas("quick")]
        done = self.cluster.soliton("cluster", "reassign", "--plan", self.plan("quick", *there), "--yes", "--wait",
                                    "--throttle", "100MiB")
        self.assertIn("throttle removed", done.stderr)
        self.assertEqual(self.replicas("quick"), there)
        self.assertEqual((self.throttles("quick", "replicas"), self.throttles("quick", "rate")), ({}, {}))

    def test_throttles_are_taken_away_by_hand(self):
        self.topic("slow", "-p", "1", "-r", "1")
        [[home]] = self.replicas("slow")
        guest = home % 3 + 1
        for _ in range(4):
            self.cluster.soliton("produce", "slow", stdin=("x" * 1000 + "\n") * 4000)
        self.cluster.soliton("cluster", "reassign", "--plan", self.plan("slow", [guest]), "--yes", "--throttle", "341")
        self.assertEqual(len(self.cluster.json("cluster", "reassign", "--list")["moves"]), 1)
        self.assertIn("throttle removed", self.cluster.soliton("cluster", "reassign", "--unthrottle").stderr)
        # At full speed now.
        self.cluster.soliton("cluster", "reassign", "--list", "--wait")
        self.assertEqual(self.replicas("slow"), [[guest]])
        self.assertEqual((self.throttles("slow", "replicas"), self.throttles("slow", "rate")), ({}, {}))
        self.assertIn("nothing is throttled", self.cluster.soliton("cluster", "reassign", "--unthrottle").stderr)
        self.cluster.soliton("cluster", "reassign", "--list", "--throttle", "1MiB", code=2)

    # Health.

    def test_with_one_node_down(self):
        self.topic("hurt", "-p", "3", "-r", "3", "-c", "min.insync.replicas=3")
        self.topic("calm", "-p", "3", "-r", "3", "-c", "min.insync.replicas=2")
        gone = int(self.cluster.run("controller")) % 3 + 1
        there = self.others(gone)
        with Running(self.cluster, "cluster", "events", "--follow", "-o", "jsonl") as events:
            poll(lambda: "waiting for events" in events.said(), "events begin")
            self.kill(gone)
            poll(lambda: any(e["event"] == "node-fenced" and e["node"] == gone for e in events.objects()), events.said)
            poll(lambda: any(e["event"] == "in-sync" for e in events.objects()), events.said)
        health = self.cluster.json("cluster", "health", code=8, brokers=there)
        self.assertFalse(health["healthy"])
        checks = {problem["check"]: problem for problem in health["problems"]}
        self.assertEqual(checks["node-fenced"]["node"], gone)
        self.assertEqual(checks["not-in-sync"]["node"], gone)
        self.assertEqual(len(checks["not-in-sync"]["partitions"]), 6)
        self.assertEqual(checks["below-min-isr"]["partitions"], ["hurt-0", "hurt-1", "hurt-2"])
        self.assertEqual(checks["below-min-isr"]["what"], "2 of 3 replicas in sync and min.insync.replicas is 3: writes "
                                                          "with acks=all are refused")
        # And so they are.
        refused = self.cluster.soliton("produce", "hurt", "-X", "delivery.timeout.ms=500", stdin="no\n", code=None,
                                       brokers=there)
        self.assertNotEqual(refused.returncode, 0, refused.stderr)
        self.assertIn("NOT_ENOUGH_REPLICAS", refused.stderr)
        self.cluster.soliton("produce", "calm", stdin="yes\n", brokers=there)

        status = self.cluster.json("cluster", "status", brokers=there)
        self.assertFalse(status["healthy"])
        self.assertEqual((status["partitions_without_leader"], status["partitions_not_in_sync"],
                          status["partitions_below_min_isr"]), (0, 6, 3))
        nodes = self.nodes(there)
        self.assertEqual((nodes[gone]["state"], nodes[gone]["leads"], nodes[gone]["not_in_sync"]), ("FENCED", 0, 6))
        self.assertEqual([nodes[n]["state"] for n in nodes if n != gone], ["ok", "ok"])
        people = self.cluster.soliton("cluster", "status", brokers=there).stdout
        self.assertRegex(people, r"health +3 PROBLEMS")
        self.assertIn("below min.isr 3", people)
        late = self.cluster.soliton("cluster", "health", "--wait", "200ms", code=8, brokers=there).stderr
        self.assertIn("still after 200ms", late)
        self.start()
        self.cluster.healthy()

    def test_unclean_elections_are_told_once(self):
        self.topic("torn", "-p", "1", "-r", "2", "-c", "min.insync.replicas=1", "-c",
                   "unclean.leader.election.enable=true")
        self.assertEqual(self.cluster.json("cluster", "status")["partitions_elected_uncleanly"], 0)
        [[leader, behind]] = self.replicas("torn")
        with Running(self.cluster, "cluster", "events", "--follow", "-o", "jsonl") as events:
            poll(lambda: "waiting for events" in events.said(), "events begin")
            self.kill(behind)
            poll(lambda: self.partitions("torn")[0]["in_sync"] == [leader], "out of sync")
            self.cluster.soliton("produce", "torn", stdin="lost\n")
            self.kill(leader)
            # A majority is there again with it, and nobody else to lead.
            self.cluster.run("start", str(behind))
            self.down.remove(behind)
            [event] = poll(lambda: [e for e in events.objects() if e["event"] == "unclean-leader"], events.said)
            self.assertEqual((event["where"], event["node"], event["partitions"]), ("torn-0", behind, ["torn-0"]))
            self.assertIn("NOT in sync: acknowledged records may be lost", event["what"])
            self.start()
            self.cluster.healthy()
            self.assertEqual(len([e for e in events.objects() if e["event"] == "unclean-leader"]), 1)
        logged = [line for node in (1, 2, 3) for line in self.cluster.log(node).splitlines() if "UNCLEAN" in line]
        self.assertEqual(len(logged), 1, logged)
        line = json.loads(logged[0])
        self.assertEqual(line["level"], "error")
        self.assertRegex(line["msg"], r"^torn-0: leader .*UNCLEAN: acknowledged records may be lost.* took charge: 1$")
        # It is known for as long as the topic lives, whoever leads it and whoever is asked.
        self.assertEqual(self.cluster.json("cluster", "status")["partitions_elected_uncleanly"], 1)
        self.assertIn("torn-0", self.cluster.soliton("cluster", "status").stdout.split("\nunclean ")[1])
        self.assertIn("replicas that were not in sync have led torn-0", self.cluster.soliton("cluster", "health").stderr)

    def test_without_a_majority(self):
        leader = int(self.cluster.run("controller"))
        for node in {1, 2, 3} - {leader}:
            self.kill(node)
        here = f"127.0.0.1:{self.cluster.port + leader - 1}"
        def quorum_problem():
            # The leader needs a moment to notice that it leads nobody.
            first = self.cluster.json("cluster", "health", code=8, brokers=here)["problems"][0]
            return first["what"] if first["check"] == "quorum-unknown" else None
        # The broker's own word, not only that it took long.
        self.assertNotIn("in time", poll(quorum_problem, "no quorum"))
        self.assertIsNone(self.cluster.json("cluster", "status", brokers=here)["quorum_leader"])
        self.assertIn("majority", self.cluster.soliton("cluster", "quorum", brokers=here, code=None).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
