#!/usr/bin/env python3
"""Kafka's own server.properties, unchanged, starts a node that kcat and kafka-python work with.

The file fixes ports 9092 and 9093 and the folder /tmp/kraft-combined-logs. Where they are in use the test says so and
ends with code 77 (skipped): somebody's broker or data is not this test's to move.
"""
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "tests" / "testdata" / "kafka" / "server.properties"
DATA = pathlib.Path("/tmp/kraft-combined-logs")
DEADLINE_S = 60
LINES = [f"line {i} {'x' * (i % 50)}" for i in range(2000)]


def in_the_way():
    for port in (9092, 9093):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("0.0.0.0", port))
            except OSError as error:
                return f"port {port} is taken ({error.strerror}); stop what listens there"
    if DATA.exists():
        return f"{DATA} exists; if it is not needed: rm -r {DATA}"
    return None


class Node:
    def __init__(self):
        self.log = ""
        self.process = subprocess.Popen([ROOT / "build" / "soliton", "broker", "--config", FILE],
                                        stderr=subprocess.PIPE, text=True, env={})
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        if not self.ready.wait(DEADLINE_S) or " ready in " not in self.log:
            self.end(signal.SIGKILL)
            raise RuntimeError(f"the node is not ready:\n{self.log}")

    def read(self):
        for line in self.process.stderr:
            self.log += line
            if " ready in " in line:
                self.ready.set()
        self.ready.set()

    def end(self, how):
        self.process.send_signal(how)
        code = self.process.wait(DEADLINE_S)
        self.reader.join()
        self.process.stderr.close()
        return code


def kcat(*args, stdin=None):
    done = subprocess.run(["kcat", "-b", "localhost:9092", *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=DEADLINE_S)
    if done.returncode != 0:
        raise RuntimeError(f"kcat {args}: {done.stderr.decode()}")
    return done.stdout.decode()


class Combined(unittest.TestCase):
    def setUp(self):
        self.node = None

    def tearDown(self):
        if self.node is not None and self.node.process.poll() is None:
            self.node.end(signal.SIGKILL)
        shutil.rmtree(DATA, ignore_errors=True)

    def read_all(self):
        return kcat("-C", "-q", "-t", "demo", "-o", "beginning", "-e").splitlines()

    def test_produce_kill_restart_stop_restart(self):
        self.node = Node()
        for key in ("num.network.threads", "num.io.threads", "transaction.state.log.min.isr"):
            warning = f"warning: '{key}' is accepted but has no effect\n  at: {FILE}:"
            self.assertEqual(self.node.log.count(warning), 1, self.node.log)
        self.assertIn("1 brokers", kcat("-L"))
        kcat("-P", "-t", "demo", "-X", "acks=all", stdin="\n".join(LINES).encode())
        self.assertEqual(self.read_all(), LINES)
        self.node.end(signal.SIGKILL)

        self.node = Node()
        self.assertEqual(self.read_all(), LINES, "after kill -9")
        kcat("-P", "-t", "demo", "-z", "lz4", stdin=b"after the kill")
        self.assertEqual(self.node.end(signal.SIGTERM), 0, self.node.log)
        self.assertIn("soliton node 1 stopped\n", self.node.log)

        self.node = Node()
        self.assertEqual(self.read_all(), LINES + ["after the kill"], "after a clean stop")
        from kafka.admin import KafkaAdminClient, NewTopic
        admin = KafkaAdminClient(bootstrap_servers="localhost:9092")
        admin.create_topics([NewTopic("by-admin", 3, 1)], timeout_ms=10000)
        self.assertEqual(sorted(admin.list_topics()), ["by-admin", "demo"])
        admin.close()
        self.assertEqual(self.node.end(signal.SIGTERM), 0, self.node.log)


if __name__ == "__main__":
    reason = in_the_way()
    if reason is not None:
        print(f"skipped: {reason}", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
