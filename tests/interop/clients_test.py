#!/usr/bin/env python3
"""Foreign clients against a real cluster: kcat, kafka-python, librdkafka (confluent-kafka-python).

Starts its own cluster (bench/cluster) on its own ports and data folder, and takes it down again.
Usage: clients_test.py [unittest arguments]; needs build/soliton (or that of $SOLITON_BUILD). Loopback only.
"""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from wire_client import Broker

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "bench" / "cluster"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
DEADLINE_S = 60


def free_port_base():
    """Nine consecutive free ports, below the range that outgoing connections use."""
    for base in range(21000, 31000, 20):
        sockets = []
        try:
            for port in list(range(base, base + 3)) + [base + 8]:
                s = socket.socket()
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", port))
                sockets.append(s)
            return base
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise RuntimeError("no free ports")


class Cluster:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="soliton-interop-")
        self.env = dict(os.environ, PORT_BASE=str(free_port_base()))

    def run(self, *words):
        done = subprocess.run([CLUSTER, *words, "--dir", self.dir], env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE_S)
        if done.returncode != 0:
            raise RuntimeError(f"cluster {words}: {done.stderr}")
        return done.stdout.strip()

    def up(self):
        self.run("up", "--set", "replica.lag.time.max.ms=5000", "--set", "broker.rack=RACK{node}", "--set", "num.partitions=4", "--set",
                 "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector")
        self.bootstrap = self.run("bootstrap")

    def close(self):
        self.run("down")
        # A node that was built with a sanitizer says so there.
        reports = [path.read_text(errors="replace") for path in pathlib.Path(self.dir).glob("node-*.log")]
        shutil.rmtree(self.dir, ignore_errors=True)
        for text in reports:
            if "Sanitizer:" in text or "runtime error:" in text:
                raise AssertionError("a node reported: " + text[-8000:])


def command(*args, stdin=None, check=True):
    done = subprocess.run([str(a) for a in args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=DEADLINE_S)
    if check and done.returncode != 0:
        raise RuntimeError(f"{args}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout


class WithCluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        try:
            cls.cluster.up()
        except BaseException:
            cls.cluster.close()
            raise
        cls.bootstrap = cls.cluster.bootstrap

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()

    def create(self, topic, partitions=3, replicas=3):
        from confluent_kafka.admin import AdminClient, NewTopic
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.create_topics([NewTopic(topic, partitions, replicas, config={"min.insync.replicas": "2"})])[topic].result(
            DEADLINE_S)

    def trim(self, topic, partition, offset):
        """DeleteRecords, which neither Python client has."""
        answers = []
        for address in self.bootstrap.split(","):
            broker = Broker(*address.split(":"))
            answers.append(broker.ask("DeleteRecords", 2, {"timeout_ms": 1000 * DEADLINE_S, "topics": [
                {"name": topic, "partitions": [{"partition_index": partition, "offset": offset}]}]}))
            broker.close()
        found = sorted((p["error_code"], p["low_watermark"]) for a in answers for t in a["topics"]
                       for p in t["partitions"])
        self.assertEqual(found, [(0, offset), (6, -1), (6, -1)], "one leads, the others say so")

    def kcat(self, *args, stdin=None):
        return command("kcat", "-b", self.bootstrap, *args, stdin=stdin)

    def read_all(self, topic, fmt="%s\\n"):
        return self.kcat("-C", "-q", "-t", topic, "-o", "beginning", "-e", "-f", fmt)


class Kcat(WithCluster):
    def test_lists_brokers_and_topics(self):
        self.create("listed", 4)
        text = self.kcat("-L").decode()
        self.assertIn("3 brokers", text)
        self.assertIn('topic "listed" with 4 partitions', text)

    def test_every_codec_round_trips(self):
        lines = [f"{i} {'x' * (i % 50)}" for i in range(2000)]
        for codec in CODECS:
            with self.subTest(codec=codec):
                topic = f"codec-{codec}"
                self.create(topic, 1)
                self.kcat("-P", "-t", topic, "-z", codec, "-X", "acks=all",
                          stdin="\n".join(lines).encode())
                self.assertEqual(self.read_all(topic).decode().splitlines(), lines)

    def test_keys_headers_and_tombstones(self):
        self.create("keys", 1)
        self.kcat("-P", "-t", "keys", "-K:", "-H", "trace=abc", stdin=b"k1:v1\nk2:v2")
        self.kcat("-P", "-t", "keys", "-K:", "-Z", stdin=b"k1:")
        self.assertEqual(self.read_all("keys", "%k=%s %S %h\\n").decode().splitlines(),
                         ["k1=v1 2 trace=abc", "k2=v2 2 trace=abc", "k1= -1 "])

    def test_offsets_by_time_and_from_the_end(self):
        self.create("times", 1)
        self.kcat("-P", "-t", "times", stdin=b"early")
        # Timestamps have milliseconds: the later record must carry a later one.
        first = int(self.read_all("times", "%T\\n"))
        deadline = time.monotonic() + DEADLINE_S
        while int(time.time() * 1000) <= first + 1 and time.monotonic() < deadline:
            pass
        split = int(time.time() * 1000)
        self.kcat("-P", "-t", "times", stdin=b"late")
        self.assertEqual(self.kcat("-C", "-q", "-t", "times", "-o", f"s@{split}", "-e"), b"late\n")
        self.assertEqual(self.kcat("-Q", "-t", f"times:0:{split}").decode().split("offset ")[-1].strip(), "1")
        self.assertEqual(self.kcat("-C", "-q", "-t", "times", "-o", "-1", "-e"), b"late\n")
        self.assertEqual(self.kcat("-C", "-q", "-t", "times", "-o", "1", "-e"), b"late\n")

    def test_unknown_topic_is_created_on_demand(self):
        self.kcat("-P", "-t", "on-demand", stdin=b"hello")
        self.assertEqual(self.read_all("on-demand"), b"hello\n")

    @staticmethod
    def committed(broker, topic, partition):
        """The high watermark that a replica serves."""
        answer = broker.ask("Fetch", 11, {"topics": [{"topic": topic, "partitions": [
            {"partition": partition, "fetch_offset": 0, "partition_max_bytes": 1}]}]})
        return answer["responses"][0]["partitions"][0]["high_watermark"]

    def test_reads_from_its_rack(self):
        self.create("near", 3)  # each broker leads one
        lines = [f"line {i}" for i in range(300)]
        for partition in range(3):
            self.kcat("-P", "-t", "near", "-p", str(partition), "-X", "acks=all",
                      stdin="\n".join(lines[partition::3]).encode())
        # Until its followers know what is committed a leader serves itself.
        brokers = [Broker(*address.split(":")) for address in self.bootstrap.split(",")]
        deadline = time.monotonic() + DEADLINE_S
        while not all(self.committed(broker, "near", partition) == 100 for broker in brokers for partition in range(3)):
            self.assertLess(time.monotonic(), deadline)
            threading.Event().wait(0.05)
        for broker in brokers:
            broker.close()
        done = subprocess.run(
            ["kcat", "-b", self.bootstrap, "-C", "-t", "near", "-o", "beginning", "-e", "-X", "client.rack=RACK2",
             "-d", "topic"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertEqual(sorted(done.stdout.decode().splitlines()), sorted(lines))
        told = done.stderr.decode()
        for partition in range(3):
            leader = int(self.kcat("-L", "-t", "near").decode().split(f"partition {partition}, leader ")[1].split(",")[0])
            moved = f"near [{partition}]: migrating from broker {leader} to 2 (leader is {leader}): preferred replica"
            self.assertEqual(moved in told, leader != 2, told[-4000:])


class KafkaPython(WithCluster):
    def test_producer_and_assigned_consumer(self):
        from kafka import KafkaConsumer, KafkaProducer, TopicPartition
        self.create("python", 2)
        for codec in [None, "gzip", "snappy", "lz4"]:
            producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", compression_type=codec)
            futures = [producer.send("python", f"{codec}-{i}".encode(), key=str(i).encode()) for i in range(200)]
            for future in futures:
                future.get(timeout=DEADLINE_S)
            producer.close()
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest",
                                 consumer_timeout_ms=3000, group_id=None)
        partitions = [TopicPartition("python", p) for p in range(2)]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        self.assertEqual(sum(consumer.end_offsets(partitions).values()), 800)
        got = {}
        for record in consumer:
            got.setdefault(record.key, []).append(record.value.decode())
            if sum(map(len, got.values())) == 800:
                break
        consumer.close()
        self.assertEqual(len(got), 200)
        for key, values in got.items():
            self.assertEqual(values, [f"{codec}-{key.decode()}" for codec in [None, "gzip", "snappy", "lz4"]])

    def test_offsets_and_reading_of_a_trimmed_topic(self):
        from kafka import KafkaConsumer, TopicPartition
        self.create("py-trimmed", 1)
        self.kcat("-P", "-t", "py-trimmed", "-p", "0", "-X", "acks=all", stdin=b"a\nb\nc\nd")
        self.trim("py-trimmed", 0, 3)
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest",
                                 consumer_timeout_ms=3000, group_id=None)
        partition = TopicPartition("py-trimmed", 0)
        self.assertEqual(consumer.beginning_offsets([partition]), {partition: 3})
        self.assertEqual(consumer.end_offsets([partition]), {partition: 4})
        self.assertEqual(consumer.offsets_for_times({partition: 0})[partition].offset, 3)
        consumer.assign([partition])
        consumer.seek(partition, 1)  # gone: it goes where auto.offset.reset says
        self.assertEqual([(r.offset, r.value) for r in consumer], [(3, b"d")])
        consumer.close()

    def test_a_refused_first_batch_and_the_next_in_one_write(self):
        """What came behind a refused batch is out of order; both once more, in one write, are taken."""
        import socket
        import struct
        from kafka.protocol.produce import ProduceRequest
        from kafka.record.default_records import DefaultRecordBatchBuilder

        def batch(sequence):
            builder = DefaultRecordBatchBuilder(magic=2, compression_type=0, is_transactional=False, producer_id=4711,
                                                producer_epoch=0, base_sequence=sequence, batch_size=1 << 16)
            builder.append(0, int(time.time() * 1000), None, b"%d" % sequence, [])
            return bytes(builder.build())

        def frame(sequence):
            body = ProduceRequest[7](transactional_id=None, required_acks=-1, timeout=10000,
                                     topics=[("late", [(0, batch(sequence))])])
            request = struct.pack(">hhih", 0, 7, sequence, 1) + b"x" + body.encode()
            return struct.pack(">i", len(request)) + request

        def answer(stream):
            response = stream.read(struct.unpack(">i", stream.read(4))[0])
            # correlation id, one topic and its name, one partition and its number
            return struct.unpack_from(">h", response, 4 + 4 + 2 + len("late") + 4 + 4)[0]

        from confluent_kafka.admin import AdminClient
        with contextlib.ExitStack() as stack:
            streams = {}
            for address in self.bootstrap.split(","):
                host, port = address.split(":")
                peer = stack.enter_context(socket.create_connection((host, int(port)), timeout=DEADLINE_S))
                streams[int(port)] = peer, stack.enter_context(peer.makefile("rb"))
            for peer, stream in streams.values():
                peer.sendall(frame(0))
                self.assertEqual(answer(stream), 3, "UNKNOWN_TOPIC_OR_PARTITION")
            self.create("late", 1)
            metadata = AdminClient({"bootstrap.servers": self.bootstrap}).list_topics("late", timeout=10)
            leader = metadata.topics["late"].partitions[0].leader
            peer, stream = streams[metadata.brokers[leader].port]
            deadline = time.monotonic() + DEADLINE_S
            error = 3
            while error in (3, 6, 19) and time.monotonic() < deadline:  # not there yet
                peer.sendall(frame(1))
                error = answer(stream)
            self.assertEqual(error, 45, "OUT_OF_ORDER_SEQUENCE_NUMBER")
            peer.sendall(frame(0) + frame(1) + frame(2))
            self.assertEqual([answer(stream) for _ in range(3)], [0, 0, 0])

    def test_metadata_and_admin(self):
        from kafka.admin import KafkaAdminClient, NewTopic
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_topics([NewTopic("by-admin", 3, 2)], timeout_ms=10000)
        self.assertIn("by-admin", admin.list_topics())
        admin.delete_topics(["by-admin"], timeout_ms=10000)
        self.assertNotIn("by-admin", admin.list_topics())
        admin.close()


class Load:
    """An acks=all producer (librdkafka) in a thread: remembers what was acknowledged."""

    def __init__(self, bootstrap, topic, idempotent):
        from confluent_kafka import Producer
        self.topic = topic
        self.acked = {}    # value -> (partition, offset)
        self.failed = []
        self.stopping = threading.Event()
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 2,
                                  "enable.idempotence": idempotent, "message.timeout.ms": 60000})
        self.sent = 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def on_delivery(self, error, message):
        if error is not None:
            self.failed.append((message.value(), str(error)))
        else:
            self.acked[message.value()] = (message.partition(), message.offset())

    def run(self):
        while not self.stopping.is_set():
            for _ in range(20):
                self.producer.produce(self.topic, f"{self.sent}".encode(), on_delivery=self.on_delivery)
                self.sent += 1
            self.producer.poll(0.01)

    def wait_for(self, more):
        """Until `more` further records were acknowledged."""
        goal = len(self.acked) + more
        deadline = time.monotonic() + DEADLINE_S
        while len(self.acked) < goal:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no progress: {len(self.acked)} of {goal} acknowledged, failed {self.failed[:3]}")
            self.stopping.wait(0.02)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.producer.flush(DEADLINE_S)


class Librdkafka(WithCluster):
    def check(self, load, exactly_once):
        rows = self.read_all(load.topic, "%p %o %s\\n").decode().splitlines()
        at = {}
        copies = {}
        for row in rows:
            partition, offset, value = row.split(" ")
            at[(int(partition), int(offset))] = value.encode()
            copies[value.encode()] = copies.get(value.encode(), 0) + 1
        places = {}
        for place, value in at.items():
            places.setdefault(value, []).append(place)
        # librdkafka tells no offset (below 0) of what the answer to a later batch has acknowledged.
        lost = [(v, where, at.get(where), places.get(v)) for v, where in load.acked.items()
                if at.get(where) != v and (where[1] >= 0 or where[0] not in [p for p, _ in places.get(v, [])])]
        self.assertEqual(lost, [], "acknowledged records are missing: (value, acked at, what is there, where it is)")
        if exactly_once:
            self.assertEqual([v for v, n in copies.items() if n > 1], [], "duplicates")
            order = {}
            for row in rows:
                partition, _, value = row.split(" ")
                order.setdefault(partition, []).append(int(value))
            for partition, values in order.items():
                self.assertEqual(values, sorted(values), f"partition {partition} is out of order")

    def test_offsets_and_reading_of_a_trimmed_topic(self):
        from confluent_kafka import Consumer, TopicPartition
        self.create("rdk-trimmed", 1)
        self.kcat("-P", "-t", "rdk-trimmed", "-p", "0", "-X", "acks=all", stdin=b"a\nb\nc\nd")
        self.trim("rdk-trimmed", 0, 3)
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "none", "auto.offset.reset": "earliest",
                             "enable.auto.commit": False, "client.rack": "RACK3"})
        self.assertEqual(consumer.get_watermark_offsets(TopicPartition("rdk-trimmed", 0), DEADLINE_S), (3, 4))
        [found] = consumer.offsets_for_times([TopicPartition("rdk-trimmed", 0, 0)], DEADLINE_S)
        self.assertEqual(found.offset, 3)
        consumer.assign([TopicPartition("rdk-trimmed", 0, 1)])  # gone: it goes where auto.offset.reset says
        message = consumer.poll(DEADLINE_S)
        self.assertEqual((message.error(), message.offset(), message.value()), (None, 3, b"d"))
        # What comes later arrives too, from whichever replica it reads.
        self.kcat("-P", "-t", "rdk-trimmed", "-p", "0", "-X", "acks=all", stdin=b"e")
        message = consumer.poll(DEADLINE_S)
        self.assertEqual((message.error(), message.offset(), message.value()), (None, 4, b"e"))
        consumer.close()

    def test_idempotence_on_and_off(self):
        for idempotent in (True, False):
            with self.subTest(idempotent=idempotent):
                topic = f"plain-{idempotent}".lower()
                self.create(topic)
                load = Load(self.bootstrap, topic, idempotent)
                load.wait_for(3000)
                load.stop()
                self.assertEqual(load.failed, [])
                self.assertEqual(len(load.acked), load.sent)
                self.check(load, True)

    def test_kill_each_broker_in_turn_under_load(self):
        for idempotent in (True, False):
            with self.subTest(idempotent=idempotent):
                topic = f"kills-{idempotent}".lower()
                self.create(topic, 6)
                load = Load(self.bootstrap, topic, idempotent)
                try:
                    load.wait_for(500)
                    for node in "123":
                        self.cluster.run("kill", node)
                        load.wait_for(500)
                        self.cluster.run("start", node)
                        self.wait_for_full_isr(topic)
                        load.wait_for(500)
                finally:
                    load.stop()
                self.assertEqual(load.failed, [])
                self.check(load, idempotent)

    def test_a_producer_that_begins_while_replicas_are_missing(self):
        """First batches are refused, and what comes behind them must not overtake them."""
        topic = "missing"
        self.create(topic, 6, replicas=2)
        self.cluster.run("kill", "1")
        load = Load(self.bootstrap, topic, True)
        try:
            load.wait_for(200)  # where broker 1 has no replica
            self.cluster.run("start", "1")
            self.wait_for_full_isr(topic)
            load.wait_for(1000)
        finally:
            load.stop()
        self.assertEqual(load.failed, [])
        self.assertEqual(len(load.acked), load.sent)
        self.check(load, True)

    def test_kill_all_at_once_and_restart(self):
        self.create("power", 6)
        load = Load(self.bootstrap, "power", True)
        try:
            load.wait_for(1000)
            pids = [line.split()[1] for line in self.cluster.run("pids").splitlines()]
            self.assertEqual(len(pids), 3)
            for pid in pids:
                os.kill(int(pid), 9)
            self.cluster.run("start", "1", "2", "3")
            load.wait_for(1000)
        finally:
            load.stop()
        self.assertEqual(load.failed, [])
        self.check(load, True)

    def wait_for_full_isr(self, topic):
        from confluent_kafka.admin import AdminClient
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            partitions = admin.list_topics(topic, timeout=10).topics[topic].partitions.values()
            if all(len(p.isrs) == len(p.replicas) for p in partitions):
                return
            threading.Event().wait(0.1)
        raise RuntimeError(f"the in-sync replicas of {topic} did not become complete")


if __name__ == "__main__":
    unittest.main(verbosity=2)
