#!/usr/bin/env python3
"""Three controllers and what is wrong with one of them, or with most: real processes."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from node import DEADLINE_S, SOLITON, poll

PORTS = iter(range(26000, 32000))


def free_ports(count):
    """Below those that the system gives to connections, so that none of them takes one meanwhile."""
    found = []
    while len(found) < count:
        port = next(PORTS)
        try:
            with socket.socket() as each:
                each.bind(("127.0.0.1", port))
            found.append(port)
        except OSError:
            continue
    return found


class Member:
    """One process, started by its settings and told apart by its name."""

    def __init__(self, cluster, name, role, settings):
        self.log_path = os.path.join(cluster.directory, name + ".log")
        self.role, self.settings = role, settings
        self.process = None

    def start(self, **changes):
        words = [str(SOLITON), self.role]
        for key, value in {**self.settings, **{k.replace("_", "."): v for k, v in changes.items()}}.items():
            words += ["--set", f"{key}={value}"]
        self.begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def log(self):
        with open(self.log_path, "rb") as file:
            file.seek(self.begin)
            return file.read().decode(errors="replace")

    def says(self, pattern):
        try:
            return poll(lambda: re.search(pattern, self.log()), pattern)
        except AssertionError as late:
            raise AssertionError(f"{late}, in:\n{self.log()}") from None

    def ready(self):
        self.says(r" ready in ")

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(DEADLINE_S) if self.process else None


class Cluster:
    def __init__(self, separate=False):
        self.directory = tempfile.mkdtemp(prefix="soliton-quorum-")
        self.kafka, self.control = free_ports(3), free_ports(3)
        first = 101 if separate else 1
        self.voters = ",".join(f"{first + i}@127.0.0.1:{self.control[i]}" for i in range(3))
        common = {"min.insync.replicas": 2, "default.replication.factor": 3, "shards": 1}
        self.nodes, self.controllers = [], []
        for i in range(3):
            if separate:
                self.controllers.append(Member(self, f"controller-{i}", "controller", {
                    "node.id": first + i, "process.roles": "controller",
                    "listeners": f"CONTROLLER://127.0.0.1:{self.control[i]}",
                    "controller.quorum.voters": self.voters, "log.dirs": self.data(f"controller-{i}")}))
                role = {"process.roles": "broker", "listeners": f"PLAINTEXT://127.0.0.1:{self.kafka[i]}",
                        "controller.quorum.bootstrap.servers":
                            ",".join(f"127.0.0.1:{port}" for port in self.control)}
            else:
                role = {"process.roles": "broker,controller", "controller.quorum.voters": self.voters,
                        "listeners": f"PLAINTEXT://127.0.0.1:{self.kafka[i]},"
                                     f"CONTROLLER://127.0.0.1:{self.control[i]}"}
            self.nodes.append(Member(self, f"node-{i}", "broker", {
                "node.id": 1 + i, "log.dirs": self.data(f"node-{i}"), **common, **role}))
        self.others = []

    def data(self, name):
        return os.path.join(self.directory, name)

    def other(self, name, settings):
        self.others.append(Member(self, name, "broker", settings))
        return self.others[-1]

    def start(self):
        for member in self.controllers + self.nodes:
            member.start()
        for member in self.controllers + self.nodes:
            member.ready()
        return self

    def soliton(self, *words, stdin="", code=0):
        done = subprocess.run([str(SOLITON), *words], input=stdin, text=True, timeout=DEADLINE_S,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, SOLITON_BROKERS=",".join(f"127.0.0.1:{p}" for p in self.kafka)))
        if done.returncode != code:
            raise AssertionError(f"{words}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}")
        return done

    def create_topic(self, name, partitions):
        """Again when the controller moved meanwhile and nobody can say whether it was created."""
        def created():
            done = subprocess.run([str(SOLITON), "topic", "create", name, "-p", str(partitions), "-r", "3", "-b",
                                   f"127.0.0.1:{self.kafka[0]}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True, timeout=DEADLINE_S)
            return done.returncode == 0 or "TOPIC_ALREADY_EXISTS" in done.stderr
        poll(created, f"topic {name}")

    def healthy(self):
        self.soliton("cluster", "health", "--wait", f"{DEADLINE_S - 5}s")

    def close(self):
        for member in self.nodes + self.controllers + self.others:
            member.end(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)


class Quorum(unittest.TestCase):
    def setUp(self):
        self.cluster = None

    def tearDown(self):
        if self.cluster:
            self.cluster.close()

    def run_cluster(self, **options):
        self.cluster = Cluster(**options)
        return self.cluster

    def test_two_nodes_with_the_same_id(self):
        cluster = self.run_cluster().start()
        kafka, control = free_ports(2)
        voters = re.sub(r"2@127.0.0.1:\d+", f"2@127.0.0.1:{control}", cluster.voters)
        twin = cluster.other("twin", {
            **cluster.nodes[1].settings, "log.dirs": cluster.data("twin"), "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://127.0.0.1:{kafka},CONTROLLER://127.0.0.1:{control}"}).start()
        twin.says(r"refuses this one: there are two controllers with node.id 2: .* give it a node.id of its own")
        twin.says(rf"node id 2 is in use by the broker at 127.0.0.1:{cluster.kafka[1]}")
        # Of two brokers one gives up, when it cannot be about its own predecessor any more: the later one, unless the
        # earlier one was cut off just then.
        port = free_ports(1)[0]
        broker = cluster.other("broker", {
            "node.id": 3, "process.roles": "broker", "listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.quorum.bootstrap.servers": ",".join(f"127.0.0.1:{port}" for port in cluster.control),
            "log.dirs": cluster.data("broker")}).start()
        three = cluster.nodes[2]
        poll(lambda: broker.process.poll() is not None or three.process.poll() is not None, "one gives up")
        loser, winner = (broker, cluster.kafka[2]) if broker.process.poll() is not None else (three, port)
        self.assertEqual(loser.process.wait(DEADLINE_S), 1)
        self.assertIn(f"node id 3 is in use by the broker at 127.0.0.1:{winner}", loser.log())
        twin.end(signal.SIGKILL)
        if loser is three:
            broker.end()
            three.start().ready()
        cluster.healthy()

    def test_voter_lists_that_disagree(self):
        cluster = self.run_cluster()
        port = free_ports(1)[0]
        cluster.nodes[0].start()
        cluster.nodes[1].start()
        wrong = re.sub(r"2@127.0.0.1:\d+", f"4@127.0.0.1:{port}", cluster.voters)
        cluster.nodes[2].start(**{"controller_quorum_voters": wrong})
        told = (r"refuses this one: controller.quorum.voters of controller {} names nodes {}, that of controller \d names"
                r" {}: give all controllers of a new cluster the same list")
        # Whoever is looked at first says it.
        cluster.nodes[2].says(told.format(3, "1,3,4", "1,2,3"))
        cluster.nodes[0].says(r"controller.quorum.voters of controller 3 names nodes 1,3,4")
        cluster.nodes[2].end(signal.SIGKILL)
        cluster.nodes[2].start()
        for node in cluster.nodes:
            node.ready()
        # Later the list is not what counts, but that it is wrong is said.
        cluster.nodes[2].end()
        cluster.nodes[2].start(**{"controller_quorum_voters": wrong})
        cluster.nodes[2].says(r"controller.quorum.voters names nodes 1,3,4, but the voters of this cluster are 1,2,3")
        cluster.nodes[2].ready()
        cluster.healthy()

    def test_a_node_of_another_cluster(self):
        cluster = self.run_cluster().start()
        cluster.nodes[2].end()
        cluster.nodes[2].start(cluster_id="AAAAAAAAAAAAAAAAAAAAAA")
        self.assertEqual(cluster.nodes[2].process.wait(DEADLINE_S), 1)
        self.assertRegex(cluster.nodes[2].log(), r"meta.properties has cluster.id=\S+, not cluster.id=AAAAAAAAAAAAAAAAAAAAAA")
        # A data directory in which the node has begun a cluster of its own.
        foreign = cluster.data("foreign")
        alone = {"log_dirs": foreign, "controller_quorum_voters": f"3@127.0.0.1:{cluster.control[2]}",
                 "default_replication_factor": 1, "min_insync_replicas": 1}
        settings = dict(cluster.nodes[2].settings, **{k.replace("_", "."): v for k, v in alone.items()})
        other = cluster.other("alone", settings).start()
        other.ready()
        other.end()
        mixed = cluster.other("mixed", dict(cluster.nodes[2].settings, **{"log.dirs": foreign})).start()
        # Whoever is quicker to dial is refused, and both say it.
        mixed.says(r"(refuses this one: controller 3 is of cluster \S+, controller \d of \S+"
                   r"|controller \d is of cluster \S+, controller 3 of \S+): start the one that is wrong")
        mixed.says(r"controller.quorum.voters names nodes 1,2,3, but the voters of this cluster are 3")
        mixed.end()
        cluster.nodes[2].start().ready()
        cluster.healthy()

    def test_a_data_directory_of_another_node(self):
        cluster = self.run_cluster().start()
        cluster.nodes[2].end()
        shutil.copytree(cluster.data("node-1"), cluster.data("copy"))
        cluster.nodes[2].start(log_dirs=cluster.data("copy"))
        self.assertEqual(cluster.nodes[2].process.wait(DEADLINE_S), 1)
        self.assertRegex(cluster.nodes[2].log(), r"copy/controller/meta.properties has node.id=2, this process is "
                                                 r"configured with node.id=3. .*point log.dirs elsewhere")
        cluster.nodes[2].start().ready()
        cluster.healthy()

    def test_two_of_three_controllers_gone(self):
        cluster = self.run_cluster(separate=True).start()
        cluster.healthy()
        cluster.create_topic("t", 3)
        cluster.soliton("produce", "t", "-q", stdin="".join(f"{i}\n" for i in range(100)))
        for controller in cluster.controllers[:2]:
            controller.end(signal.SIGKILL)
        # What brokers lead they go on to serve.
        cluster.soliton("produce", "t", "-q", stdin="".join(f"{i}\n" for i in range(100, 200)))
        read = cluster.soliton("consume", "t", "--from", "start", "-e", "-f", "%v\\n").stdout.split()
        self.assertEqual(sorted(map(int, read)), list(range(200)))
        # What needs the controller is refused, with the reason.
        for words in (["topic", "create", "u", "-p", "1", "-r", "1"], ["topic", "delete", "t", "--yes"],
                      ["config", "set", "--topic", "t", "retention.ms=1h"]):
            refused = cluster.soliton(*words, code=1)
            self.assertIn("NOT_CONTROLLER (41): no controller leads the cluster", refused.stderr)
        # One of them is enough.
        cluster.controllers[0].start().ready()
        cluster.healthy()
        cluster.create_topic("u", 1)
        cluster.soliton("produce", "u", "-q", stdin="again\n")

    def test_a_damaged_metadata_log(self):
        cluster = self.run_cluster().start()
        for i in range(8):
            cluster.create_topic(f"t{i}", 3)
        cluster.nodes[2].end()
        folder = os.path.join(cluster.data("node-2"), "controller")
        path = os.path.join(folder, "__cluster_metadata-0", "00000000000000000000.log")
        with open(path, "r+b") as log:
            log.seek(os.path.getsize(path) // 2)
            log.write(b"\xA5" * 4)
        cluster.nodes[2].start()
        self.assertEqual(cluster.nodes[2].process.wait(DEADLINE_S), 1)
        said = cluster.nodes[2].log()
        self.assertRegex(said, rf"{re.escape(path)} at byte \d+: ")
        self.assertIn(f"{folder} may be removed", said)
        # As told. It is a voter with a new disk, and follows.
        shutil.rmtree(folder)
        cluster.nodes[2].start().ready()
        cluster.create_topic("after", 1)
        names = cluster.soliton("topic", "list", "-b", f"127.0.0.1:{cluster.kafka[2]}", "-o", "csv").stdout
        self.assertIn("after", names)


if __name__ == "__main__":
    unittest.main(verbosity=2)
