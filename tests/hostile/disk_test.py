#!/usr/bin/env python3
"""A broker on a small disk that fills up and empties again: a tmpfs in a mount namespace of its own.

Usage: disk_test.py [unittest arguments]; needs build/soliton, kcat and `unshare`. Loopback only.
"""
import os
import subprocess
import sys
import tempfile
import time
import unittest

from node import Node, poll

MIB = 1 << 20
INSIDE = "SOLITON_TEST_IN_NAMESPACE"


def enter_namespace():
    """Runs this script again where it may mount; ends the process when that is impossible here."""
    if os.environ.get(INSIDE):
        return
    words = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    possible = subprocess.run(words + ["true"], stderr=subprocess.PIPE)
    if possible.returncode != 0:
        print("SKIPPED: no mount namespace here:", possible.stderr.decode().strip())
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp(words[0], words + [sys.executable] + sys.argv)


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.disk = tempfile.mkdtemp(prefix="soliton-small-disk-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", self.disk], check=True)
        self.node = None

    def tearDown(self):
        if self.node:
            self.node.close()
        subprocess.run(["umount", self.disk], check=True)
        os.rmdir(self.disk)

    def start(self, **settings):
        self.node = Node({"log.segment.bytes": MIB, "log.retention.check.interval.ms": 500,
                          **{key.replace("_", "."): value for key, value in settings.items()}},
                         data=os.path.join(self.disk, "data"))

    def ballast(self, size):
        with open(os.path.join(self.disk, "ballast"), "wb") as file:
            for _ in range(size // MIB):
                file.write(b"b" * MIB)

    def free(self):
        info = os.statvfs(self.disk)
        return info.f_bavail * info.f_frsize

    def produce(self, topic, count, size=100_000):
        """Sends without retries; returns the values acknowledged and the first error."""
        import confluent_kafka
        producer = confluent_kafka.Producer({"bootstrap.servers": self.node.bootstrap, "acks": "all",
                                             "retries": 0, "linger.ms": 0,
                                             "message.timeout.ms": 20000})
        acked, errors = [], []

        def on_delivery(error, message):
            if error:
                errors.append(error)
            else:
                acked.append(message.value()[:20])
        for i in range(count):
            value = b"%s-%d-%f" % (topic.encode(), i, time.monotonic())
            producer.produce(topic, value.ljust(size, b"."), callback=on_delivery)
            self.assertEqual(producer.flush(30), 0)
            if errors:
                break
        return acked, errors[0] if errors else None

    def read_all(self, topic):
        text = self.node.kcat("-C", "-q", "-t", topic, "-o", "beginning", "-e", "-f", "%s\n").stdout
        return [line[:20] for line in text.splitlines()]

    def fill_and_recover(self, make_room):
        import confluent_kafka
        acked, error = self.produce("t", 2000)
        print(f"\n{len(acked)} records of 100 kB acknowledged, {self.free() / MIB:.1f} MiB left, then: {error}")
        self.assertIsNotNone(error, "the disk of 96 MiB took 200 MB")
        self.assertEqual(error.code(), confluent_kafka.KafkaError.KAFKA_STORAGE_ERROR)
        self.assertTrue(self.node.broker.alive())
        self.assertEqual(self.read_all("t"), acked)
        make_room()
        again = []

        def taken():
            more, refused = self.produce("t", 1)
            again.extend(more)
            return not refused
        poll(taken, "it recovers by itself", 30)
        self.assertEqual(self.read_all("t"), acked + again)
        # And nothing acknowledged was in memory only.
        self.node.broker.kill()
        self.node.start_broker()
        self.assertEqual(self.read_all("t"), acked + again)

    def test_floor(self):
        self.start(storage_min_free_bytes=16 * MIB)
        self.ballast(40 * MIB)
        self.fill_and_recover(lambda: os.remove(os.path.join(self.disk, "ballast")))
        log = self.node.broker.log_path
        with open(log) as file:
            text = file.read()
        self.assertIn("appends of clients are refused until there is room", text)
        self.assertIn("appends of clients are taken again", text)

    def test_deleting_a_topic_makes_room(self):
        self.start(storage_min_free_bytes=16 * MIB)
        self.assertEqual(self.produce("old", 300)[1], None)
        self.fill_and_recover(lambda: self.node.soliton("topic", "delete", "old", "--yes"))

    def test_without_a_floor(self):
        """The disk is full to the last byte, and appends fail in the middle."""
        self.start(storage_min_free_bytes=0)
        self.ballast(40 * MIB)
        self.fill_and_recover(lambda: os.remove(os.path.join(self.disk, "ballast")))

    def test_start_on_a_full_disk(self):
        os.mkdir(os.path.join(self.disk, "data"))
        self.ballast(95 * MIB)
        with open(os.path.join(self.disk, "rest"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"r" * 1024)
            except OSError:
                pass
        with self.assertRaises(AssertionError) as failed:
            self.start()
        text = str(failed.exception)
        self.assertIn("ended with 1", text)
        self.assertIn(self.disk, text)
        self.assertIn("No space left on device", text)
        self.assertEqual([name for name in os.listdir(os.path.join(self.disk, "data"))
                          if not name.startswith(".lock")], [], "no half-written identity stays")

    def test_start_on_a_read_only_disk(self):
        subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)
        with self.assertRaises(AssertionError) as failed:
            self.start()
        self.assertIn("ended with 1", str(failed.exception))
        self.assertIn("Read-only file system", str(failed.exception))


if __name__ == "__main__":
    enter_namespace()
    unittest.main(verbosity=2)
