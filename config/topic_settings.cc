// Settings of a topic. The default of each is the broker's setting of the name beside it, whose
// default is the same; a test holds the two equal.
#include "config/config_table.h"

namespace soliton::config {
namespace {

constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();
constexpr std::string_view kLongMax = "9223372036854775807";
constexpr std::string_view kNoCompaction =
    "compaction does not run yet: compacted topics keep everything";
constexpr std::string_view kNoRecompression = "batches are stored as the producer compressed them";
constexpr std::string_view kNoTiering = "tiered storage is not available";
constexpr std::string_view kFlushIsDurability =
    "when records are flushed is decided by the broker's `durability`: flush forces every "
    "acknowledged record";

// clang-format off
constexpr Setting kTopicSettings[] = {
    {.name = "cleanup.policy", .type = Type::kEnumList, .default_value = "delete",
     .doc = "What happens to old records: delete by age and size, compact to the last one of each key, or "
            "both. Compaction does not run yet: compacted topics keep everything.",
     .allowed = "delete|compact", .scopes = kTopicScope, .dynamic = true, .broker_name = "log.cleanup.policy"},
    {.name = "retention.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = "604800000",
     .doc = "Age at which records may be deleted. -1: never.", .least = -1, .scopes = kTopicScope,
     .dynamic = true, .broker_name = "log.retention.ms"},
    {.name = "retention.bytes", .type = Type::kLong, .unit = Unit::kBytes, .default_value = "-1",
     .doc = "Size of a partition above which its oldest segments may be deleted. -1: no limit.",
     .scopes = kTopicScope, .dynamic = true, .broker_name = "log.retention.bytes"},
    {.name = "segment.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "1073741824",
     .doc = "Size at which a log starts its next segment file.", .least = 1048576, .most = kInt32Max,
     .scopes = kTopicScope, .dynamic = true, .broker_name = "log.segment.bytes"},
    {.name = "segment.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = "604800000",
     .doc = "Age at which a log starts its next segment file.", .least = 1, .scopes = kTopicScope,
     .dynamic = true, .broker_name = "log.roll.ms"},
    {.name = "segment.index.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "10485760",
     .doc = "Size of an index at which its segment is closed.", .least = 4, .most = kInt32Max,
     .scopes = kTopicScope, .dynamic = true, .broker_name = "log.index.size.max.bytes"},
    {.name = "index.interval.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "4096",
     .doc = "Bytes of log between two entries of the offset index.", .least = 0, .most = kInt32Max,
     .scopes = kTopicScope, .dynamic = true, .broker_name = "log.index.interval.bytes"},
    {.name = "max.message.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "1048588",
     .doc = "Largest record batch as stored, after compression.", .least = 0, .most = kInt32Max,
     .scopes = kTopicScope, .dynamic = true, .broker_name = "message.max.bytes"},
    {.name = "min.insync.replicas", .type = Type::kInt, .default_value = "1",
     .doc = "Replicas that must have a record before acks=all is answered. Fewer in sync: writes are refused.",
     .least = 1, .most = kInt32Max, .scopes = kTopicScope, .dynamic = true,
     .broker_name = "min.insync.replicas"},
    {.name = "unclean.leader.election.enable", .type = Type::kBool, .default_value = "false",
     .doc = "Whether a replica outside the in-sync set may lead when none of the set is left. Acknowledged "
            "records are lost then.",
     .scopes = kTopicScope, .dynamic = true, .broker_name = "unclean.leader.election.enable"},
    {.name = "message.timestamp.type", .type = Type::kEnum, .default_value = "CreateTime",
     .doc = "Whose clock stamps a record: the producer's or the broker's at append.",
     .allowed = "CreateTime|LogAppendTime", .scopes = kTopicScope, .dynamic = true,
     .broker_name = "log.message.timestamp.type"},
    {.name = "message.timestamp.before.max.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = kLongMax, .doc = "How far in the past a record's timestamp may lie.", .least = 0,
     .scopes = kTopicScope, .dynamic = true, .broker_name = "log.message.timestamp.before.max.ms"},
    {.name = "message.timestamp.after.max.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "3600000", .doc = "How far in the future a record's timestamp may lie.", .least = 0,
     .scopes = kTopicScope, .dynamic = true, .broker_name = "log.message.timestamp.after.max.ms"},

    // ---- accepted, without effect ----
    {.name = "compression.type", .type = Type::kEnum, .default_value = "producer",
     .doc = "Codec that batches are stored with.", .allowed = "producer|uncompressed|gzip|snappy|lz4|zstd",
     .scopes = kTopicScope, .dynamic = true, .stage = Stage::kNoEffect, .note = kNoRecompression},
    {.name = "compression.gzip.level", .type = Type::kInt, .default_value = "-1",
     .doc = "Level of gzip when the broker compresses.", .least = -1, .most = 9, .scopes = kTopicScope,
     .dynamic = true, .stage = Stage::kNoEffect, .note = kNoRecompression},
    {.name = "compression.lz4.level", .type = Type::kInt, .default_value = "9",
     .doc = "Level of lz4 when the broker compresses.", .least = 1, .most = 17, .scopes = kTopicScope,
     .dynamic = true, .stage = Stage::kNoEffect, .note = kNoRecompression},
    {.name = "compression.zstd.level", .type = Type::kInt, .default_value = "3",
     .doc = "Level of zstd when the broker compresses.", .least = -131072, .most = 22, .scopes = kTopicScope,
     .dynamic = true, .stage = Stage::kNoEffect, .note = kNoRecompression},
    {.name = "flush.messages", .type = Type::kLong, .default_value = kLongMax,
     .doc = "Records after which a log is flushed.", .least = 1, .scopes = kTopicScope, .dynamic = true,
     .stage = Stage::kNoEffect, .note = kFlushIsDurability},
    {.name = "flush.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = kLongMax,
     .doc = "Time after which a log is flushed.", .least = 0, .scopes = kTopicScope, .dynamic = true,
     .stage = Stage::kNoEffect, .note = kFlushIsDurability},
    {.name = "segment.jitter.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = "0",
     .doc = "Random part of segment.ms, against all logs rolling together.", .least = 0,
     .scopes = kTopicScope, .dynamic = true, .stage = Stage::kNoEffect, .note = "segments roll without jitter"},
    {.name = "preallocate", .type = Type::kBool, .default_value = "false",
     .doc = "Whether segment files are created at full size.", .scopes = kTopicScope, .dynamic = true,
     .stage = Stage::kNoEffect, .note = "segment files grow as they are written"},
    {.name = "file.delete.delay.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "60000", .doc = "How long a deleted segment's file is kept.", .least = 0,
     .scopes = kTopicScope, .dynamic = true, .stage = Stage::kNoEffect,
     .note = "a reader keeps the open file, so deleted segments go at once"},
    {.name = "min.cleanable.dirty.ratio", .type = Type::kDouble, .default_value = "0.5",
     .doc = "Share of uncompacted bytes at which a log is compacted.", .least = 0, .most = 1,
     .scopes = kTopicScope, .dynamic = true, .stage = Stage::kNoEffect, .note = kNoCompaction},
    {.name = "min.compaction.lag.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = "0",
     .doc = "Age below which a record is not compacted away.", .least = 0, .scopes = kTopicScope,
     .dynamic = true, .stage = Stage::kNoEffect, .note = kNoCompaction},
    {.name = "max.compaction.lag.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = kLongMax, .doc = "Age at which a record is compacted in any case.", .least = 1,
     .scopes = kTopicScope, .dynamic = true, .stage = Stage::kNoEffect, .note = kNoCompaction},
    {.name = "delete.retention.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "86400000", .doc = "How long the marker of a deleted key is kept.", .least = 0,
     .scopes = kTopicScope, .dynamic = true, .stage = Stage::kNoEffect, .note = kNoCompaction},
    {.name = "leader.replication.throttled.replicas", .type = Type::kList, .default_value = "",
     .doc = "Replicas whose replication is throttled on the leader while they are not in sync: partition:broker, "
            "or *.", .scopes = kTopicScope, .dynamic = true},
    {.name = "follower.replication.throttled.replicas", .type = Type::kList, .default_value = "",
     .doc = "Replicas whose replication is throttled on the follower while they are not in sync: "
            "partition:broker, or *.", .scopes = kTopicScope, .dynamic = true},
    {.name = "local.retention.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = "-2",
     .doc = "Age at which records that are also in remote storage leave the local disk.", .least = -2,
     .scopes = kTopicScope, .dynamic = true, .stage = Stage::kNoEffect, .note = kNoTiering},
    {.name = "local.retention.bytes", .type = Type::kLong, .unit = Unit::kBytes, .default_value = "-2",
     .doc = "Size above which records that are also in remote storage leave the local disk.", .least = -2,
     .scopes = kTopicScope, .dynamic = true, .stage = Stage::kNoEffect, .note = kNoTiering},
    {.name = "remote.storage.enable", .type = Type::kBool, .default_value = "false",
     .doc = "Whether old segments move to remote storage.", .scopes = kTopicScope, .dynamic = true,
     .stage = Stage::kRefused, .note = kNoTiering, .harmless = "false"},
    {.name = "remote.log.copy.disable", .type = Type::kBool, .default_value = "false",
     .doc = "Whether copying to remote storage pauses.", .scopes = kTopicScope, .dynamic = true,
     .stage = Stage::kNoEffect, .note = kNoTiering},
    {.name = "remote.log.delete.on.disable", .type = Type::kBool, .default_value = "false",
     .doc = "Whether remote data goes when remote storage is switched off.", .scopes = kTopicScope,
     .dynamic = true, .stage = Stage::kNoEffect, .note = kNoTiering},
};
// clang-format on

}  // namespace

std::span<const Setting> TopicSettingRows() { return kTopicSettings; }

}  // namespace soliton::config
