"""Three brokers of a cluster, and what the parts of a comparison need of it."""
import time

from kafka.record.memory_records import MemoryRecordsBuilder
from wire_client import Broker

PATIENCE_S = 30


class Cluster:
    def __init__(self, bootstrap):
        self.brokers = {}
        for node, address in enumerate(bootstrap.split(","), 1):
            host, port = address.rsplit(":", 1)
            self.brokers[node] = Broker(host, int(port))
        self.ids = {}

    def ask(self, node, api, version, body):
        return self.brokers[node].ask(api, version, body)

    def fresh(self, node):
        """A connection of its own: the other may have been moved to a shard."""
        host, port = self.brokers[node].address
        return Broker(host, port)

    def until(self, done):
        end = time.monotonic() + PATIENCE_S
        while not (answer := done()):
            if time.monotonic() > end:
                raise RuntimeError("it did not come about")
            time.sleep(0.05)
        return answer

    def create(self, name, replicas, configs=()):
        answer = self.ask(1, "CreateTopics", 7, {
            "timeout_ms": 10000,
            "topics": [{"name": name, "num_partitions": -1, "replication_factor": -1,
                        "assignments": [{"partition_index": i, "broker_ids": ids} for i, ids in enumerate(replicas)],
                        "configs": [{"name": k, "value": v} for k, v in configs]}]})
        assert answer["topics"][0]["error_code"] == 0, answer
        self.ids[name] = answer["topics"][0]["topic_id"]

        def everywhere():
            for node in self.brokers:
                [topic] = self.ask(node, "Metadata", 12, {"topics": [{"name": name}]})["topics"]
                if topic["error_code"] or any(sorted(p["isr_nodes"]) != sorted(p["replica_nodes"]) or p["leader_id"] < 0
                                              for p in topic["partitions"]):
                    return False
                if len(topic["partitions"]) != len(replicas):
                    return False
            for index, nodes in enumerate(replicas):
                for node in nodes:
                    [found] = fetch(self.fresh(node), self, name, 0, partitions=[index])["responses"]
                    if found["error_code"]:
                        return False
            return True
        self.until(everywhere)

    def produce(self, name, partition, values, timestamp_ms=1700000000000, leader=1):
        builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=1 << 20)
        for i, value in enumerate(values):
            builder.append(timestamp=timestamp_ms + i, key=None, value=value)
        builder.close()
        body = {"acks": -1, "timeout_ms": 10000, "topic_data": [
            {"name": name, "partition_data": [{"index": partition, "records": bytes(builder.buffer())}]}]}

        def accepted():
            answer = self.ask(leader, "Produce", 9, body)
            return answer["responses"][0]["partition_responses"][0]["error_code"] == 0
        self.until(accepted)


    def settle(self, name, end):
        """Until followers know that everything below `end` is committed, and the leader that they have it."""
        for node in (2, 3):
            self.until(lambda: fetch(self.fresh(node), self, name, end)["responses"][0]
                       ["high_watermark"] == end)


def one(name, index, **rest):
    return [{"name": name, "partitions": [dict(partition_index=index, **rest)]}]


def fetch(broker, c, topic, offset, version=13, session=(0, -1), partitions=(0,), forget=(), top=None, **rest):
    def named(value):
        return {"topic_id": c.ids.get(value, b"\7" * 16)} if version >= 13 else {"topic": value}
    body = {"max_wait_ms": 0, "min_bytes": 0, "max_bytes": 1 << 20, "session_id": session[0], "session_epoch": session[1],
            "topics": [] if not partitions else [dict(named(topic), partitions=[
                dict({"partition": p, "fetch_offset": offset, "partition_max_bytes": 1 << 20}, **rest)
                for p in partitions])]}
    if forget:
        body["forgotten_topics_data"] = [dict(named(topic), partitions=list(forget))]
    answer = broker.ask("Fetch", version, dict(body, **(top or {})))
    # The order of partitions is not promised: sessions turn it.
    names = {id_: name for name, id_ in c.ids.items()}
    answer["responses"] = [dict(partition, topic=t["topic"] if version < 13 else names.get(t["topic_id"], "unknown"))
                           for t in answer["responses"] for partition in t["partitions"]]
    answer["responses"].sort(key=lambda p: (p["topic"], p["partition_index"]))
    return answer
