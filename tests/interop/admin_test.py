#!/usr/bin/env python3
"""Settings and partitions through foreign admin clients (kafka-python, confluent-kafka) and our own command,
against a real cluster. Usage as clients_test.py."""
import json
import os
import pathlib
import subprocess
import threading
import time
import unittest

from clients_test import DEADLINE_S, ROOT, WithCluster

# kafka-python and Kafka agree on these numbers.
FROM_TOPIC, FROM_BROKER, FROM_START, FROM_DEFAULT = 1, 2, 4, 5


class AdminCase(WithCluster):
    def eventually(self, look, expected):
        """A change is in force where it was asked for; other brokers hear of it about then."""
        deadline = time.monotonic() + DEADLINE_S
        while look() != expected and time.monotonic() < deadline:
            threading.Event().wait(0.05)
        self.assertEqual(look(), expected)


class KafkaPythonAdmin(AdminCase):
    def setUp(self):
        from kafka.admin import KafkaAdminClient
        self.admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)

    def tearDown(self):
        self.admin.close()

    def describe(self, kind, name, *keys):
        """name -> (value, source)"""
        from kafka.admin import ConfigResource, ConfigResourceType
        resource = ConfigResource(ConfigResourceType[kind], name, configs={key: None for key in keys} or None)
        found = {}
        for response in self.admin.describe_configs([resource]):
            for error, message, _, _, configs in response.resources:
                self.assertEqual(error, 0, message)
                for entry in configs:
                    found[entry[0]] = (entry[1], entry[3])
        return found

    def test_topic_settings(self):
        from kafka.admin import ConfigResource, ConfigResourceType
        self.create("py-settings", 1)
        every = self.describe("TOPIC", "py-settings")
        self.assertEqual(every["min.insync.replicas"], ("2", FROM_TOPIC))
        self.assertEqual(every["retention.ms"], ("604800000", FROM_DEFAULT))
        self.assertGreater(len(every), 30)
        # AlterConfigs replaces everything.
        response = self.admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, "py-settings", configs={"retention.ms": "3600000"})])
        self.assertEqual(response.resources[0][0], 0, response)
        self.eventually(lambda: self.describe("TOPIC", "py-settings", "retention.ms", "min.insync.replicas"),
                        {"retention.ms": ("3600000", FROM_TOPIC), "min.insync.replicas": ("2", FROM_START)})
        response = self.admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, "py-settings", configs={"retention.ms": "soon"})])
        self.assertEqual(response.resources[0][0], 40, response)
        self.assertIn("retention.ms", response.resources[0][1])

    def test_broker_settings(self):
        broker = self.describe("BROKER", "2")
        self.assertEqual(broker["node.id"][0], "2")
        self.assertEqual(broker["log.retention.ms"], ("604800000", FROM_DEFAULT))

    def test_more_partitions(self):
        from kafka.admin import NewPartitions
        from kafka.errors import InvalidPartitionsError
        self.create("py-grow", 2)
        self.admin.create_partitions({"py-grow": NewPartitions(5)}, timeout_ms=10000)
        self.eventually(lambda: len(self.admin.describe_topics(["py-grow"])[0]["partitions"]), 5)
        self.admin.create_partitions({"py-grow": NewPartitions(6, [[1, 2, 3]])}, timeout_ms=10000)
        with self.assertRaises(InvalidPartitionsError):
            self.admin.create_partitions({"py-grow": NewPartitions(3)}, timeout_ms=10000)


class LibrdkafkaAdmin(AdminCase):
    def setUp(self):
        from confluent_kafka.admin import AdminClient
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap})

    def describe(self, kind, name):
        from confluent_kafka.admin import ConfigResource
        [future] = self.admin.describe_configs([ConfigResource(kind, name)]).values()
        return future.result(DEADLINE_S)

    def test_topic_settings(self):
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import ConfigResource
        self.create("c-settings", 1)
        change = ConfigResource("topic", "c-settings", set_config={"segment.bytes": "2097152"})
        [future] = self.admin.alter_configs([change]).values()
        future.result(DEADLINE_S)
        self.eventually(lambda: self.describe("topic", "c-settings")["segment.bytes"].value, "2097152")
        entry = self.describe("topic", "c-settings")["segment.bytes"]
        self.assertEqual((entry.value, entry.source, entry.is_read_only), ("2097152", FROM_TOPIC, False))
        self.assertIn("log.segment.bytes", entry.synonyms)
        bad = ConfigResource("topic", "c-settings", set_config={"segment.bytes": "1"})
        [future] = self.admin.alter_configs([bad]).values()
        with self.assertRaises(KafkaException) as refused:
            future.result(DEADLINE_S)
        self.assertEqual(refused.exception.args[0].code(), 40)

    def test_broker_settings(self):
        from confluent_kafka.admin import ConfigResource
        # A broker of this client's choice is asked about itself.
        self.assertEqual(self.describe("broker", "3")["node.id"].value, "3")
        change = ConfigResource("broker", "3", set_config={"message.max.bytes": "5000"})
        [future] = self.admin.alter_configs([change]).values()
        future.result(DEADLINE_S)
        self.eventually(lambda: self.describe("broker", "3")["message.max.bytes"].value, "5000")
        entry = self.describe("broker", "3")["message.max.bytes"]
        self.assertEqual((entry.value, entry.source), ("5000", FROM_BROKER))
        self.assertNotEqual(self.describe("broker", "1")["message.max.bytes"].value, "5000")
        [future] = self.admin.alter_configs([ConfigResource("broker", "3")]).values()
        future.result(DEADLINE_S)
        self.eventually(lambda: self.describe("broker", "3")["message.max.bytes"].source, FROM_DEFAULT)

    def test_more_partitions(self):
        from confluent_kafka import KafkaException, Producer
        from confluent_kafka.admin import NewPartitions
        self.create("c-grow", 1)
        self.admin.create_partitions([NewPartitions("c-grow", 4)])["c-grow"].result(DEADLINE_S)
        landed = []
        producer = Producer({"bootstrap.servers": self.bootstrap, "acks": "all"})
        for partition in range(4):
            producer.produce("c-grow", b"v", partition=partition,
                             on_delivery=lambda error, message: landed.append((error, message.partition())))
        producer.flush(DEADLINE_S)
        self.assertEqual(sorted(landed, key=str), [(None, p) for p in range(4)])
        with self.assertRaises(KafkaException) as refused:
            self.admin.create_partitions([NewPartitions("c-grow", 2)])["c-grow"].result(DEADLINE_S)
        self.assertEqual(refused.exception.args[0].code(), 37)


class OwnCommand(AdminCase):
    def soliton(self, *words):
        """(exit code, stdout, stderr)"""
        binary = pathlib.Path(os.environ.get("SOLITON_BUILD", ROOT / "build")) / "soliton"
        done = subprocess.run([binary, *words, "-b", self.bootstrap], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE_S)
        return done.returncode, done.stdout, done.stderr.replace(self.bootstrap, "BROKERS")

    def value(self, *words):
        code, out, err = self.soliton("config", "get", *words, "-o", "json")
        self.assertEqual(code, 0, err)
        [setting] = json.loads(out)["settings"]
        return setting["value"], setting["source"]

    def test_topic_alter(self):
        self.create("orders", 2)
        self.assertEqual(self.soliton("topic", "alter", "orders", "--set", "retention.ms=7d", "--dry-run", "-p", "4"),
                         (0, "", "topic orders could be altered; nothing was done: "
                                 "retention.ms=604800000, 4 partitions\n"))
        self.eventually(lambda: self.value("--topic", "orders", "retention.ms"), ("604800000", "default"))
        self.assertEqual(self.soliton("topic", "alter", "orders", "--set", "retention.ms=1h", "-p", "4"),
                         (0, "", "topic orders altered: retention.ms=3600000, 4 partitions\n"))
        self.eventually(lambda: self.value("--topic", "orders", "retention.ms"), ("3600000", "topic"))
        self.eventually(lambda: len(json.loads(self.soliton("topic", "describe", "orders", "-o", "json")[1])
                                    ["partitions"]), 4)
        self.assertEqual(self.soliton("topic", "alter", "orders", "--delete", "retention.ms"),
                         (0, "", "topic orders altered: retention.ms back to its default\n"))
        self.eventually(lambda: self.value("--topic", "orders", "retention.ms"), ("604800000", "default"))

    def test_refusals(self):
        self.create("refused", 2)
        self.assertEqual(
            self.soliton("topic", "alter", "refused", "--set", "retention.mss=7d"),
            (1, "", "error: cannot alter topic 'refused'\n  at: BROKERS\n"
                    "  cause: INVALID_CONFIG (40): Unknown topic config name: retention.mss\n"
                    "  hint: did you mean 'retention.ms'?\n"))
        self.assertEqual(
            self.soliton("topic", "alter", "refused", "-p", "1"),
            (1, "", "error: cannot give topic 'refused' 1 partitions\n  at: BROKERS\n"
                    "  cause: INVALID_PARTITIONS (37): The topic refused currently has 2 partition(s); "
                    "1 would not be an increase.\n  hint: see: soliton topic describe refused\n"))
        # What is refused stops the rest.
        code, _, err = self.soliton("topic", "alter", "refused", "--set", "retention.ms=5", "-p", "2")
        self.assertEqual(code, 1, err)
        self.eventually(lambda: self.value("--topic", "refused", "retention.ms"), ("604800000", "default"))
        code, _, err = self.soliton("topic", "alter", "refusd", "-p", "9")
        self.assertEqual(code, 6)
        self.assertIn("did you mean 'refused'?", err)
        code, _, err = self.soliton("config", "get", "--topic", "refused", "retention.mss")
        self.assertEqual(code, 6)
        self.assertIn("did you mean 'retention.ms'", err)
        code, _, err = self.soliton("config", "set", "num.partitions=3")
        self.assertEqual(code, 1)
        self.assertIn("Cannot update these configs dynamically: [num.partitions]", err)

    def test_topic_trim(self):
        self.create("trimmed", 2)
        for partition in ("0", "1"):
            self.kcat("-P", "-t", "trimmed", "-p", partition, "-X", "acks=all", stdin=b"a\nb\nc")
        self.assertEqual(self.soliton("topic", "trim", "trimmed", "--before", "2", "--partition", "1", "--dry-run"),
                         (0, "", "would delete records below 2 of trimmed-1\n"))
        self.assertEqual(self.soliton("topic", "trim", "trimmed", "--before", "2", "--partition", "1", "--yes"),
                         (0, "", "trimmed-1 begins at offset 2\n"))
        self.assertEqual(sorted(self.read_all("trimmed").decode().split()), ["a", "b", "c", "c"])
        code, _, err = self.soliton("topic", "trim", "trimmed", "--before", "7", "--yes")
        self.assertEqual(code, 1, err)
        self.assertIn("cause: OFFSET_OUT_OF_RANGE (1)", err)
        code, out, err = self.soliton("topic", "trim", "trimmed", "--before", "end", "--yes")
        self.assertEqual((code, sorted(err.splitlines())),
                         (0, ["trimmed-0 begins at offset 3", "trimmed-1 begins at offset 3"]))
        self.assertEqual(self.read_all("trimmed"), b"")
        self.assertEqual(self.soliton("topic", "trim", "trimmed", "--before", "0", "--partition", "7", "--yes")[0], 6)

    def test_broker_settings(self):
        self.assertEqual(self.soliton("config", "set", "message.max.bytes=2MiB"),
                         (0, "", "all brokers: message.max.bytes=2097152\n"))
        self.eventually(lambda: self.value("--broker", "2", "message.max.bytes"), ("2097152", "all brokers"))
        self.assertEqual(self.soliton("config", "set", "--broker", "2", "message.max.bytes=1MiB")[0], 0)
        self.eventually(lambda: self.value("--broker", "2", "message.max.bytes"), ("1048576", "broker"))
        self.eventually(lambda: self.soliton("config", "get"),
                        (0, "SETTING            VALUE           FROM\n"
                            "message.max.bytes  2097152 (2MiB)  all brokers\n", ""))
        self.assertEqual(self.soliton("config", "set", "--delete", "message.max.bytes")[0], 0)
        self.assertEqual(self.soliton("config", "set", "--broker", "2", "--delete", "message.max.bytes")[0], 0)
        self.eventually(lambda: self.value("--broker", "2", "message.max.bytes"), ("1048588", "default"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
