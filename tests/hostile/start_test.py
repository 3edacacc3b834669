#!/usr/bin/env python3
"""What a broker says that cannot start: one line of cause, the path or address, exit code 1 (or 3 for
settings), and nothing of what was there is changed.

Usage: start_test.py [unittest arguments]; needs build/soliton. Loopback only.
"""
import json
import os
import resource
import shutil
import socket
import subprocess
import unittest

from node import SOLITON, Node, Process


class Start(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node()

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    def refused(self, code, **settings):
        """What another broker says with these settings; it must end with `code`."""
        values = {"listeners": "PLAINTEXT://127.0.0.1:0",
                  "log.dirs": os.path.join(self.node.directory, "other"),
                  "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.node.controller.port}",
                  **{key.replace("_", "."): value for key, value in settings.items()}}
        node_id = values.pop("node.id", 2)
        with self.assertRaises(AssertionError) as failed:
            Process(self.node.directory, "broker", node_id, values).kill()
        text = str(failed.exception)
        self.assertIn(f"ended with {code}:", text)
        self.assertNotIn("terminate called", text)
        return text

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            text = self.refused(1, listeners=f"PLAINTEXT://127.0.0.1:{port}")
        self.assertIn(f"127.0.0.1:{port}", text)
        self.assertIn("in use", text)

    def test_name_that_does_not_resolve(self):
        text = self.refused(1, listeners="PLAINTEXT://no-such-host.invalid:0")
        self.assertIn("no-such-host.invalid", text)

    def test_directory_locked_by_a_live_process(self):
        text = self.refused(1, log_dirs=self.node.data)
        self.assertIn(f"is locked by process {self.node.broker.process.pid}", text)
        self.assertTrue(self.node.broker.alive())

    def test_directory_is_a_file(self):
        path = os.path.join(self.node.directory, "file")
        with open(path, "w") as file:
            file.write("mine")
        text = self.refused(1, log_dirs=path)
        self.assertIn(path, text)
        with open(path) as file:
            self.assertEqual(file.read(), "mine")

    def copy_of_data(self, name):
        """A data directory that was used by node 1 of this cluster."""
        path = os.path.join(self.node.directory, name)
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        shutil.copy(os.path.join(self.node.data, "meta.properties"), path)
        return path

    def change(self, path, old, new):
        meta = os.path.join(path, "meta.properties")
        with open(meta) as file:
            text = file.read()
        lines = [new if line.startswith(old) else line for line in text.splitlines()]
        with open(meta, "w") as file:
            file.write("\n".join(lines) + "\n")
        return meta

    def expect_unchanged(self, path, text):
        with open(os.path.join(path, "meta.properties")) as file:
            self.assertEqual(file.read(), text)

    def test_directory_of_another_node(self):
        path = self.copy_of_data("of-node-1")
        text = self.refused(1, log_dirs=path)
        self.assertIn("meta.properties has node.id=1", text)
        self.assertIn("node.id=2", text)

    def test_directory_of_another_cluster(self):
        path = self.copy_of_data("of-another-cluster")
        self.change(path, "cluster.id=", "cluster.id=somebody-elses")
        meta = self.change(path, "node.id=", "node.id=2")
        with open(meta) as file:
            before = file.read()
        text = self.refused(1, log_dirs=path)
        self.assertIn("somebody-elses", text)
        self.expect_unchanged(path, before)

    def test_cluster_id_differs_from_the_settings(self):
        path = self.copy_of_data("of-this-cluster")
        self.change(path, "node.id=", "node.id=2")
        text = self.refused(1, log_dirs=path, cluster_id="the-one-i-meant")
        self.assertIn("the-one-i-meant", text)

    def test_directory_of_another_version(self):
        path = self.copy_of_data("of-the-future")
        self.change(path, "version=", "version=7")
        text = self.refused(1, log_dirs=path, node_id=1)
        self.assertIn("version=7", text)

    def test_identity_damaged(self):
        path = self.copy_of_data("damaged")
        with open(os.path.join(path, "meta.properties"), "wb") as file:
            file.write(b"\0\xff\xfe=\n\n\n=")
        self.assertIn("meta.properties", self.refused(1, log_dirs=path))

    def test_identity_missing_where_partitions_are(self):
        path = os.path.join(self.node.directory, "orphans")
        os.makedirs(os.path.join(path, "topic-0"))
        text = self.refused(1, log_dirs=path)
        self.assertIn("meta.properties is missing", text)
        self.assertTrue(os.path.isdir(os.path.join(path, "topic-0")))

    def test_few_files_may_be_open(self):
        broker = Process(self.node.directory, "broker", 3, {
            "listeners": "PLAINTEXT://127.0.0.1:0",
            "log.dirs": os.path.join(self.node.directory, "third"),
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.node.controller.port}"},
            preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200)))
        try:
            self.assertIn("only 200 files may be open at once", broker.log())
        finally:
            broker.kill()

    def test_controller_without_its_metadata(self):
        """Damaged or lost, the cluster's metadata is never taken for an empty cluster."""
        node = Node()
        try:
            node.kcat("-P", "-t", "t", stdin=b"precious\n")
            node.broker.kill()
            node.controller.kill()
            home = os.path.join(node.directory, "controller", "controller")
            metadata = os.path.join(home, "__cluster_metadata-0")
            if not os.path.isdir(metadata):
                home = os.path.join(node.directory, "controller")
                metadata = os.path.join(home, "__cluster_metadata-0")
            kept = os.path.join(node.directory, "kept")
            shutil.copytree(metadata, kept)

            def restart():
                return Process(node.directory, "controller", 100, {
                    "listeners": f"CONTROLLER://127.0.0.1:{node.controller.port}",
                    "log.dirs": os.path.join(node.directory, "controller")})

            def refused():
                with self.assertRaises(AssertionError) as failed:
                    restart().kill()
                self.assertIn("ended with 1:", str(failed.exception))
                return str(failed.exception)
            segment = os.path.join(metadata, "%020d.log" % 0)
            with open(segment, "r+b") as file:
                file.seek(100)
                byte = file.read(1)
                file.seek(100)
                file.write(bytes([byte[0] ^ 1]))
            self.assertIn(segment + " at byte", refused())
            os.remove(segment)
            self.assertIn("records up to", refused())
            shutil.rmtree(metadata)
            self.assertIn("this controller has lost its log", refused())
            # All of it is gone: the brokers, who have seen it, do not follow.
            shutil.rmtree(metadata)
            os.remove(os.path.join(home, "quorum-voter"))
            controller = restart()
            with self.assertRaises(AssertionError) as failed:
                node.start_broker()
            self.assertIn("metadata is missing", str(failed.exception))
            controller.kill()
            shutil.rmtree(metadata)
            shutil.copytree(kept, metadata)
            node.controller = restart()
            node.start_broker()
            self.assertEqual(node.kcat("-C", "-t", "t", "-e", "-q").stdout, b"precious\n")
        finally:
            node.close()

    def test_damaged_records_are_given_up_by_hand_only(self):
        """The only copy stays as it is, and offline, until somebody accepts the loss."""
        node = Node()
        try:
            node.soliton("topic", "create", "t", "-p", "1", "-r", "1")
            node.soliton("produce", "t", stdin=b"kept\n")
            node.soliton("produce", "t", stdin=b"damaged\n")
            node.broker.kill()
            folder = os.path.join(node.data, "t-0")
            path = os.path.join(folder, "%020d.log" % 0)
            with open(path, "rb") as file:
                before = file.read()
            at = before.rindex(b"damaged")
            with open(path, "r+b") as file:
                file.seek(at)
                file.write(b"D")
            node.start_broker()
            failed = node.soliton("produce", "t", "-X", "delivery.timeout.ms=1000", stdin=b"refused\n", check=False)
            self.assertIn(b"KAFKA_STORAGE_ERROR", failed.stderr)
            for part in (path + " at byte", "offset 1;", f"soliton log accept-loss {folder} --yes"):
                self.assertIn(part, node.broker.log())
            refused = subprocess.run([SOLITON, "log", "accept-loss", folder, "--yes"], capture_output=True, timeout=60)
            self.assertEqual(refused.returncode, 5, refused.stderr)  # the broker runs
            node.broker.kill()
            shown = subprocess.run([SOLITON, "log", "accept-loss", folder], capture_output=True, timeout=60)
            self.assertEqual(shown.returncode, 2)
            self.assertIn(b"records lost: 1 to 1; records that stay: 0 to 0", shown.stderr)
            subprocess.run([SOLITON, "log", "accept-loss", folder, "--yes"], check=True, capture_output=True, timeout=60)
            with open(os.path.join(node.data, "accepted-losses.jsonl"), encoding="utf-8") as file:
                audit = json.loads(file.read())
            self.assertEqual((audit["log_end_offset"], audit["durable_end_offset"]), (1, 2))
            kept = [name for name in os.listdir(audit["kept_as"]) if ".from-byte-" in name]
            with open(os.path.join(audit["kept_as"], kept[0]), "rb") as file:
                self.assertIn(b"Damaged", file.read())
            node.start_broker()
            self.assertEqual(node.kcat("-C", "-t", "t", "-e", "-q", "-o", "beginning").stdout, b"kept\n")
            node.soliton("produce", "t", stdin=b"more\n")
        finally:
            node.close()

    def test_settings(self):
        for key, value, said in (("num.partition", "3", "did you mean 'num.partitions'?"),
                                 ("num.partitions", "many", "num.partitions"),
                                 ("num.partitions", "0", "num.partitions"),
                                 ("log.segment.bytes", "1PiB", "log.segment.bytes"),
                                 ("queued.max.request.bytes", "-5", "queued.max.request.bytes"),
                                 ("storage.min.free.bytes", "lots", "storage.min.free.bytes"),
                                 ("max.connections", "99999999999", "max.connections"),
                                 ("durability", "hope", "durability"),
                                 ("listeners", "SSL://127.0.0.1:0", "only PLAINTEXT is available"),
                                 ("listeners", "PLAINTEXT://127.0.0.1:99999", "listeners"),
                                 ("advertised.listeners", "PLAINTEXT://0.0.0.0:9092",
                                  "must name an address"),
                                 ("log.dirs", "/tmp/a,/tmp/a", "log.dirs")):
            with self.subTest(key=key, value=value):
                self.assertIn(said, self.refused(3, **{key: value}))


if __name__ == "__main__":
    unittest.main(verbosity=2)
