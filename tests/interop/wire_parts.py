"""What is asked of a cluster about its records: functions that yield (what, answer)."""
from kafka.record.memory_records import MemoryRecordsBuilder
from wire_cluster import fetch, one

def describe_cluster(c):
    for version in range(3):
        yield f"v{version}", c.ask(1, "DescribeCluster", version, {})
        yield f"v{version} with operations", c.ask(1, "DescribeCluster", version,
                                                   {"include_cluster_authorized_operations": True})
    for kind in (0, 2, 3, -1):
        yield f"endpoint type {kind}", c.ask(1, "DescribeCluster", 1, {"endpoint_type": kind})
    yield "fenced too", c.ask(1, "DescribeCluster", 2, {"include_fenced_brokers": True})


def describe_topic_partitions(c):
    c.create("paged-a", [[1, 2, 3]] * 3)
    c.create("paged-b", [[1, 2, 3]] * 2)
    names = [{"name": "paged-b"}, {"name": "paged-a"}]

    def ask(**body):
        return c.ask(1, "DescribeTopicPartitions", 0, body)
    yield "both", ask(topics=names)
    yield "twice the same", ask(topics=names + names)
    yield "an unknown and an illegal name", ask(topics=[{"name": "paged-0"}, {"name": "a b"}] + names)
    for limit in (1, 2, 3, 4, 0, -1, 100000):
        yield f"limit {limit}", ask(topics=names, response_partition_limit=limit)
    cursors = [("paged-a", 0), ("paged-a", 2), ("paged-a", 3), ("paged-a", 99), ("paged-a", -1), ("paged-b", 1),
               ("paged-aa", 0), ("paged-aa", 5), ("paged-z", 0), ("", 0), ("paged-0", 1)]
    for cursor in cursors:
        yield f"cursor {cursor}", ask(topics=names, cursor={"topic_name": cursor[0], "partition_index": cursor[1]})
        yield f"cursor {cursor}, limit 1", ask(topics=names, response_partition_limit=1, cursor={
            "topic_name": cursor[0], "partition_index": cursor[1]})
    seen, cursor = [], None
    for _ in range(10):
        answer = ask(topics=[], response_partition_limit=2, cursor=cursor)
        seen += [(t["name"], p["partition_index"]) for t in answer["topics"] for p in t["partitions"]
                 if t["name"].startswith("paged")]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    yield "all topics in pages", seen


def list_offsets(c):
    c.create("offsets", [[1, 2, 3]], [("min.insync.replicas", "1")])
    c.create("no-offsets", [[1, 2, 3]])
    c.produce("offsets", 0, [b"a", b"b"])
    c.produce("offsets", 0, [b"c", b"d"], timestamp_ms=1600000000000)
    for version in range(1, 12):
        for timestamp in (-1, -2, -3, -4, -5, -6, -7, 0, 1700000000001, 1600000000000, 1800000000000, -2**63, 2**63 - 1):
            yield f"v{version} timestamp {timestamp}", c.ask(
                1, "ListOffsets", version, {"replica_id": -1, "topics": one("offsets", 0, timestamp=timestamp)})
    for timestamp in (-1, -2, -3, 0):
        yield f"empty partition, timestamp {timestamp}", c.ask(
            1, "ListOffsets", 10, {"replica_id": -1, "topics": one("no-offsets", 0, timestamp=timestamp)})
    for epoch in (-1, 0, 1, 7, -2):
        for node in (1, 2):
            for version in (4, 10):
                yield f"v{version} epoch {epoch} asked of broker {node}", c.ask(
                    node, "ListOffsets", version,
                    {"replica_id": -1, "topics": one("offsets", 0, timestamp=-1, current_leader_epoch=epoch)})
    for isolation in (0, 1, 2):
        yield f"isolation {isolation}", c.ask(1, "ListOffsets", 10, {
            "replica_id": -1, "isolation_level": isolation, "topics": one("offsets", 0, timestamp=-1)})
    for replica in (-2, 2, 99):
        yield f"as replica {replica}", c.ask(1, "ListOffsets", 10, {
            "replica_id": replica, "topics": one("offsets", 0, timestamp=-1)})
    yield "unknown", c.ask(1, "ListOffsets", 10, {
        "replica_id": -1, "topics": one("offsets", 7, timestamp=-1) + one("nowhere", 0, timestamp=-1)})
    twice = one("offsets", 0, timestamp=-1)
    twice[0]["partitions"] *= 2
    yield "a partition twice", c.ask(1, "ListOffsets", 10, {"replica_id": -1, "topics": twice})


def offset_for_leader_epoch(c):
    for version in (2, 3, 4):
        for replica in (-1, -2) if version >= 3 else (None,):
            for epoch in (-1, 0, 1, 5):
                for current in (-1, 0, 1, 9):
                    body = {"topics": [{"topic": "offsets", "partitions": [
                        {"partition": 0, "current_leader_epoch": current, "leader_epoch": epoch}]}]}
                    if replica is not None:
                        body["replica_id"] = replica
                    yield f"v{version} replica {replica} epoch {epoch} current {current}", c.ask(
                        1, "OffsetForLeaderEpoch", version, body)
    for node in (1, 2):
        for topic, partition in (("offsets", 0), ("offsets", 9), ("nowhere", 0)):
            yield f"{topic}-{partition} asked of broker {node}", c.ask(node, "OffsetForLeaderEpoch", 4, {
                "replica_id": -1, "topics": [{"topic": topic, "partitions": [{"partition": partition,
                                                                               "leader_epoch": 0}]}]})


def delete_records(c):
    c.create("deleted", [[1, 2, 3]])
    c.create("compacted", [[1, 2, 3]], [("cleanup.policy", "compact")])
    c.create("both", [[1, 2, 3]], [("cleanup.policy", "compact,delete")])
    c.produce("deleted", 0, [b"a"] * 6)

    def ask(node, topic, partition, offset, version=2, timeout_ms=10000):
        return c.ask(node, "DeleteRecords", version, {
            "timeout_ms": timeout_ms, "topics": one(topic, partition, offset=offset)})
    for offset in (7, -2, -3, 2**63 - 1, -2**63, 0):
        yield f"offset {offset}", ask(1, "deleted", 0, offset)
    for version in range(3):
        yield f"v{version}", ask(1, "deleted", 0, version + 1, version)
    yield "below the start", ask(1, "deleted", 0, 1)
    yield "of a follower", ask(2, "deleted", 0, 1)
    yield "unknown partition", ask(1, "deleted", 5, 1)
    yield "negative partition", ask(1, "deleted", -1, 1)
    yield "unknown topic", ask(1, "nowhere", 0, 1)
    yield "compacted", ask(1, "compacted", 0, 0)
    yield "compacted and deleted", ask(1, "both", 0, 0)
    yield "none", c.ask(1, "DeleteRecords", 2, {"timeout_ms": 1000, "topics": []})
    yield "to the high watermark", ask(1, "deleted", 0, -1)
    yield "start", c.ask(1, "ListOffsets", 10, {"replica_id": -1, "topics": one("deleted", 0, timestamp=-2)})
    yield "end", c.ask(1, "ListOffsets", 10, {"replica_id": -1, "topics": one("deleted", 0, timestamp=-1)})
    for offset in (0, 5, 6, 7):
        yield f"fetch at {offset}", fetch(c.fresh(1), c, "deleted", offset)
    c.produce("deleted", 0, [b"x"])
    twice = one("deleted", 0, offset=6)
    twice[0]["partitions"] += [{"partition_index": 0, "offset": 7}]
    yield "a partition twice", c.ask(1, "DeleteRecords", 2, {"timeout_ms": 10000, "topics": twice})


def describe_log_dirs(c):
    c.create("dirs", [[1, 2, 3]] * 2)
    c.create("elsewhere", [[2, 3]])
    for version in range(1, 6):
        for topics in ([{"topic": "dirs", "partitions": [0, 1]}], [{"topic": "dirs", "partitions": [1, 7, -1]}],
                       [{"topic": "dirs", "partitions": []}], [{"topic": "nowhere", "partitions": [0]}], [],
                       [{"topic": "elsewhere", "partitions": [0]}], [{"topic": "dirs", "partitions": [0, 0]}] * 2):
            yield f"v{version} {topics}", c.ask(1, "DescribeLogDirs", version, {"topics": topics})
    everything = c.ask(1, "DescribeLogDirs", 4, {"topics": None})["results"]
    yield "all", [sorted((t["name"], p["partition_index"]) for t in r["topics"] for p in t["partitions"]
                         if not t["name"].startswith("__")) for r in everything]


def describe_producers(c):
    c.create("producers", [[1, 2, 3]])
    c.create("producers-2", [[2, 3]])
    for node in (1, 2, 3):
        yield f"none yet, broker {node}", c.ask(node, "DescribeProducers", 0, {
            "topics": [{"name": "producers", "partition_indexes": [0, 5, -1]},
                       {"name": "nowhere", "partition_indexes": [0]}, {"name": "a b", "partition_indexes": [0]},
                       {"name": "producers-2", "partition_indexes": [0]}]})
    pid = c.until(lambda: (a := c.ask(1, "InitProducerId", 4, {"transactional_id": None}))["error_code"] == 0 and a)
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=1 << 20)
    builder._builder._producer_id, builder._builder._producer_epoch = pid["producer_id"], pid["producer_epoch"]
    builder._builder._base_sequence = 0
    for i in range(3):
        builder.append(timestamp=1700000000000 + i, key=None, value=b"v")
    builder.close()
    answer = c.ask(1, "Produce", 9, {"acks": -1, "timeout_ms": 10000, "topic_data": [
        {"name": "producers", "partition_data": [{"index": 0, "records": bytes(builder.buffer())}]}]})
    assert answer["responses"][0]["partition_responses"][0]["error_code"] == 0, answer
    for node in (1, 2):
        yield f"one, broker {node}", c.ask(node, "DescribeProducers", 0, {
            "topics": [{"name": "producers", "partition_indexes": [0]}]})


def fetch_rules(c):
    c.create("fetched", [[1, 2, 3]] * 2)
    c.produce("fetched", 0, [b"a", b"b"])
    c.settle("fetched", 2)
    for version in (4, 5, 7, 9, 10, 11, 12, 13, 16, 17, 18):
        b = c.fresh(1)
        for offset in (0, 1, 2, 3, -1):
            yield f"v{version} at {offset}", fetch(b, c, "fetched", offset, version)
        yield f"v{version} unknown topic", fetch(b, c, "nowhere", 0, version)
        yield f"v{version} unknown partition", fetch(b, c, "fetched", 0, version, partitions=(0, 9))
        for epoch in (0, 1, -1) if version >= 9 else ():
            for node in (1, 2):
                yield f"v{version} epoch {epoch} of broker {node}", fetch(
                    c.fresh(node), c, "fetched", 0, version, current_leader_epoch=epoch)
        for last in (0, 3) if version >= 12 else ():
            yield f"v{version} last fetched epoch {last}", fetch(b, c, "fetched", 2, version, last_fetched_epoch=last)
        yield f"v{version} of a follower", fetch(c.fresh(2), c, "fetched", 0, version)
        yield f"v{version} of a follower, beyond", fetch(c.fresh(2), c, "fetched", 9, version)
        yield f"v{version} of a follower, before", fetch(c.fresh(2), c, "fetched", -1, version)


def fetch_sessions(c):
    for version in (7, 12, 13, 18):
        b = c.fresh(1)

        def ask(offset, session, **rest):
            return fetch(b, c, "fetched", offset, version, session=session, **rest)
        first = ask(2, (0, 0), partitions=(0, 1))
        id_ = first["session_id"]
        yield f"v{version} new", first
        yield f"v{version} nothing new", ask(2, (id_, 1), partitions=())
        yield f"v{version} same epoch again", ask(2, (id_, 1), partitions=())
        yield f"v{version} epoch in the future", ask(2, (id_, 9), partitions=())
        yield f"v{version} next epoch", ask(2, (id_, 2), partitions=())
        yield f"v{version} from the start again", ask(0, (id_, 3))
        yield f"v{version} forgets one", ask(0, (id_, 4), partitions=(), forget=(0,))
        yield f"v{version} forgets what it does not have", ask(0, (id_, 5), partitions=(), forget=(0, 7))
        yield f"v{version} adds an unknown partition", ask(0, (id_, 6), partitions=(9,))
        yield f"v{version} still unknown", ask(0, (id_, 7), partitions=())
        yield f"v{version} adds an unknown topic", fetch(b, c, "nowhere", 0, version, session=(id_, 8))
        yield f"v{version} topic still unknown", ask(0, (id_, 9), partitions=())
        yield f"v{version} out of range", ask(77, (id_, 10))
        yield f"v{version} still out of range", ask(77, (id_, 11), partitions=())
        yield f"v{version} forgets all", ask(0, (id_, 12), partitions=(), forget=(0, 1, 9))
        yield f"v{version} after all", ask(0, (id_, 13), partitions=())
        yield f"v{version} unknown session", ask(0, (12345, 1))
        yield f"v{version} no session id but an epoch", ask(0, (0, 5))
        second = ask(0, (0, 0))
        yield f"v{version} second", second
        other = 12 if version >= 13 else 13
        yield f"v{version} asked in v{other}", fetch(b, c, "fetched", 0, other, session=(second["session_id"], 1))
        third = ask(0, (0, 0))
        yield f"v{version} closed", ask(0, (third["session_id"], -1))
        yield f"v{version} after closing", ask(0, (third["session_id"], 1))
        fourth = ask(0, (0, 0))
        yield f"v{version} replaced", ask(0, (fourth["session_id"], 0))
        yield f"v{version} the replaced one", ask(0, (fourth["session_id"], 1))
        yield f"v{version} empty and new", ask(0, (0, 0), partitions=())


def racks(c):
    c.create("near", [[1, 2, 3]])
    c.produce("near", 0, [b"a", b"b"])
    c.settle("near", 2)
    for version in (10, 11, 12, 13, 18):
        for rack in ("RACK1", "RACK2", "RACK9", ""):
            for offset in (0, 2, 3):
                top = {"rack_id": rack} if version >= 11 else {}
                yield f"v{version} {rack!r} at {offset}", fetch(c.fresh(1), c, "near", offset, version, top=top)
        yield f"v{version} follower", fetch(c.fresh(2), c, "near", 0, version,
                                            top={"rack_id": "RACK2"} if version >= 11 else {})
    s = c.fresh(1)
    first = fetch(s, c, "near", 0, 13, session=(0, 0), top={"rack_id": "RACK2"})
    yield "session", first
    yield "session goes on", fetch(s, c, "near", 0, 13, session=(first["session_id"], 1), partitions=(),
                                   top={"rack_id": "RACK2"})


PARTS = [describe_cluster, describe_topic_partitions, list_offsets, offset_for_leader_epoch, delete_records,
         describe_log_dirs, describe_producers, fetch_rules, fetch_sessions, racks]
