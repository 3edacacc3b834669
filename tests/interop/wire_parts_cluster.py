"""What is asked of a cluster about replicas, leaders, brokers and the quorum: functions that yield (what, answer)."""


def reassignments(c):
    c.create("moved", [[1, 2], [2, 3], [3, 1]])

    def alter(*asked, version=1, name="moved", keep=False):
        rest = {"allow_replication_factor_change": not keep} if version >= 1 else {}
        return c.ask(1, "AlterPartitionReassignments", version, dict(rest, timeout_ms=10000, topics=[
            {"name": name, "partitions": [{"partition_index": i, "replicas": ids} for i, ids in asked]}]))

    def moving(topics=None):
        return c.ask(1, "ListPartitionReassignments", 0, {"timeout_ms": 10000, "topics": topics})["topics"]

    def replicas(index):
        [topic] = c.ask(1, "Metadata", 12, {"topics": [{"name": "moved"}]})["topics"]
        [partition] = [p for p in topic["partitions"] if p["partition_index"] == index]
        return partition["replica_nodes"], sorted(partition["isr_nodes"]), partition["leader_id"]
    yield "nothing moves", moving()
    yield "nothing to take back", alter((0, None))
    for what, ids in {"empty": [], "twice": [1, 1], "unknown broker": [1, 9], "negative": [-1]}.items():
        yield f"bad: {what}", alter((0, ids))
    yield "bad: no such partition", alter((7, [1]))
    yield "bad: no such topic", alter((0, [1]), name="nowhere")
    yield "bad: another factor", alter((0, [1, 2, 3]), keep=True)
    for version in (0, 1):
        yield f"v{version} reordered", alter((0, [2, 1] if version else [1, 2]), version=version)
    c.until(lambda: replicas(0)[0] == [2, 1])
    yield "as reordered", replicas(0)
    yield "moved", alter((1, [1, 2]))
    c.until(lambda: not moving() and replicas(1)[0] == [1, 2])
    yield "as moved", replicas(1)
    yield "a replica more", alter((2, [3, 1, 2]))
    c.until(lambda: not moving() and replicas(2)[1] == [1, 2, 3])
    yield "with one more", replicas(2)
    yield "a replica less", alter((2, [3, 2]))
    c.until(lambda: replicas(2)[0] == [3, 2])
    yield "with one less", replicas(2)
    yield "listed by name", moving([{"name": "moved", "partition_indexes": [0, 9]}])
    yield "listed by a name that is none", moving([{"name": "nowhere", "partition_indexes": [0]}])


def elect_leaders(c):
    c.create("led", [[1, 2], [2, 1]])

    def elect(kind, partitions, version=2):
        rest = {"election_type": kind} if version >= 1 else {}
        return c.ask(1, "ElectLeaders", version, dict(rest, timeout_ms=10000, topic_partitions=partitions))

    def led(*indexes, name="led"):
        return [{"topic": name, "partitions": list(indexes)}]

    def leader_of_0():
        [topic] = c.ask(1, "Metadata", 12, {"topics": [{"name": "led"}]})["topics"]
        return [p["leader_id"] for p in topic["partitions"] if p["partition_index"] == 0][0]
    for version in range(3):
        yield f"v{version} not needed", elect(0, led(0, 1), version)
    yield "unclean, not needed", elect(1, led(0))
    yield "unknown kind", elect(7, led(0))
    yield "no such partition", elect(0, led(9))
    yield "no such topic", elect(0, led(0, name="nowhere"))
    c.ask(1, "AlterPartitionReassignments", 0, {"timeout_ms": 10000, "topics": [
        {"name": "led", "partitions": [{"partition_index": 0, "replicas": [2, 1]}]}]})
    c.until(lambda: [p["replica_nodes"] for t in c.ask(1, "Metadata", 12, {"topics": [{"name": "led"}]})["topics"]
                     for p in t["partitions"] if p["partition_index"] == 0][0] == [2, 1])
    yield "before", leader_of_0()
    yield "preferred", elect(0, led(0))
    c.until(lambda: leader_of_0() == 2)
    yield "after", leader_of_0()


def describe_quorum(c):
    for version in range(3):
        answer = c.ask(1, "DescribeQuorum", version, {
            "topics": [{"topic_name": "__cluster_metadata", "partitions": [{"partition_index": 0}]}]})
        for topic in answer["topics"]:
            for partition in topic["partitions"]:
                for key in ("leader_id", "leader_epoch", "high_watermark"):
                    partition[key] = partition[key] >= 0
                for voter in partition["current_voters"]:
                    for key in ("log_end_offset", "last_fetch_timestamp", "last_caught_up_timestamp"):
                        if key in voter:
                            voter[key] = voter[key] > 0
                    if "replica_directory_id" in voter:
                        voter["replica_directory_id"] = "an id"
                partition["current_voters"].sort(key=lambda voter: voter["replica_id"])
        for node in answer.get("nodes", ()):
            node["listeners"] = [listener["name"] for listener in node["listeners"]]
        if "nodes" in answer:
            answer["nodes"].sort(key=lambda node: node["node_id"])
        yield f"v{version}", answer
    for topic, partition in (("nowhere", 0), ("__cluster_metadata", 1)):
        yield f"{topic} {partition}", c.ask(1, "DescribeQuorum", 2, {
            "topics": [{"topic_name": topic, "partitions": [{"partition_index": partition}]}]})


def unregister_broker(c):
    for broker in (77, -1):
        yield f"{broker}", c.ask(1, "UnregisterBroker", 0, {"broker_id": broker})


PARTS = [reassignments, elect_leaders, describe_quorum, unregister_broker]
