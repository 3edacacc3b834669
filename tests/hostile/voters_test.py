#!/usr/bin/env python3
"""Voters of the metadata quorum come and go while the cluster runs: real processes, our command line."""
import json
import re
import shutil
import signal
import subprocess
import unittest

from node import DEADLINE_S, SOLITON, poll
from quorum_cluster import Cluster, free_ports


class Voters(unittest.TestCase):
    def setUp(self):
        self.cluster = None
        self.load = None

    def tearDown(self):
        if self.load:
            self.load.kill()
            self.load.wait()
            for pipe in (self.load.stdin, self.load.stderr):
                pipe.close()
        if self.cluster:
            self.cluster.close()

    def quorum(self):
        return json.loads(self.cluster.soliton("cluster", "quorum", "-o", "json").stdout)

    def members(self, *kinds):
        """Node ids with one of these states; controllers without a vote are observers, like brokers."""
        return sorted(each["node"] for each in self.quorum()["members"] if each["status"] in kinds)

    def voters(self):
        return self.members("leader", "follower")

    def leader(self):
        return poll(lambda: self.quorum()["leader"], "a leader")

    def change(self, action, node, *words, code=0):
        done = self.cluster.soliton("cluster", "quorum", action, str(node), *words, code=code)
        return done.stdout if code == 0 else done.stderr

    def controller(self, node_id):
        """One more, that is started with the first voters' addresses."""
        return self.cluster.more_controllers(node_id).start()

    def test_a_replaced_disk(self):
        cluster = self.cluster = Cluster()
        cluster.start()
        cluster.create_topic("t", 3)
        old = next(each["directory_id"] for each in self.quorum()["members"] if each["node"] == 3)
        cluster.nodes[2].end(signal.SIGKILL)
        shutil.rmtree(cluster.data("node-2"))
        cluster.nodes[2].start().ready()
        threes = {each["status"]: each["directory_id"] for each in self.quorum()["members"] if each["node"] == 3}
        self.assertEqual(threes["follower"], old)
        new = threes["observer"]
        self.assertNotEqual(new, old)
        # It has no vote: with one of two voters left nobody is elected.
        cluster.nodes[1].end(signal.SIGKILL)
        poll(lambda: "NOT_CONTROLLER (41): no controller leads the cluster" in
             cluster.ask("topic", "create", "u", "-p", "1", "-r", "1").stderr, "no leader")
        cluster.nodes[1].start().ready()
        poll(lambda: self.leader(), "a leader again")
        self.assertIn("still votes with another disk", self.change("add", 3, code=1))
        self.assertIn("voters 1,2,3 -> 1,2\n", self.change("remove", 3))
        self.assertIn("voters 1,2 -> 1,2,3\n", self.change("add", 3, "--directory-id", new))
        self.assertEqual([each["directory_id"] for each in self.quorum()["members"] if each["node"] == 3], [new])
        # Its vote counts.
        cluster.healthy()
        cluster.nodes[0].end(signal.SIGKILL)
        cluster.create_topic("v", 1, by=1, replicas=2)
        self.assertIn(self.leader(), (2, 3))
        cluster.nodes[0].start().ready()
        cluster.healthy()

    def test_all_controllers_are_replaced(self):
        cluster = self.cluster = Cluster(separate=True)
        cluster.start()
        cluster.create_topic("t", 3)
        self.load = subprocess.Popen(
            [str(SOLITON), "produce", "t", "-q", "-b", f"127.0.0.1:{cluster.kafka[0]}"], stdin=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        written = 0

        def write(count):
            nonlocal written
            self.load.stdin.write("".join(f"{written + i}\n" for i in range(count)))
            self.load.stdin.flush()
            written += count

        write(100)
        # Four, then three: the leader itself goes.
        self.controller(104).ready()
        self.assertIn("voters 101,102,103 -> 101,102,103,104\n", self.change("add", 104))
        write(100)
        leader = self.leader()
        self.change("remove", leader)
        write(100)
        poll(lambda: self.leader() != leader, "another leader")
        self.assertEqual(self.voters(), sorted({101, 102, 103, 104} - {leader}))
        cluster.create_topic("u", 1)
        # The rest of the first ones.
        rest = sorted({101, 102, 103} - {leader})
        for new, old in zip((105, 106), rest):
            self.controller(new).ready()
            self.change("add", new)
            self.change("remove", old)
            write(100)
        self.assertEqual(self.voters(), [104, 105, 106])
        # Brokers know them from the metadata: none of those that their settings name is there any more.
        for controller in cluster.controllers[:3]:
            controller.end(signal.SIGKILL)
        cluster.create_topic("v", 1)
        first = self.leader()
        cluster.controllers[3 + first - 104].end(signal.SIGKILL)
        poll(lambda: self.leader() not in (None, first), "the next leader")
        cluster.create_topic("w", 1)
        write(100)
        self.load.stdin.close()
        self.assertEqual(self.load.wait(DEADLINE_S), 0, self.load.stderr.read())
        read = cluster.soliton("consume", "t", "--from", "start", "-e", "-f", "%v\\n").stdout.split()
        self.assertEqual(sorted(map(int, read)), list(range(written)))

    def test_what_is_refused(self):
        cluster = self.cluster = Cluster(separate=True)
        cluster.start()
        self.assertIn("node 104 cannot be added", self.change("add", 104, "--timeout", "300ms", code=7))
        said = self.change("add", 104, "--timeout", "300ms", code=7)
        self.assertIn("cause: no controller with this id follows the metadata log", said)
        self.assertIn("start it first, with the controller.quorum.voters of this cluster", said)
        for words, told in ((["ad", "104"], "expected one of add, remove; did you mean 'add'?"),
                            (["add"], "add needs a node id"), (["add", "x"], "bad value 'x' for NODE"),
                            (["add", "104", "--directory-id", "x"], "'x' is no directory id")):
            self.assertIn(told, cluster.soliton("cluster", "quorum", *words, code=2).stderr)
        self.assertIn("it is a broker", self.change("add", 1, "--timeout", "300ms", code=7))
        self.assertIn("it is a voter already", self.change("add", 102, code=1))
        self.assertIn("it is no voter; voters are 101,102,103", self.change("remove", 104, code=6))
        # A majority of those that stay must follow.
        away = 101 if self.leader() != 101 else 102
        cluster.controllers[away - 101].end(signal.SIGKILL)
        stays = next(each for each in (101, 102, 103) if each not in (away, self.leader()))
        said = self.change("remove", stays, "--timeout", "300ms", code=7)
        self.assertIn("no majority of the 2 voters that would be left", said)
        self.change("remove", away)
        self.change("remove", stays)
        last = self.leader()
        self.assertEqual(self.voters(), [last])
        self.assertIn("the last voter cannot be removed", self.change("remove", last, code=1))
        # Two at once: one waits for the other, and both are done.
        cluster.controllers[away - 101].start().ready()
        changes = [subprocess.Popen([str(SOLITON), "cluster", "quorum", "add", str(node), "-b",
                                     f"127.0.0.1:{cluster.kafka[0]}"], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True) for node in (away, stays)]
        for each in changes:
            _, said = each.communicate(timeout=DEADLINE_S)
            self.assertEqual(each.returncode, 0, said)
        self.assertEqual(self.voters(), [101, 102, 103])
        cluster.healthy()

    def test_settings_of_one_that_is_to_be_added(self):
        cluster = self.cluster = Cluster(separate=True)
        port = free_ports(1)[0]
        # Without an address of its own nobody could call it back.
        other = cluster.more_controllers(104)
        other.start(listeners=f"CONTROLLER://:{port}")
        self.assertEqual(other.process.wait(DEADLINE_S), 3)
        self.assertRegex(other.log(), r"error: node 104 is not among controller.quorum.voters")
        self.assertRegex(other.log(), r"it needs an address of its own")
        # One of the voters under another number.
        other.start(listeners=f"CONTROLLER://127.0.0.1:{cluster.control[0]}")
        self.assertEqual(other.process.wait(DEADLINE_S), 3)
        self.assertTrue(re.search(r"controller.quorum.voters = \"104@host:\d+\"", other.log()), other.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
