#!/usr/bin/env python3
"""Sends the same requests to Apache Kafka and to this broker. By hand:
    wire_compare.py record HOST:PORT,HOST:PORT,HOST:PORT        keeps a Kafka's answers in tests/testdata/kafka
    wire_compare.py compare HOST:PORT,... [PART...]             prints where a cluster answers otherwise: Kafka | it
The addresses are those of brokers 1, 2 and 3 of an empty cluster whose broker.rack are RACK1 to RACK3 and whose
replica.selector.class is Kafka's RackAwareReplicaSelector. What differs by nature (ids, ports, paths, sizes, clocks) is
masked. answers_test.py compares with the build tree's own cluster.
"""
import gzip
import json
import pathlib
import sys

import wire_parts
import wire_parts_admin
import wire_parts_cluster
from wire_client import Closed
from wire_cluster import Cluster

RECORDED = pathlib.Path(__file__).resolve().parents[1] / "testdata" / "kafka" / "answers.jsonl.gz"


PARTS = wire_parts.PARTS + wire_parts_admin.PARTS + wire_parts_cluster.PARTS
MASKED = {"cluster_id", "topic_id", "host", "port", "log_dir", "total_bytes", "usable_bytes", "partition_size",
          "error_message", "producer_id", "last_timestamp", "controller_id", "throttle_time_ms"}


def masked(value, key=None):
    if isinstance(value, dict):
        return {k: masked(v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(v) for v in value]
    if key == "records":
        return None if value is None else len(value)
    if isinstance(value, bytes):
        value = value.hex() if any(value) else ""
    if key == "session_id":
        return "none" if value == 0 else "some"
    if key == "error_message":
        return "" if value is None else "said"
    if key in MASKED:
        return "-" if value not in (-1, "", None) else value
    return value


def differences(a, b, at=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for k in sorted(set(a) | set(b)):
            yield from differences(a.get(k, "(not there)"), b.get(k, "(not there)"), f"{at}.{k}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, f"{at}[{i}]")
    elif a != b:
        yield f"{at}: {a} | {b}"


def answers(part, cluster):
    try:
        for what, answer in part(cluster):
            yield what, masked(answer)
    except Closed:
        yield "(connection closed)", None


def record(bootstrap):
    """Writes what this cluster answers; one line for each part."""
    cluster = Cluster(bootstrap)
    with gzip.GzipFile(RECORDED, "wb", mtime=0) as out:
        for part in PARTS:
            out.write((json.dumps([part.__name__, list(answers(part, cluster))], separators=(",", ":")) + "\n").encode())


def compare(bootstrap, wanted=()):
    """The lines that tell where this cluster answers otherwise than the recorded one, and how many were asked."""
    cluster, lines, count = Cluster(bootstrap), [], 0
    with gzip.open(RECORDED, "rt") as recorded:
        theirs = dict(json.loads(line) for line in recorded)
    for part in PARTS:
        if wanted and part.__name__ not in wanted:
            continue
        left, right = theirs[part.__name__], list(answers(part, cluster))
        if [what for what, _ in left] != [what for what, _ in right]:
            lines.append(f"{part.__name__}: {len(left)} answers | {len(right)}; the last: {left[-1]} | {right[-1]}")
        for (what, a), (_, b) in zip(left, right):
            count += 1
            lines += [f"{part.__name__}: {what}: {line}" for line in differences(a, b)]
    return lines, count


def main():
    if sys.argv[1:2] == ["record"] and len(sys.argv) == 3:
        return record(sys.argv[2])
    if sys.argv[1:2] != ["compare"] or len(sys.argv) < 3:
        print(__doc__)
        return 2
    lines, count = compare(sys.argv[2], sys.argv[3:])
    print("\n".join(lines + [f"{count} requests, {len(lines)} differences"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
