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

    def run_as_is(self, *words):
        return subprocess.run([str(SOLITON), *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              env=os.environ | {"SOLITON_BROKERS": self.node.bootstrap})

    def test_unknown_topic_is_named_and_the_nearest_one_too(self):
        for words in (("topic", "describe", "order"), ("topic", "delete", "order", "--yes"),
                      ("consume", "order", "-e"), ("topic", "alter", "order", "--set", "retention.ms=1000")):
            text = self.fails(6, *words)
            self.assertIn("unknown topic 'order'", text)
            self.assertIn("did you mean 'orders'?", text)

    def test_errors_as_json(self):
        """The same exit codes, and one object that a program can read."""
        missing = ("UNKNOWN_TOPIC_OR_PARTITION", 3)
        for code, kafka_error, words in (
                (2, None, ("topic", "list", "--nonsense")),
                (2, None, ("topic", "delete", "orders")),
                (2, None, ("produce",)),
                (3, None, ("broker", "--set", "shard=2")),
                (3, None, ("controller", "--config", "/nonexistent.toml")),
                (6, None, ("config", "explain", "no.such.setting")),
                (6, missing, ("topic", "describe", "order")),
                (6, missing, ("topic", "delete", "order", "--yes")),
                (6, missing, ("topic", "alter", "order", "--set", "retention.ms=1000")),
                (6, missing, ("consume", "order", "-e")),
                (6, missing, ("config", "get", "--topic", "order")),
                (1, ("TOPIC_ALREADY_EXISTS", 36), ("topic", "create", "orders")),
                (1, ("INVALID_TOPIC_EXCEPTION", 17), ("topic", "create", "a b")),
                (1, ("INVALID_CONFIG", 40), ("topic", "alter", "orders", "--set", "retention.ms=x")),
                (1, ("OFFSET_OUT_OF_RANGE", 1), ("topic", "trim", "orders", "--before", "999999999", "--yes")),
                (6, None, ("log", "verify", "/nonexistent"))):
            as_text = self.run_as_is(*words)
            done = self.run_as_is(*words, "--errors", "json")
            self.assertEqual((as_text.returncode, done.returncode), (code, code), (words, done.stderr))
            self.assertEqual(done.stdout, b"", words)
            said = json.loads(done.stderr.splitlines()[-1])
            self.assertEqual(said["version"], 1)
            error = said["error"]
            self.assertEqual(set(error), {"exit_code", "exit_meaning", "what", "at", "cause", "hint",
                                          "kafka_error", "kafka_error_code", "findings"}, words)
            self.assertEqual(error["exit_code"], code, words)
            expected = kafka_error or (None, None)
            self.assertEqual((error["kafka_error"], error["kafka_error_code"]), expected, words)
            if not error["findings"]:
                self.assertIn("error: " + error["what"], as_text.stderr.decode(), words)
        # Data as JSON means errors as JSON.
        done = self.run_as_is("topic", "describe", "order", "-o", "json")
        self.assertIn("orders", json.loads(done.stderr)["error"]["hint"])

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
