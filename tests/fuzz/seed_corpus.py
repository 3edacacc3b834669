#!/usr/bin/env python3
"""Writes the seeds of tests/fuzz/corpus that come from elsewhere in the tree. Run it when a message, a setting or
a file format changes; what it does not write (inputs that once found something) it leaves alone.

  seed_corpus.py             everything below, without arguments
  seed_corpus.py FOLDER...   also packs data directories (a broker's or a controller's log.dirs, stopped or killed)
                             as seeds of fuzz_log_recovery and fuzz_log_files

Needs protoc. The formats are those that the targets' own comments name.
"""
import gzip
import json
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
MAX_SEED_BYTES = 4096


def write(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def piece(content):
    return struct.pack(">H", len(content)) + content


def wire_seeds():
    """One request and one response per API and flexible or not: the newest of each, with random values."""
    chosen = {}
    for line in gzip.open(ROOT / "tests/testdata/wire-vectors.jsonl.gz", "rt"):
        v = json.loads(line)
        if v["kind"] not in ("request", "response") or v["inst"] not in ("default", "rand0"):
            continue
        body = bytes.fromhex(v["hex"])
        if len(body) > MAX_SEED_BYTES:
            continue
        slot = (v["kind"], v["key"], v["hdr"])
        rank = (v["inst"] == "rand0", v["ver"])
        if slot not in chosen or chosen[slot][0] < rank:
            chosen[slot] = (rank, v, body)
    for (kind, key, header), (_, v, body) in chosen.items():
        name = f"{key:02}_{v['name']}_v{v['ver']}"
        if kind == "request":
            head = struct.pack(">hhih", key, v["ver"], 1, 1) + b"c" + (b"\0" if header == 2 else b"")
            write("fuzz_request_decoder", name, head + body)
        else:
            head = struct.pack(">hhi", key, v["ver"], 1) + (b"\0" if header == 1 else b"")
            write("fuzz_response_decoder", name, head + body)


PROPERTIES = b"""# Kafka's syntax
process.roles=broker
node.id : 1
listeners=PLAINTEXT://:9092,\\
  CONTROLLER://:9093
advertised.listeners PLAINTEXT://localhost:9092
controller.quorum.voters=100@localhost:9093
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
num.network.threads=3
log.dirs=/tmp/a\\u0062c
log.retention.hours=168
! another comment
log.segment.bytes=1073741824
"""
TOML = b"""node.id = 1
process.roles = "broker"
listeners = ["PLAINTEXT://127.0.0.1:9092"]
controller.quorum.bootstrap.servers = "localhost:9093"
durability = 'page-cache'
[log]
dirs = "data"
retention.ms = "7d"
segment = { bytes = "1GiB" }
retention.hour = 0x10 # a wrong name
"""


def config_seeds():
    for i, path in enumerate(sorted((ROOT / "config").glob("*/*-[12]*.toml"))):
        write("fuzz_config", f"three_node_{i}", b"\0" + path.read_bytes())
    write("fuzz_config", "toml", b"\0" + TOML)
    write("fuzz_config", "properties", b"\1" + PROPERTIES)
    write("fuzz_config", "set", b"\2node.id=1\nlog.retention.ms=7d\nmin.insync.replicas=x\n=\nlog.level=\n")
    write("fuzz_config", "environment", b"\3SOLITON_NODE_ID=1\nKAFKA_LOG_RETENTION_MS=5\nKAFKA_NODE___ID=2\n")
    write("fuzz_config", "topic", b"\6cleanup.policy=compact,delete")


REQUESTS = [
    'register_broker { broker_id: 1 incarnation_id { high: 1 low: 2 } host: "h" port: 9092 previous_broker_epoch: -1 }',
    'heartbeat { broker_id: 1 broker_epoch: 2 applied_offset: 2 wants_unfence: true }',
    'register_broker { broker_id: 2 incarnation_id { high: 3 low: 4 } host: "i" port: 9093 rack: "r" '
    'previous_broker_epoch: -1 }',
    'heartbeat { broker_id: 2 broker_epoch: 4 applied_offset: 5 wants_unfence: true }',
    'create_topics { topics { name: "t" partition_count: 2 replication_factor: 2 '
    'configs { name: "min.insync.replicas" value: "2" } } }',
    'create_topics { topics { name: "u" partition_count: -1 replication_factor: -1 '
    'assignments { replicas: 1 replicas: 2 } } validate_only: true }',
    'allocate_producer_ids { broker_id: 1 broker_epoch: 2 }',
    'heartbeat { broker_id: 2 broker_epoch: 4 applied_offset: 9 wants_shutdown: true }',
    'alter_partition { broker_id: 1 broker_epoch: 2 changes { topic_id { high: 1 low: 1 } leader_epoch: 1 '
    'partition_epoch: 1 new_isr { broker_id: 1 broker_epoch: 2 } } }',
    'delete_topics { topics { name: "t" } }',
]
RECORDS = [
    'cluster { cluster_id: "c" }',
    'controller_change { controller_id: 100 controller_epoch: 1 }',
    'register_broker { broker_id: 1 broker_epoch: 2 incarnation_id { high: 1 low: 2 } host: "h" port: 9092 fenced: true }',
    'broker_change { broker_id: 1 broker_epoch: 2 fenced: false }',
    'topic { name: "t" id { high: 5 low: 6 } }',
    'partition { topic_id { high: 5 low: 6 } state { replicas: 1 isr: 1 leader: 1 leader_epoch: 0 } }',
    'partition_change { topic_id { high: 5 low: 6 } state { isr: 1 eligible_leaders: 2 leader: -1 leader_epoch: 1 '
    'partition_epoch: 1 last_known_leader: 1 } }',
    'topic_config { topic_id { high: 5 low: 6 } name: "retention.ms" value: "5" }',
    'producer_ids { broker_id: 1 broker_epoch: 2 next_producer_id: 1000 }',
    'remove_topic { id { high: 5 low: 6 } }',
    'no_op {}',
]
ANSWERS = [
    'response { correlation_id: 1 alter_partition { results { error: 0 state { replicas: 1 isr: 1 leader: 1 } } } }',
    'response { correlation_id: 2 topics { results { name: "t" topic_id { high: 5 low: 6 } error: 36 '
    'error_message: "exists" } } }',
    'response { correlation_id: 3 allocate_producer_ids { first: 1000 count: 1000 } }',
]


def encoded(message, text):
    proto = {"MetadataRecord": "metadata/metadata_records", "QuorumFrame": "quorum/quorum"}.get(message, "metadata/control")
    return subprocess.run(["protoc", f"--encode=soliton.controller.pb.{message}", "-I", str(ROOT),
                           f"controller/{proto}.proto"], cwd=ROOT, input=text.encode(), check=True,
                          stdout=subprocess.PIPE).stdout


def varint(value):
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def batch(values, base_offset):
    """A record batch with a wrong checksum: the target makes it right."""
    records = b""
    for i, value in enumerate(values):
        body = b"\0" + varint(0) + varint(i) + varint(-1) + varint(len(value)) + value + varint(0)
        records += varint(len(body)) + body
    rest = struct.pack(">IhiqqqhiI", 0, 0, len(values) - 1, 1, 1, -1, -1, -1, len(values))[4:]
    return struct.pack(">qiibI", base_offset, 9 + len(rest) + len(records), 0, 2, 0) + rest + records


def escaped(content):
    return "".join(f"\\x{byte:02x}" for byte in content)


def control_seeds():
    requests = [encoded("ControlRequest", f"correlation_id: {i} {text}") for i, text in enumerate(REQUESTS)]
    records = [encoded("MetadataRecord", text) for text in RECORDS]
    answers = [encoded("ServerMessage", text) for text in ANSWERS]
    pushes = [encoded("ServerMessage", f'push {{ batches: "{escaped(batch(part, base))}" }}')
              for base, part in ((0, records[:3]), (3, records[3:]))]
    snapshot = [encoded("ServerMessage", f'push {{ batches: "{escaped(batch(records[:6], 0))}" is_snapshot: true '
                                         'snapshot_begin: true snapshot_end: true snapshot_offset: 20 }')]
    write("fuzz_control_frames", "requests", b"\0" + b"".join(map(piece, requests)))
    write("fuzz_control_frames", "pushes", b"\1" + b"".join(map(piece, pushes)))
    write("fuzz_control_frames", "snapshot", b"\1" + b"".join(map(piece, snapshot)))
    write("fuzz_control_frames", "answers", b"\1" + b"".join(map(piece, answers)))
    write("fuzz_control_frames", "records", b"\2" + b"".join(map(piece, records)))
    write("fuzz_control_frames", "batches", b"\3" + batch(records[:5], 0) + batch(records[5:], 5))


def quorum_seeds():
    records = [encoded("MetadataRecord", text) for text in RECORDS]
    voters = encoded("MetadataRecord", "voters { voters { node_id: 1 directory_id { high: 1 low: 1 } } "
                                       "voters { node_id: 2 directory_id { high: 1 low: 2 } } }")
    ids = "from { node_id: 2 directory_id { high: 1 low: 2 } } to { node_id: 1 directory_id { high: 1 low: 1 } }"

    def said(epoch, text):
        return b"\4" + piece(encoded("QuorumFrame", f"{ids} epoch: {epoch} {text}"))

    def append(epoch, after_epoch, first, values, committed):
        return said(epoch, f"append_request {{ after {{ epoch: {after_epoch} offset: {first} }} "
                           f"end_offset: {first + len(values)} committed_end: {committed} "
                           f'batches: "{escaped(batch(values, first)) if values else ""}" }}')

    follower = [append(1, -1, 0, [voters], 0), append(1, 0, 1, records[:3], 1), b"\1", append(1, 0, 4, [], 4),
                said(2, "vote_request { pre_vote: true log_end { epoch: 0 offset: 4 } }"),
                said(2, "vote_request { log_end { epoch: 0 offset: 4 } }"), b"\3\0",
                append(2, 0, 3, records[:2], 3), said(2, "snapshot_request { end { epoch: 1 offset: 9 } }"),
                said(2, "transfer_now {}"), b"\0\xff"]
    leader = [b"\2", b"\1",
              said(1, "append_answer { is_answer: true matched: true verified_end: 1 flushed_end: 1 }"), b"\2",
              said(1, "append_answer { is_answer: true after_offset: 1 hint { epoch: -1 } }"),
              said(1, "append_answer { matched: true verified_end: 2 flushed_end: 2 }"), b"\0\x05", b"\0\xff",
              said(3, "vote_answer { granted: false }")]
    write("fuzz_quorum", "follower", b"\0" + b"".join(follower))
    write("fuzz_quorum", "leader", b"\1" + b"".join(leader))


KINDS = {".log": 0, ".index": 1, ".timeindex": 2, ".snapshot": 3, "leader-epoch-checkpoint": 4,
         "recovery-point.0": 5, "recovery-point.1": 6, "partition.metadata": 7, "sync-failed": 8,
         "segment-checkpoint": 9}


def packed_log(folder):
    out = b""
    for path in sorted(folder.iterdir()):
        kind = KINDS.get(path.name, KINDS.get(path.suffix))
        base = int(path.stem) if path.stem.isdigit() else 0
        if kind is None or base > 255 or path.name == "partition.metadata":
            continue  # the target has a topic id of its own
        out += bytes([kind, base]) + piece(path.read_bytes()[:0xffff])
    return out


def directory_seeds(directory, number):
    properties = [directory / "meta.properties", directory / ".kafka_cleanshutdown", directory / "broker-epoch",
                  directory / "replication-offset-checkpoint"]
    metadata = sorted(directory.glob("*-0/partition.metadata"))[:1]
    pieces = [piece(path.read_bytes()) if path.exists() else piece(b"") for path in properties + metadata]
    write("fuzz_log_files", f"directory_{number}", b"\5" + b"".join(pieces))
    clean = (directory / ".kafka_cleanshutdown").exists()
    kinds = {".index": b"\0", ".timeindex": b"\0", ".snapshot": b"\2", "leader-epoch-checkpoint": b"\1",
             "partition.metadata": b"\1", "recovery-point.0": b"\3", "segment-checkpoint": b"\4"}
    for folder in sorted(path for path in directory.iterdir() if path.is_dir()):
        log = packed_log(folder)
        if not log or len(log) > 4 * MAX_SEED_BYTES:
            continue
        write("fuzz_log_recovery", f"{folder.name}_{number}_{'clean' if clean else 'killed'}",
              bytes([1 if clean else 0]) + log)
        write("fuzz_log_recovery", f"{folder.name}_{number}_repaired", b"\2" + log)
        for path in folder.iterdir():
            prefix = kinds.get(path.name, kinds.get(path.suffix))
            if prefix and path.stat().st_size in range(1, MAX_SEED_BYTES):
                suffix = path.suffix.strip(".") if path.stem.isdigit() else path.name
                write("fuzz_log_files", f"{folder.name}_{suffix}_{number}", prefix + path.read_bytes())


wire_seeds()
config_seeds()
control_seeds()
quorum_seeds()
for count, argument in enumerate(sys.argv[1:]):
    directory_seeds(pathlib.Path(argument), count)
