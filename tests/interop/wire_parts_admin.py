"""What is asked of a cluster about topics, settings and producer ids: functions that yield (what, answer)."""
import struct

from kafka.record.memory_records import MemoryRecordsBuilder


def metadata(c):
    c.create("meta", [[1, 2, 3], [2, 3, 1]])
    for version in range(14):
        rest = {"allow_auto_topic_creation": False} if version >= 4 else {}
        yield f"v{version} one", c.ask(1, "Metadata", version, dict(rest, topics=[{"name": "meta"}]))
        if version >= 4:  # before, asking creates
            yield f"v{version} unknown", c.ask(1, "Metadata", version, dict(rest, topics=[{"name": "nowhere"}]))
            yield f"v{version} illegal", c.ask(1, "Metadata", version, dict(rest, topics=[{"name": "a b"}, {"name": ".."}]))
            yield f"v{version} twice", c.ask(1, "Metadata", version, dict(rest, topics=[{"name": "meta"}] * 2))
        if version >= 1:
            yield f"v{version} none", c.ask(1, "Metadata", version, dict(rest, topics=[]))
        everything = c.ask(1, "Metadata", version, dict(rest, topics=None if version else []))
        yield f"v{version} all", [t for t in everything["topics"] if t["name"] == "meta"]
        if version >= 8:
            yield f"v{version} operations", c.ask(1, "Metadata", version, dict(
                rest, topics=[{"name": "meta"}], include_topic_authorized_operations=True,
                **({"include_cluster_authorized_operations": True} if version <= 10 else {})))
        if version >= 10:
            for what, id_ in (("known", c.ids["meta"]), ("unknown", b"\7" * 16)):
                yield f"v{version} {what} id", c.ask(1, "Metadata", version, dict(
                    rest, topics=[{"topic_id": id_, "name": None}]))


def topic(name, partitions=1, replicas=1, assignments=(), configs=()):
    return {"name": name, "num_partitions": partitions, "replication_factor": replicas,
            "assignments": [{"partition_index": i, "broker_ids": ids} for i, ids in assignments],
            "configs": [{"name": k, "value": v} for k, v in configs]}


def create_topics(c):
    def ask(*topics, version=7, validate_only=False):
        answer = c.ask(1, "CreateTopics", version, {"timeout_ms": 10000, "validate_only": validate_only,
                                                    "topics": list(topics)})
        # Settings are compared by the tests of settings.
        for t in answer["topics"]:
            if "configs" in t:
                t["configs"] = None if t["configs"] is None else "given"
        answer["topics"].sort(key=lambda t: t["name"])
        return answer
    for version in range(2, 8):
        yield f"v{version} validated", ask(topic("c-valid", 3, 2), version=version, validate_only=True)
        yield f"v{version} created", ask(topic(f"c-{version}", 3, 2), version=version)
        yield f"v{version} exists", ask(topic(f"c-{version}", 3, 2), version=version)
        yield f"v{version} exists, validated", ask(topic(f"c-{version}", 3, 2), version=version, validate_only=True)
    for name in ("", ".", "..", "a b", "a/b", "ä", "x" * 249, "x" * 250, "a.b-c_d", "a_b-c.d"):
        yield f"name {name!r}", ask(topic(name))
    for partitions in (0, -1, -2, 1000000):
        yield f"{partitions} partitions", ask(topic("c-p", partitions), validate_only=True)
    for replicas in (0, -1, -2, 4, 32767):
        yield f"{replicas} replicas", ask(topic("c-r", 1, replicas), validate_only=True)
    shapes = {"good": [(0, [1, 2]), (1, [2, 3])], "gap": [(0, [1]), (2, [1])], "not from 0": [(1, [1])],
              "partition twice": [(0, [1]), (0, [2])], "replica twice": [(0, [1, 1])], "unknown broker": [(0, [9])],
              "negative broker": [(0, [-1])], "no replicas": [(0, [])], "different factors": [(0, [1, 2]), (1, [1])],
              "negative index": [(-1, [1])]}
    for what, assignment in shapes.items():
        yield f"assignment: {what}", ask(topic("c-a", -1, -1, assignment), validate_only=True)
    yield "assignment and counts", ask(topic("c-a", 2, 1, [(0, [1])]), validate_only=True)
    for config in (("nonsense", "1"), ("retention.ms", "x"), ("retention.ms", "-2"), ("cleanup.policy", "maybe"),
                   ("min.insync.replicas", "0"), ("segment.bytes", "1"), ("retention.ms", None), ("", "1"),
                   ("compression.type", "zip"), ("max.message.bytes", "-1"), ("unclean.leader.election.enable", "yes"),
                   ("cleanup.policy", ""), ("retention.bytes", "99999999999999999999")):
        yield f"setting {config}", ask(topic("c-s", 1, 1, (), [config]), validate_only=True)
    yield "setting twice", ask(topic("c-s", 1, 1, (), [("retention.ms", "1"), ("retention.ms", "2")]), validate_only=True)
    yield "twice", ask(topic("c-t"), topic("c-t"))
    yield "good and bad", ask(topic("c-good"), topic("a b"))
    yield "none", ask()


def delete_topics(c):
    for version in range(1, 7):
        name = f"gone-{version}"
        c.create(name, [[1]])
        body = {"timeout_ms": 10000}
        body.update({"topics": [{"name": name}]} if version >= 6 else {"topic_names": [name]})
        yield f"v{version}", c.ask(1, "DeleteTopics", version, body)
        yield f"v{version} again", c.ask(1, "DeleteTopics", version, body)
    c.create("gone-id", [[1]])

    def ask(*topics):
        answer = c.ask(1, "DeleteTopics", 6, {"timeout_ms": 10000, "topics": list(topics)})
        answer["responses"].sort(key=lambda t: (t["error_code"], t["name"] or ""))
        return answer
    yield "name and id", ask({"name": "gone-id", "topic_id": c.ids["gone-id"]})
    yield "neither", ask({"name": None})
    yield "unknown id", ask({"name": None, "topic_id": b"\7" * 16})
    yield "illegal name", ask({"name": "a b"})
    yield "empty name", ask({"name": ""})
    yield "twice", ask({"name": "gone-id"}, {"name": "gone-id"})
    yield "by id", ask({"name": None, "topic_id": c.ids["gone-id"]})
    yield "none", ask()


def create_partitions(c):
    c.create("grown", [[1, 2], [2, 3]])

    def ask(name, count, assignments=None, version=3, validate_only=False, times=1):
        return c.ask(1, "CreatePartitions", version, {
            "timeout_ms": 10000, "validate_only": validate_only, "topics": [{
                "name": name, "count": count,
                "assignments": None if assignments is None else [{"broker_ids": ids} for ids in assignments]}] * times})
    for count in (2, 1, 0, -1, 2147483647):
        yield f"to {count}", ask("grown", count, validate_only=True)
    yield "unknown", ask("nowhere", 4)
    yield "illegal name", ask("a b", 4)
    for what, assignment in {"good": [[1, 2]], "none": [], "too few": [[1, 2]], "too many": [[1, 2]] * 3,
                             "other factor": [[1]], "unknown broker": [[1, 9]], "replica twice": [[1, 1]],
                             "empty": [[]]}.items():
        yield f"assignment: {what}", ask("grown", 4 if what == "too few" else 3, assignment, validate_only=True)
    yield "twice", ask("grown", 3, times=2)
    for version in range(4):
        yield f"v{version}", ask("grown", 3 + version, version=version)
        yield f"v{version} again", ask("grown", 3 + version, version=version)
    yield "none", c.ask(1, "CreatePartitions", 3, {"timeout_ms": 1000, "topics": []})


def settings(c):
    c.create("set", [[1]], [("retention.ms", "1000")])

    def incremental(name, *changes, kind=2, version=1, validate_only=False):
        return c.ask(1, "IncrementalAlterConfigs", version, {"validate_only": validate_only, "resources": [{
            "resource_type": kind, "resource_name": name,
            "configs": [{"name": k, "config_operation": op, "value": v} for op, k, v in changes]}]})

    def replace(name, *values, kind=2, version=2):
        return c.ask(1, "AlterConfigs", version, {"resources": [{
            "resource_type": kind, "resource_name": name, "configs": [{"name": k, "value": v} for k, v in values]}]})

    def describe(name, *keys, kind=2, version=4, **rest):
        return c.ask(1, "DescribeConfigs", version, dict(rest, resources=[{
            "resource_type": kind, "resource_name": name, "configuration_keys": list(keys) or None}]))
    for version in (0, 1):
        yield f"v{version} set", incremental("set", (0, "retention.ms", "5000"), version=version)
    for change in ((0, "nonsense", "1"), (0, "retention.ms", "x"), (0, "retention.ms", None), (1, "nonsense", None),
                   (1, "retention.ms", "7"), (2, "retention.ms", "1"), (3, "retention.ms", "1"), (4, "retention.ms", "1"),
                   (-1, "retention.ms", "1"), (2, "cleanup.policy", "compact"), (2, "cleanup.policy", "never"),
                   (0, "", "1"), (0, "min.insync.replicas", "0")):
        yield f"change {change}", incremental("set", change, validate_only=True)
    yield "setting twice", incremental("set", (0, "retention.ms", "1"), (0, "retention.ms", "2"), validate_only=True)
    yield "no changes", incremental("set")
    for kind, name in ((2, "nowhere"), (2, "a b"), (2, ""), (4, "9"), (4, "x"), (0, "set"), (1, "set"), (99, "set"),
                       (4, "1")):
        yield f"resource {kind} {name!r}", incremental(name, (0, "retention.ms", "1"), kind=kind, validate_only=True)
        yield f"replace {kind} {name!r}", replace(name, ("retention.ms", "1"), kind=kind) if (kind, name) != (4, "1") else {}
        if kind != 4:
            yield f"describe {kind} {name!r}", describe(name, "retention.ms", kind=kind)
    for version in range(3):
        yield f"v{version} replace", replace("set", ("retention.ms", "6000"), version=version)
    yield "replace with nonsense", replace("set", ("nonsense", "1"))
    yield "replace with null", replace("set", ("retention.ms", None))
    for version in range(1, 5):
        yield f"v{version} describe", c.until(lambda: (a := describe(
            "set", "retention.ms", "cleanup.policy", version=version))["results"][0]["configs"][0]["value"] and a)
        yield f"v{version} unknown key", describe("set", "nonsense", version=version)
    yield "a key twice", describe("set", "retention.ms", "retention.ms")


def producer_ids(c):
    def ask(version, id_=None, timeout_ms=60000, **rest):
        return c.until(lambda: (a := c.ask(1, "InitProducerId", version, dict(
            rest, transactional_id=id_, transaction_timeout_ms=timeout_ms)))["error_code"] != 14 and a)
    for version in range(6):
        yield f"v{version}", ask(version)
    for timeout_ms in (0, -1, 2147483647):
        yield f"timeout {timeout_ms}", ask(4, timeout_ms=timeout_ms)
    for pid, epoch in ((5, 0), (5, -1), (-1, 3), (10**15, 3)):
        yield f"as {pid} {epoch}", ask(4, producer_id=pid, producer_epoch=epoch)


def batch(values=(b"v",), codec=0, **fields):
    builder = MemoryRecordsBuilder(magic=2, compression_type=codec, batch_size=1 << 20)
    for key, value in fields.items():
        setattr(builder._builder, key, value)
    for i, value in enumerate(values):
        builder.append(timestamp=1700000000000 + i, key=None, value=value)
    builder.close()
    return bytes(builder.buffer())


def produce(c):
    c.create("made", [[1, 2, 3]])
    c.create("small", [[1]], [("max.message.bytes", "100")])

    def ask(records, version=9, acks=-1, name="made", index=0, node=1, timeout_ms=10000, **rest):
        body = dict(rest, acks=acks, timeout_ms=timeout_ms, topic_data=[
            {"partition_data": [{"index": index, "records": records}]}])
        body["topic_data"][0].update({"topic_id": c.ids.get(name, b"\7" * 16)} if version >= 13 else {"name": name})
        return c.fresh(node).ask("Produce", version, body)
    for version in range(3, 14):
        for acks in (-1, 1):
            yield f"v{version} acks {acks}", ask(batch(), version, acks)
        yield f"v{version} acks 2", ask(batch(), version, 2)
        yield f"v{version} unknown topic", ask(batch(), version, name="nowhere")
        yield f"v{version} unknown partition", ask(batch(), version, index=9)
        yield f"v{version} negative partition", ask(batch(), version, index=-1)
        yield f"v{version} to a follower", ask(batch(), version, node=2)
        yield f"v{version} too large", ask(batch([b"x" * 200]), version, name="small")
        broken = bytearray(batch())
        broken[-1] ^= 1
        yield f"v{version} wrong checksum", ask(bytes(broken), version)
        yield f"v{version} two batches", ask(batch() * 2, version)
        if version >= 13:
            break
    pid = c.until(lambda: (a := c.ask(1, "InitProducerId", 4, {"transactional_id": None}))["error_code"] == 0 and a)
    who = {"_producer_id": pid["producer_id"], "_producer_epoch": 0}
    for what, epoch, sequence in (("first", 0, 0), ("repeated", 0, 0), ("next", 0, 1), ("gap", 0, 5), ("old epoch", -1, 2),
                                  ("new epoch", 1, 0), ("epoch before", 0, 2), ("new epoch, gap", 2, 4)):
        yield f"sequence: {what}", ask(batch(**dict(who, _producer_epoch=epoch, _base_sequence=sequence)))
    yield "empty", ask(b"")
    yield "short", ask(struct.pack(">q", 0))


PARTS = [metadata, create_topics, delete_topics, create_partitions, settings, producer_ids, produce]
