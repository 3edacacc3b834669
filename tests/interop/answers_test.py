#!/usr/bin/env python3
"""Answers to some hundred requests against those that an Apache Kafka gave to the same ones (wire_compare.py).
Usage as clients_test.py."""
import re
import unittest

from clients_test import WithCluster
from wire_compare import compare

# Where ours is meant to be different, and why. Every row must still be needed.
DELIBERATE = {
    r"list_offsets: isolation 2: .*error_code: -1 \| 42": "a level that does not exist is the client's mistake",
    r"list_offsets: a partition twice: ": "each question is answered",
    r"delete_records: a partition twice: ": "each question is answered",
    r"(fetch_\w+|delete_records|racks): .*log_start_offset: -1 \| \d+": "a reader of deleted records goes on from there",
    r"fetch_rules: v\d+ of a follower, beyond: .*error_code: 1 \| 78":
        "a follower cannot know that the leader does not have it: to clients without KIP-392 out of range means reset",
    r"metadata: v1[01] (un)?known id: ": "topic ids are served from the version on that carries them",
    r"create_topics: .*: .topics\[0\].topic_id: - \| $": "what is only validated gets no id",
    r"delete_topics: empty name: ": "an empty name is no name",
    r"create_partitions: to 2147483647: .*error_code: -1 \| 44": "the limit is a policy",
    r"settings: change \((4|-1), .*error_code: -1 \| 42": "an operation that does not exist is the client's mistake",
    r"settings: resource 4 '1': .*error_code: 0 \| 42": "a broker has no such setting",
    r"produce: .*log_start_offset: -1 \| 0": "it is known",
    r"produce: sequence: repeated: .*log_append_time_ms: 17.* \| -1": "with CreateTime there is none",
    r"produce: sequence: old epoch: .*error_code: 47 \| 87": "it is -1: an id without an epoch",
    r"(settings|create_partitions|produce|reassignments): .*error_message:  \| said": "a word more",
    r"describe_quorum: .*error_message: said \| $": "where nothing is wrong nothing is said",
    r"fetch_sessions: v\d+ empty and new: .session_id: some \| none": "there is nothing to remember",
}


class Answers(WithCluster):
    maxDiff = None

    def test_as_kafka_gives_them(self):
        lines, count = compare(self.bootstrap)
        self.assertGreater(count, 1000)
        rules = {rule: re.compile(rule) for rule in DELIBERATE}
        unexpected = [line for line in lines if not any(rule.match(line) for rule in rules.values())]
        self.assertEqual(unexpected, [], "Kafka's | ours")
        for text, rule in rules.items():
            self.assertTrue(any(rule.match(line) for line in lines), f"not needed any more: {text}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
