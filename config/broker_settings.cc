// Settings of a broker, and those that a broker and a controller share. Defaults are Kafka's 4.x
// where the name is Kafka's, except broker.heartbeat.interval.ms, which is shorter so that a dead
// broker is noticed sooner.
#include "config/config_table.h"

namespace soliton::config {
namespace {

constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();

// clang-format off
constexpr Setting kBrokerSettings[] = {
    // ---- identity ----
    {.name = "node.id", .type = Type::kInt,
     .doc = "Number of this node, unique in the cluster and kept for ever: the data belongs to it.",
     .least = 0, .most = kInt32Max, .scopes = kNodeScopes},
    {.name = "broker.id", .type = Type::kInt, .doc = "Older name of node.id.",
     .least = 0, .most = kInt32Max, .scopes = kNodeScopes, .spelling_of = "node.id"},
    {.name = "process.roles", .type = Type::kEnumList,
     .doc = "What this process is: broker, controller, or both (broker,controller), which `soliton broker` "
            "starts. Unset: what it was started as, `soliton broker` or `soliton controller`.",
     .allowed = "broker|controller", .scopes = kNodeScopes},
    {.name = "cluster.id", .type = Type::kString, .default_value = "",
     .doc = "Id of the cluster; a node refuses to join another. Empty: the controller makes one at its first "
            "start and brokers take it over.",
     .scopes = kNodeScopes},
    {.name = "broker.rack", .type = Type::kString,
     .doc = "Rack or zone of this broker; replicas of a partition are spread over racks.",
     .scopes = kBrokerScope},
    {.name = "replica.selector.class", .type = Type::kEnum,
     .doc = "Where consumers that name their rack (client.rack) read: from the leader, or with "
            "RackAwareReplicaSelector from an in-sync replica in their rack. Kafka's own two names only: "
            "others are Java classes and cannot be run here.",
     .allowed = "org.apache.kafka.common.replica.RackAwareReplicaSelector|"
                "org.apache.kafka.common.replica.LeaderSelector",
     .scopes = kBrokerScope},

    // ---- addresses ----
    {.name = "listeners", .type = Type::kListeners, .default_value = "PLAINTEXT://:9092",
     .doc = "Addresses to accept connections on, as NAME://host:port. An empty host means all interfaces. A "
            "controller listens on the one named in controller.listener.names.",
     .scopes = kNodeScopes},
    {.name = "advertised.listeners", .type = Type::kListeners,
     .doc = "Addresses that clients and other brokers are told to connect to. Needed when they differ from "
            "listeners: behind NAT, in containers, or when listening on all interfaces.",
     .scopes = kBrokerScope},
    {.name = "listener.security.protocol.map", .type = Type::kList,
     .default_value = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
     .doc = "Security protocol of each listener name. Only PLAINTEXT is available so far.",
     .scopes = kNodeScopes},
    {.name = "inter.broker.listener.name", .type = Type::kString,
     .doc = "The listener that brokers use among themselves. Unset: the first one.",
     .scopes = kBrokerScope},
    {.name = "controller.listener.names", .type = Type::kList, .default_value = "CONTROLLER",
     .doc = "Names of the listeners that controllers accept brokers on.", .scopes = kNodeScopes},
    {.name = "controller.quorum.bootstrap.servers", .type = Type::kEndpoints,
     .doc = "host:port of the controllers, so that a broker finds the cluster. A process that is broker and "
            "controller names itself or leaves it out.",
     .scopes = kNodeScopes},
    {.name = "controller.quorum.voters", .type = Type::kList,
     .doc = "The controllers that found the cluster, as id@host:port, the same on all of them: 1, 3 or 5. A "
            "controller without it is alone; one that is not among them follows without a vote until it is "
            "added (soliton cluster quorum add). Once the cluster stands, it says itself who votes. A broker that is not a controller too needs this or "
            "controller.quorum.bootstrap.servers.",
     .scopes = kNodeScopes},

    // ---- data ----
    {.name = "log.dirs", .type = Type::kList, .default_value = "data",
     .doc = "Directories for the data, relative to the working directory or absolute. One is used so far.",
     .scopes = kNodeScopes},
    {.name = "log.dir", .type = Type::kString, .doc = "Older name of log.dirs.", .scopes = kNodeScopes,
     .spelling_of = "log.dirs"},
    {.name = "storage.stall.timeout.ms", .type = Type::kInt, .unit = Unit::kMilliseconds, .default_value = "2000",
     .doc = "While a flush takes longer than this, the broker leads nothing that others could lead.",
     .least = 1, .most = kInt32Max, .scopes = kBrokerScope},
    {.name = "storage.min.free.bytes", .type = Type::kLong, .unit = Unit::kBytes, .default_value = "-1",
     .doc = "While less of the disk is free, appends of clients are refused; reading, replication and deletes go on. "
            "Ends by itself when a quarter more than this is free. 0: never. -1: 2 % of the disk, at least 1 GiB, at "
            "most a quarter of the disk.",
     .least = -1, .scopes = kBrokerScope},
    {.name = "durability", .type = Type::kEnum, .default_value = "flush",
     .doc = "When a record counts as stored on a replica. flush: when it is on the disk (fdatasync), so that "
            "acks=all survives a power cut of all nodes. page-cache: when the operating system has it, as in "
            "Kafka; faster, and safe only while not all replicas lose power together.",
     .allowed = "flush|page-cache", .scopes = kBrokerScope},
    {.name = "shards", .type = Type::kInt, .default_value = "0",
     .doc = "Event-loop threads that share the partitions and connections. 0: as many as cores.",
     .least = 0, .most = 1024, .scopes = kBrokerScope},
    {.name = "log.level", .type = Type::kEnum, .default_value = "info",
     .doc = "How much this process logs to stderr.",
     .allowed = "debug|info|warn|error|off", .scopes = kNodeScopes},

    // ---- topics ----
    {.name = "num.partitions", .type = Type::kInt, .default_value = "1",
     .doc = "Partitions of a topic that is created without a count.", .least = 1, .most = 100000,
     .scopes = kNodeScopes},
    {.name = "default.replication.factor", .type = Type::kInt, .default_value = "1",
     .doc = "Replicas of a topic that is created without a replication factor.", .least = 1, .most = 32767,
     .scopes = kNodeScopes},
    {.name = "min.insync.replicas", .type = Type::kInt, .default_value = "1",
     .doc = "Replicas that must have a record before acks=all is answered. Fewer in sync: writes are refused. "
            "Never more than the replication factor counts.",
     .least = 1, .most = kInt32Max, .scopes = kNodeScopes, .dynamic = true},
    {.name = "auto.create.topics.enable", .type = Type::kBool, .default_value = "true",
     .doc = "Whether asking for an unknown topic creates it.", .scopes = kBrokerScope},
    {.name = "delete.topic.enable", .type = Type::kBool, .default_value = "true",
     .doc = "Whether topics can be deleted.", .scopes = kBrokerScope,
     .stage = Stage::kRefused, .note = "topics can always be deleted so far", .harmless = "true"},
    {.name = "unclean.leader.election.enable", .type = Type::kBool, .default_value = "false",
     .doc = "Whether a replica outside the in-sync set may lead when none of the set is left. Acknowledged "
            "records are lost then.",
     .scopes = kNodeScopes, .dynamic = true},

    // ---- replication ----
    {.name = "replica.lag.time.max.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "30000",
     .doc = "A follower that has not caught up for this long leaves the in-sync set.", .least = 1,
     .scopes = kBrokerScope},
    {.name = "replica.fetch.max.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "1048576",
     .doc = "Most bytes of one partition in one replica fetch; a larger first batch is still sent.",
     .least = 0, .most = kInt32Max, .scopes = kBrokerScope},
    {.name = "leader.replication.throttled.rate", .type = Type::kLong, .unit = Unit::kBytes,
     .default_value = "9223372036854775807",
     .doc = "Bytes per second that a broker sends to replicas which are not in sync and named in their topic's "
            "leader.replication.throttled.replicas. The shards share it evenly.",
     .least = 1, .scopes = kBrokerScope, .dynamic = true},
    {.name = "follower.replication.throttled.rate", .type = Type::kLong, .unit = Unit::kBytes,
     .default_value = "9223372036854775807",
     .doc = "Bytes per second that a broker fetches for its replicas which are not in sync and named in their "
            "topic's follower.replication.throttled.replicas. The shards share it evenly.",
     .least = 1, .scopes = kBrokerScope, .dynamic = true},
    {.name = "replica.fetch.response.max.bytes", .type = Type::kInt, .unit = Unit::kBytes,
     .default_value = "10485760", .doc = "Most bytes of one replica fetch.", .least = 0, .most = kInt32Max,
     .scopes = kBrokerScope},
    {.name = "replica.fetch.min.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "1",
     .doc = "Bytes that a leader waits for before it answers a replica fetch.", .least = 0, .most = kInt32Max,
     .scopes = kBrokerScope,
     .stage = Stage::kNoEffect, .note = "a leader answers as soon as it has anything"},
    {.name = "replica.fetch.wait.max.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "500", .doc = "How long a leader keeps an idle replica fetch open.", .least = 1,
     .most = kInt32Max, .scopes = kBrokerScope},
    {.name = "replica.fetch.backoff.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "1000", .doc = "Pause of a partition's fetching after an error.", .least = 0,
     .most = kInt32Max, .scopes = kBrokerScope,
     .stage = Stage::kNoEffect, .note = "the pause after an error is fixed"},

    // ---- liveness ----
    {.name = "broker.heartbeat.interval.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "100", .doc = "How often a broker tells the controller that it lives.", .least = 1,
     .most = kInt32Max, .scopes = kNodeScopes},
    {.name = "broker.session.timeout.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "9000",
     .doc = "A broker that has sent no heartbeat for this long is fenced, even if it answers when it is asked "
            "(broker.silence.timeout.ms). One whose connection closes is checked at once.",
     .least = 1, .most = kInt32Max, .scopes = kNodeScopes},
    {.name = "controlled.shutdown.enable", .type = Type::kBool, .default_value = "true",
     .doc = "Whether a stopping broker hands over its leaderships first.", .scopes = kBrokerScope},
    {.name = "controlled.shutdown.timeout.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "5000", .doc = "How long a stopping broker waits for the hand-over.", .least = 0,
     .most = kInt32Max, .scopes = kBrokerScope},

    // ---- connections and memory ----
    {.name = "socket.request.max.bytes", .type = Type::kInt, .unit = Unit::kBytes,
     .default_value = "104857600",
     .doc = "Largest request. A longer frame closes its connection before it is read.", .least = 1,
     .most = kInt32Max, .scopes = kBrokerScope},
    {.name = "queued.max.request.bytes", .type = Type::kLong, .unit = Unit::kBytes, .default_value = "-1",
     .doc = "Memory of this process for requests and answers. A request is read only when its bytes are free; "
            "an eighth is kept for replica fetches. -1: a quarter of the machine's memory.",
     .least = -1, .scopes = kBrokerScope},
    {.name = "connections.max.idle.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "600000", .doc = "A connection without a request for this long is closed, unless "
            "one is being worked on. -1: never.",
     .least = -1, .scopes = kBrokerScope},
    {.name = "connections.frame.timeout.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "30000",
     .doc = "A request that has begun must arrive within this time, or go on arriving at 1 KiB/s or more; else its "
            "connection is closed. So is one whose request waits longer than this for memory.",
     .least = 1, .scopes = kBrokerScope},
    {.name = "connections.send.timeout.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "60000",
     .doc = "A connection whose peer takes nothing of the answers that wait for it is closed after this time.",
     .least = 1, .scopes = kBrokerScope},
    {.name = "max.connections", .type = Type::kInt, .default_value = "-1",
     .doc = "Most connections of clients and brokers at once; more are closed as they come, but for 256 that are "
            "kept for the other brokers of the cluster. -1: half of the limit of open files.",
     .least = -1, .most = kInt32Max, .scopes = kBrokerScope},
    {.name = "max.connections.per.ip", .type = Type::kInt, .default_value = "2147483647",
     .doc = "Most connections of one address at once; more are closed as they come.",
     .least = 0, .most = kInt32Max, .scopes = kBrokerScope},
    {.name = "fetch.max.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "57671680",
     .doc = "Most bytes of one fetch answer to a consumer.", .least = 1024, .most = kInt32Max,
     .scopes = kBrokerScope},
    {.name = "max.incremental.fetch.session.cache.slots", .type = Type::kInt, .default_value = "1000",
     .doc = "Incremental fetch sessions that are kept; further clients send full requests.", .least = 0,
     .most = kInt32Max, .scopes = kBrokerScope},
    {.name = "message.max.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "1048588",
     .doc = "Largest record batch as stored, after compression.", .least = 0, .most = kInt32Max,
     .scopes = kBrokerScope, .dynamic = true},

    // ---- log ----
    {.name = "log.segment.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "1073741824",
     .doc = "Size at which a log starts its next segment file.", .least = 1048576, .most = kInt32Max,
     .scopes = kBrokerScope, .dynamic = true},
    {.name = "log.roll.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = "604800000",
     .doc = "Age at which a log starts its next segment file.", .least = 1, .scopes = kBrokerScope,
     .dynamic = true},
    {.name = "log.roll.hours", .type = Type::kInt, .unit = Unit::kHours,
     .doc = "log.roll.ms in hours; log.roll.ms wins.", .least = 1, .most = kInt32Max, .scopes = kBrokerScope,
     .spelling_of = "log.roll.ms"},
    {.name = "log.index.interval.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "4096",
     .doc = "Bytes of log between two entries of the offset index.", .least = 0, .most = kInt32Max,
     .scopes = kBrokerScope, .dynamic = true},
    {.name = "log.index.size.max.bytes", .type = Type::kInt, .unit = Unit::kBytes,
     .default_value = "10485760", .doc = "Size of an index at which its segment is closed.", .least = 4,
     .most = kInt32Max, .scopes = kBrokerScope, .dynamic = true},
    {.name = "log.retention.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "604800000", .doc = "Age at which records may be deleted. -1: never.", .least = -1,
     .scopes = kBrokerScope, .dynamic = true},
    {.name = "log.retention.minutes", .type = Type::kInt, .unit = Unit::kMinutes,
     .doc = "log.retention.ms in minutes; log.retention.ms wins.", .least = -1, .most = kInt32Max,
     .scopes = kBrokerScope, .spelling_of = "log.retention.ms"},
    {.name = "log.retention.hours", .type = Type::kInt, .unit = Unit::kHours,
     .doc = "log.retention.ms in hours; log.retention.ms and log.retention.minutes win.", .least = -1,
     .most = kInt32Max, .scopes = kBrokerScope, .spelling_of = "log.retention.ms"},
    {.name = "log.retention.bytes", .type = Type::kLong, .unit = Unit::kBytes, .default_value = "-1",
     .doc = "Size of a partition above which its oldest segments may be deleted. -1: no limit.", .least = -1,
     .scopes = kBrokerScope, .dynamic = true},
    {.name = "log.flush.offset.checkpoint.interval.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "5000",
     .doc = "With durability=page-cache: how often logs are flushed in the background, so that a restart after a "
            "crash reads only what came later (Kafka's default is 60000). With durability=flush a log is flushed "
            "all the time.",
     .least = 10, .scopes = kBrokerScope},
    {.name = "log.retention.check.interval.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "300000", .doc = "How often logs are checked for segments to delete.", .least = 1,
     .scopes = kBrokerScope},
    {.name = "log.cleanup.policy", .type = Type::kEnumList, .default_value = "delete",
     .doc = "What happens to old records: delete by age and size, compact to the last one of each key, or "
            "both. Compaction does not run yet: compacted topics keep everything.",
     .allowed = "delete|compact", .scopes = kBrokerScope, .dynamic = true},
    {.name = "log.message.timestamp.type", .type = Type::kEnum, .default_value = "CreateTime",
     .doc = "Whose clock stamps a record: the producer's or the broker's at append.",
     .allowed = "CreateTime|LogAppendTime", .scopes = kBrokerScope, .dynamic = true},
    {.name = "log.message.timestamp.before.max.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "9223372036854775807",
     .doc = "How far in the past a record's timestamp may lie.", .least = 0, .scopes = kBrokerScope,
     .dynamic = true},
    {.name = "log.message.timestamp.after.max.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "3600000", .doc = "How far in the future a record's timestamp may lie.", .least = 0,
     .scopes = kBrokerScope, .dynamic = true},
    {.name = "producer.id.expiration.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "86400000", .doc = "An idle producer's sequence state is forgotten after this long.",
     .least = 1, .most = kInt32Max, .scopes = kBrokerScope, .dynamic = true,
     .stage = Stage::kNoEffect, .note = "an idle producer's state is kept for a day"},
};
// clang-format on

}  // namespace

std::span<const Setting> BrokerSettings() { return kBrokerSettings; }

}  // namespace soliton::config
