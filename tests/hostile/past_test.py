#!/usr/bin/env python3
"""Processes that take the past for the present: one that was stopped, and data directories put back to an older copy."""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import unittest

from node import DEADLINE_S, frame, header, poll, read_frame
from quorum_test import Cluster

NOT_LEADER_OR_FOLLOWER = 6


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def batch(value):
    """Of one record without key."""
    record = b"\0" + varint(0) + varint(0) + varint(-1) + varint(len(value)) + value + varint(0)
    body = struct.pack(">hiqqqhii", 0, 0, 1_700_000_000_000, 1_700_000_000_000, -1, -1, -1, 1) + varint(len(record)) + record
    head = struct.pack(">ibI", -1, 2, crc32c(body))
    return struct.pack(">qi", 0, len(head) + len(body)) + head + body


def produce(topic, value, acks):
    records = batch(value)
    return frame(header(0, 3) + struct.pack(">hhiih", -1, acks, 10_000, 1, len(topic)) + topic.encode()
                 + struct.pack(">iii", 1, 0, len(records)) + records)


def produce_error(answer):
    """Of the only partition."""
    topic_bytes = struct.unpack_from(">h", answer, 8)[0]
    return struct.unpack_from(">h", answer, 10 + topic_bytes + 8)[0]


class Past(unittest.TestCase):
    def setUp(self):
        self.cluster = None

    def tearDown(self):
        if self.cluster:
            self.cluster.close()

    def run_cluster(self, **options):
        self.cluster = Cluster(**options).start()
        self.cluster.healthy()
        return self.cluster

    def leader(self, topic, via):
        """Of partition 0, as that broker says."""
        listed = subprocess.run(["kcat", "-L", "-J", "-b", f"127.0.0.1:{self.cluster.kafka[via]}", "-t", topic],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=DEADLINE_S)
        if listed.returncode != 0:
            return None
        topics = json.loads(listed.stdout)["topics"]
        return topics[0]["partitions"][0]["leader"] if topics and topics[0]["partitions"] else None

    def read(self, topic):
        return self.cluster.soliton("consume", topic, "--from", "start", "-e", "-f", "%v\\n").stdout.split()

    def test_a_leader_that_was_stopped(self):
        cluster = self.run_cluster()
        cluster.create_topic("t", 1)
        old = poll(lambda: self.leader("t", 0), "a leader")
        stopped, port = cluster.nodes[old - 1], cluster.kafka[old - 1]
        # acks=1: the leader alone acknowledges.
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as peer:
            peer.sendall(produce("t", b"before", acks=1))
            self.assertEqual(produce_error(read_frame(peer)), 0)
            poll(lambda: self.read("t") == ["before"], "the others have it")
            stopped.process.send_signal(signal.SIGSTOP)
            try:
                other = old % 3  # another one's index
                poll(lambda: self.leader("t", other) not in (None, -1, old), "another leader")
                # It waits in the socket.
                peer.sendall(produce("t", b"while-stopped", acks=1))
            finally:
                stopped.process.send_signal(signal.SIGCONT)
            self.assertEqual(produce_error(read_frame(peer)), NOT_LEADER_OR_FOLLOWER)
        stopped.says(r"did not run for \d+ ms: acks=1 and acks=0 are refused until a controller says who leads")
        cluster.healthy()
        self.assertEqual(self.read("t"), ["before"])

    def test_an_older_copy_of_a_voter(self):
        cluster = self.run_cluster()
        node, data, copy = cluster.nodes[1], cluster.data("node-1"), cluster.data("copy")
        self.assertEqual(node.end(), 0)
        shutil.copytree(data, copy)
        node.start().ready()
        cluster.create_topic("t", 3)
        cluster.healthy()
        self.assertEqual(node.end(), 0)
        shutil.rmtree(data)
        os.rename(copy, data)
        node.start()
        self.assertEqual(node.process.wait(DEADLINE_S), 1)
        self.assertRegex(node.log(), r"the data directory of controller 2 is an older copy of itself .* it begins its life"
                                     r" \d+, and was heard in life \d+\. .* let it join as a new one"
                                     r" \(it is \S+node-1/controller here\)")
        # A supervisor that starts it again and again does not get it in.
        for _ in range(3):
            node.start()
            self.assertEqual(node.process.wait(DEADLINE_S), 1)
            self.assertRegex(node.log(), r"older copy of itself .* as the other controllers have said: .* let it join as a new one")
        # As told: it is a node with new disks.
        shutil.rmtree(data)
        node.start().ready()
        cluster.healthy()

    def test_an_older_copy_of_a_running_broker(self):
        cluster = self.run_cluster(separate=True)
        cluster.create_topic("t", 3)
        cluster.soliton("produce", "t", "-q", stdin="".join(f"{i}\n" for i in range(100)))
        node, data, copy = cluster.nodes[1], cluster.data("node-1"), cluster.data("copy")
        # Nothing may change while it is copied, as in a snapshot of the machine.
        node.process.send_signal(signal.SIGSTOP)
        shutil.copytree(data, copy)
        node.process.send_signal(signal.SIGCONT)
        cluster.healthy()
        cluster.soliton("produce", "t", "-q", stdin="".join(f"{i}\n" for i in range(100, 200)))
        life = os.path.join(data, "broker-life")

        def read_life(folder):
            with open(os.path.join(folder, "broker-life")) as file:
                return int(file.read())
        poll(lambda: os.path.exists(life) and read_life(data) >= read_life(copy) + 2, "its next life")
        node.end(signal.SIGKILL)
        shutil.rmtree(data)
        os.rename(copy, data)
        node.start()
        node.says(r"the data directory of broker 2 is an older copy of itself .* counts as lost until it has caught up")
        node.ready()
        cluster.healthy()
        self.assertEqual(sorted(map(int, self.read("t"))), list(range(200)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
