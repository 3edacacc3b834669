#!/usr/bin/env python3
"""What a command says when something is wrong, asked of the tool with a running broker.

Usage: cli_test.py [unittest arguments]; needs build/soliton. Loopback only.
"""
import json
import os
import signal
import socket
import subprocess
import unittest

from node import SOLITON, Node


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node()
        cls.node.soliton("topic", "create", "orders", "--partitions", "2")
        lines = b"".join(b"line %d\n" % i for i in range(20000))
        cls.node.soliton("produce", "orders", stdin=lines)

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    def fails(self, code, *words, **options):
        done = self.node.soliton(*words, check=False, **options)
        self.assertEqual(done.returncode, code, (words, done.stderr))
        self.assertEqual(done.stdout, b"", words)
        text = done.stderr.decode()
        self.assertTrue(text.startswith("error: "), text)
        self.assertNotIn("terminate called", text)
        return text

    def test_unknown_topic_is_named_and_the_nearest_one_too(self):
        for words in (("topic", "describe", "order"), ("topic", "delete", "order", "--yes"),
                      ("consume", "order", "-e"), ("topic", "alter", "order", "--set", "retention.ms=1000")):
            text = self.fails(6, *words)
            self.assertIn("unknown topic 'order'", text)
            self.assertIn("did you mean 'orders'?", text)

    def test_destructive_without_yes(self):
        self.assertIn("--yes", self.fails(2, "topic", "delete", "orders"))
        self.assertIn(b"orders", self.node.soliton("topic", "list").stdout)

    def test_nobody_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))  # bound, and nobody listens
            port = free.getsockname()[1]
            done = subprocess.run([SOLITON, "topic", "list", "--brokers", f"127.0.0.1:{port}"],
                                  capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 4)
        self.assertIn(f"127.0.0.1:{port}", done.stderr.decode())
        self.assertIn("Connection refused", done.stderr.decode())

    def test_a_broker_that_does_not_answer(self):
        self.node.broker.process.send_signal(signal.SIGSTOP)
        try:
            text = self.fails(4, "topic", "list")
        finally:
            self.node.broker.process.send_signal(signal.SIGCONT)
        self.assertIn(self.node.bootstrap, text)
        self.assertIn("no broker answered", text)

    def test_a_reader_that_has_enough(self):
        for words in (("consume", "orders", "--from", "start", "-e"), ("topic", "list"),
                      ("config", "list"), ("help",)):
            read, write = os.pipe()
            command = [str(SOLITON), *words]
            if words[0] in ("consume", "topic"):
                command += ["--brokers", self.node.bootstrap]
            os.close(read)  # whoever reads has gone before a byte is written
            with subprocess.Popen(command, stdout=write, stderr=subprocess.PIPE) as process:
                os.close(write)
                said = process.stderr.read()
                process.wait(timeout=60)
            self.assertNotIn(b"terminate", said, words)
            self.assertNotIn(b"roken pipe", said, words)
            self.assertIn(process.returncode, (0, 1, -signal.SIGPIPE), words)

    def test_bytes_that_are_no_text_stay_json(self):
        self.node.soliton("topic", "create", "binary", "--partitions", "1")
        value = b"\xff\xfe\x1b[31m\x00\xc3("
        self.node.soliton("produce", "binary", stdin=value + b"\n")
        out = self.node.soliton("consume", "binary", "--from", "start", "-e", "-o", "jsonl").stdout
        self.assertTrue(out.isascii() or out.decode("utf-8"))
        records = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(records), 1)
        self.assertEqual(self.node.soliton("consume", "binary", "--from", "start", "-e").stdout,
                         value + b"\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
