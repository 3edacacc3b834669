#!/usr/bin/env python3
"""A running broker against bad frames, crowds and peers that stop half-way.

Usage: hostile_test.py [unittest arguments]; needs build/soliton and kcat. Loopback only.
"""
import contextlib
import os
import resource
import socket
import struct
import time
import unittest

from node import Node, Process, api_versions, frame, header, metadata_of_all, poll, read_frame

MIB = 1 << 20


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class WithNode(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        raise_descriptor_limit()
        cls.node = Node(cls.settings)

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    def assert_serves(self, within_s=5):
        """A good client is answered, and soon."""
        begun = time.monotonic()
        with self.node.connect() as peer:
            peer.sendall(api_versions())
            answer = read_frame(peer)
        self.assertEqual(answer[:4], struct.pack(">i", 7))
        self.assertLess(time.monotonic() - begun, within_s)
        self.assertTrue(self.node.broker.alive())

    def send_all_it_takes(self, peer, data):
        """Sends until the other side takes no more; the bytes that went."""
        peer.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while sent < len(data):
                sent += peer.send(data[sent:sent + MIB])
        return sent


class Frames(WithNode):
    def expect_closed(self, data, *, shut=False):
        with self.node.connect() as peer:
            with contextlib.suppress(ConnectionError):
                peer.sendall(data)
                if shut:
                    peer.shutdown(socket.SHUT_WR)
            self.assertEqual(read_frame(peer), b"", data[:40])
        self.assert_serves()

    def test_lengths_that_lie(self):
        self.expect_closed(struct.pack(">i", 0))
        self.expect_closed(struct.pack(">i", -1) + b"x" * 50)
        self.expect_closed(struct.pack(">i", 2**31 - 1) + b"x" * 50)
        self.expect_closed(struct.pack(">i", 100 * MIB + 1) + b"x" * 50)
        self.expect_closed(struct.pack(">i", 1000) + header(3, 1), shut=True)
        self.expect_closed(b"\0\0", shut=True)
        self.expect_closed(b"", shut=True)
        self.assertIn("frame length 2147483647 is out of bounds", self.node.broker.log())

    def test_counts_that_lie(self):
        self.expect_closed(frame(header(3, 1) + struct.pack(">i", 2**31 - 1)))
        self.expect_closed(frame(header(3, 1) + struct.pack(">i", -2)))
        self.expect_closed(frame(header(0, 3) + b"\xff\xff\0\x01\0\0\x75\x30" +
                                 struct.pack(">i", 2**30)))
        self.expect_closed(frame(header(1, 4) + b"\xff\xff\xff\xff" + b"\0\0\0\x0a" * 3 + b"\0" +
                                 struct.pack(">i", 2**31 - 1)))

    def test_unknown_keys_and_versions(self):
        for key in (-1, 999, 32767):
            self.expect_closed(frame(header(key, 0)))
        self.expect_closed(frame(header(3, 99)))
        with self.node.connect() as peer:
            peer.sendall(frame(header(18, 99) + b"\0"))
            self.assertEqual(read_frame(peer)[4:6], struct.pack(">h", 35))

    def test_other_protocols_are_named(self):
        for data, name in ((b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"),
                           (bytes.fromhex("1603010200010001fc0303") + b"x" * 506, "TLS"),
                           (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH")):
            peers = set()

            def said():  # lines are bounded: after other tests it takes a while
                with self.node.connect() as peer:
                    peers.add("%s:%d" % peer.getsockname())
                    peer.sendall(data)
                    self.assertEqual(read_frame(peer), b"")
                lines = [line for line in self.node.broker.log().splitlines()
                         if f"the peer speaks {name}" in line]
                return any(peer in line for line in lines for peer in peers)
            poll(said, f"a line about {name}", 30)
            self.assert_serves()

    def test_noise(self):
        state = 12345
        for _ in range(200):
            data = bytearray()
            for _ in range(64):
                state = (state * 1103515245 + 12345) & 0x7fffffff
                data.append(state >> 16 & 255)
            with self.node.connect() as peer:
                with contextlib.suppress(ConnectionError):
                    peer.sendall(data[:4] if state % 2 else frame(bytes(data)))
                    peer.shutdown(socket.SHUT_WR)
                read_frame(peer)
        self.assert_serves()

    def test_a_decompression_bomb_takes_no_memory(self):
        import confluent_kafka
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.node.bootstrap, "compression.type": "gzip",
            "message.max.bytes": 500 * MIB, "acks": "all"})
        before = self.node.broker.resident_bytes()
        failed = []
        for _ in range(3):
            producer.produce("bombs", b"\0" * (128 * MIB),
                             callback=lambda error, _: failed.append(error) if error else None)
            self.assertEqual(producer.flush(60), 0)
        grown = self.node.broker.resident_bytes() - before
        print(f"\nthree bombs of 128 MiB: RSS grew by {grown / MIB:.1f} MiB, refused {failed}")
        self.assertEqual(failed, [])
        self.assertLess(grown, 32 * MIB)
        self.assert_serves()


class Crowd(WithNode):
    """10,000 connections that say nothing."""
    settings = {"max.connections": 15000}
    COUNT = 10000

    def test_idle_connections(self):
        limit = raise_descriptor_limit()
        self.assertGreater(limit, self.COUNT + 500, "raise the hard limit of open files (ulimit -Hn)")
        self.assert_serves()
        before = self.node.broker.resident_bytes()
        with contextlib.ExitStack() as crowd:
            begun = time.monotonic()
            peers = [crowd.enter_context(self.node.connect()) for _ in range(self.COUNT)]
            poll(lambda: self.node.broker.sockets() > self.COUNT, "all accepted")
            took = time.monotonic() - begun
            grown = self.node.broker.resident_bytes() - before
            print(f"\n{self.COUNT} idle connections in {took:.1f} s: RSS grew by {grown / MIB:.1f} MiB, "
                  f"{grown / self.COUNT / 1024:.1f} KiB each")
            self.assertLess(grown, 100 * MIB)
            self.assert_serves()
            # Each of them still works.
            for peer in peers[::500]:
                peer.sendall(api_versions())
                self.assertNotEqual(read_frame(peer), b"")
            self.node.kcat("-P", "-t", "crowd", stdin=b"a\nb\n")
        poll(lambda: self.node.broker.sockets() < 100, "all gone")
        self.assertEqual(self.node.kcat("-C", "-t", "crowd", "-e", "-q").stdout, b"a\nb\n")


class Siege(WithNode):
    """1,000 connections that take what they can get, against a small budget."""
    BUDGET = 64 * MIB
    settings = {"queued.max.request.bytes": BUDGET, "connections.frame.timeout.ms": 4000,
                "connections.send.timeout.ms": 4000, "max.connections": 1200}

    def test_memory_stays_within_the_budget(self):
        self.node.soliton("topic", "create", "t", "--partitions", "200")
        self.node.kcat("-P", "-t", "t", "-p", "0", stdin=b"x" * 500000)
        self.assert_serves()
        before = self.node.broker.resident_bytes()
        sockets = self.node.broker.sockets()
        large = struct.pack(">i", 2 * MIB) + header(0, 9) + b"z" * (2 * MIB)
        large = large[:2 * MIB]  # a few bytes are missing
        with contextlib.ExitStack() as siege:
            peers = [siege.enter_context(self.node.connect()) for _ in range(1000)]
            sent = 0
            highest = 0
            rest = {}
            for i, peer in enumerate(peers):
                kind = i % 4
                if kind == 0:  # most of a large request, as much of it as is taken
                    rest[peer] = large[self.send_all_it_takes(peer, large):]
                elif kind == 1:  # half a small one
                    sent += self.send_all_it_takes(peer, struct.pack(">i", 9000) + b"\0" * 4000)
                elif kind == 2:  # answers that nobody takes
                    sent += self.send_all_it_takes(peer, metadata_of_all() * 20000)
                else:  # a huge length and one byte
                    sent += self.send_all_it_takes(peer, struct.pack(">i", 2**31 - 1) + b"x")
                highest = max(highest, self.node.broker.resident_bytes())
            self.assert_serves()
            # Some more of everything, byte by byte, until all that is too slow has been closed.
            end = time.monotonic() + 8
            while time.monotonic() < end:
                for peer in peers[1::4]:
                    sent += self.send_all_it_takes(peer, b"s")
                for peer, data in rest.items():
                    rest[peer] = data[self.send_all_it_takes(peer, data):]
                highest = max(highest, self.node.broker.resident_bytes())
                self.assert_serves()
            sent += sum(len(large) - len(data) for data in rest.values())
            grown = highest - before
            print(f"\n1000 hostile connections sent {sent / MIB:.0f} MiB: RSS grew by {grown / MIB:.1f} MiB "
                  f"at most, budget {self.BUDGET / MIB:.0f} MiB, before {before / MIB:.1f} MiB")
            self.assertLess(grown, self.BUDGET * 1.1)
            poll(lambda: self.node.broker.sockets() < sockets + 20,
                 "the slow ones are closed", 60)
            # Nobody waits for memory for ever: a large request goes through while they are still there.
            self.node.kcat("-P", "-t", "t", "-p", "1", stdin=b"y" * 900000)
        self.assertEqual(len(self.node.kcat("-C", "-t", "t", "-p", "1", "-e", "-q").stdout), 900001)
        log = self.node.broker.log()
        self.assertIn("comes in too slowly", log)
        self.assertLess(log.count("closing connection"), 200)

    def test_more_connections_than_allowed(self):
        sockets = self.node.broker.sockets()
        with contextlib.ExitStack() as crowd:
            peers = [crowd.enter_context(self.node.connect()) for _ in range(1300)]
            refused = 0
            for peer in peers:
                with contextlib.suppress(ConnectionError):
                    peer.sendall(api_versions())
                refused += read_frame(peer) == b""
            self.assertTrue(100 <= refused <= 110, refused)
            self.assertIn("(max.connections)", self.node.broker.log())
        poll(lambda: self.node.broker.sockets() < sockets + 20, "all gone")
        self.assert_serves()


class Reserve(WithNode):
    """Clients have taken every connection: the other broker gets in, to replicate, all the same."""
    settings = {"max.connections": 100, "replica.lag.time.max.ms": 3000}

    def start_second(self):
        return Process(self.node.directory, "broker", 2, {
            "listeners": "PLAINTEXT://127.0.0.1:0", "shards": 2,
            "log.dirs": os.path.join(self.node.directory, "second"),
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.node.controller.port}"})

    def isr(self, second):
        import confluent_kafka.admin
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": f"127.0.0.1:{second.port}"})
        return sorted(admin.list_topics("t", timeout=10).topics["t"].partitions[0].isrs)

    def test_a_crowd_does_not_keep_brokers_out(self):
        second = self.start_second()
        try:
            self.node.soliton("topic", "create", "t", "--partitions", "1", "--replication-factor", "2")
            poll(lambda: self.isr(second) == [1, 2], "both in sync")
            second.kill()
            self.node.kcat("-P", "-t", "t", stdin=b"while it is away\n")
            with contextlib.ExitStack() as crowd:
                peers = [crowd.enter_context(self.node.connect()) for _ in range(600)]
                claims = frame(header(18, 0, client_id=b"replica-2-0"))
                for peer in peers[500:]:  # no broker by its name alone
                    with contextlib.suppress(ConnectionError):
                        peer.sendall(claims)
                    self.assertEqual(read_frame(peer), b"")
                poll(lambda: "(max.connections)" in self.node.broker.log(), "a full house")
                second = self.start_second()
                poll(lambda: self.isr(second) == [1, 2], "the second broker is in sync again")
                self.assertGreater(self.node.broker.sockets(), 100)
        finally:
            second.kill()
        self.assert_serves()


class Descriptors(unittest.TestCase):
    """A broker that has no descriptor left pauses accepting, and goes on when there are some."""

    def test_running_out(self):
        raise_descriptor_limit()
        node = Node({"max.connections": 100000})
        try:
            resource.prlimit(node.broker.process.pid, resource.RLIMIT_NOFILE, (150, 150))
            with contextlib.ExitStack() as crowd:
                for _ in range(300):
                    crowd.enter_context(node.connect())
                poll(lambda: "cannot accept connections now" in node.broker.log(), "a line")
                self.assertTrue(node.broker.alive())
            with node.connect() as peer:
                peer.sendall(api_versions())
                self.assertNotEqual(read_frame(peer), b"")
            self.assertLess(node.broker.log().count("cannot accept"), 20)
        finally:
            node.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
