#!/usr/bin/env python3
"""Three controllers and what is wrong with one of them, or with most: real processes."""
import os
import re
import shutil
import signal
import unittest

from node import DEADLINE_S, poll
from quorum_cluster import Cluster, free_ports

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
