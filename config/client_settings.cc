// Settings of producers and consumers, as in `-X linger.ms=5`. Defaults are those of Kafka's 4.x
// clients.
#include "config/config_table.h"

namespace soliton::config {
namespace {

constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();
constexpr std::string_view kNoSecurity = "only plain-text connections are available so far";

// clang-format off
constexpr Setting kClientSettings[] = {
    // ---- both ----
    {.name = "bootstrap.servers", .type = Type::kEndpoints, .default_value = "localhost:9092",
     .doc = "host:port of brokers to connect to first.", .scopes = kClientScopes},
    {.name = "client.id", .type = Type::kString, .default_value = "soliton",
     .doc = "Name of this client in the brokers' logs and metrics.", .scopes = kClientScopes},
    {.name = "request.timeout.ms", .type = Type::kInt, .unit = Unit::kMilliseconds, .default_value = "30000",
     .doc = "How long one request may stay unanswered.", .least = 0, .most = kInt32Max,
     .scopes = kClientScopes},
    {.name = "retry.backoff.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = "100",
     .doc = "Pause before the first retry.", .least = 0, .scopes = kClientScopes},
    {.name = "retry.backoff.max.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "1000", .doc = "Longest pause between retries.", .least = 0, .scopes = kClientScopes},
    {.name = "metadata.max.age.ms", .type = Type::kLong, .unit = Unit::kMilliseconds,
     .default_value = "300000", .doc = "Age at which metadata is asked for again.", .least = 0,
     .scopes = kClientScopes},
    {.name = "security.protocol", .type = Type::kEnum, .default_value = "PLAINTEXT",
     .doc = "How connections are secured.", .allowed = "PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL",
     .scopes = kClientScopes, .stage = Stage::kRefused, .note = kNoSecurity, .harmless = "PLAINTEXT"},

    // ---- producer ----
    {.name = "acks", .type = Type::kEnum, .default_value = "all",
     .doc = "Who must have a record before it counts as written: all in-sync replicas, the leader, nobody.",
     .allowed = "all|-1|1|0", .scopes = kProducerScope},
    {.name = "enable.idempotence", .type = Type::kBool, .default_value = "true",
     .doc = "Whether retries can neither duplicate nor reorder records.", .scopes = kProducerScope},
    {.name = "linger.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = "5",
     .doc = "How long a record may wait for others to share its batch.", .least = 0,
     .scopes = kProducerScope},
    {.name = "batch.size", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "16384",
     .doc = "Size at which a batch is sent without lingering.", .least = 0, .most = kInt32Max,
     .scopes = kProducerScope},
    {.name = "buffer.memory", .type = Type::kLong, .unit = Unit::kBytes, .default_value = "33554432",
     .doc = "Bytes of records that may wait to be sent.", .least = 0, .scopes = kProducerScope},
    {.name = "max.request.size", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "1048576",
     .doc = "Largest produce request.", .least = 0, .most = kInt32Max, .scopes = kProducerScope},
    {.name = "max.block.ms", .type = Type::kLong, .unit = Unit::kMilliseconds, .default_value = "60000",
     .doc = "How long sending may wait for metadata or memory.", .least = 0, .scopes = kProducerScope},
    {.name = "delivery.timeout.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "120000", .doc = "Time from sending a record to giving it up.", .least = 0,
     .most = kInt32Max, .scopes = kProducerScope},
    {.name = "max.in.flight.requests.per.connection", .type = Type::kInt, .default_value = "5",
     .doc = "Produce requests that may be unanswered at once. At most 5 with idempotence.", .least = 1,
     .most = kInt32Max, .scopes = kProducerScope},
    {.name = "compression.type", .type = Type::kEnum, .default_value = "none", .doc = "Codec of batches.",
     .allowed = "none|gzip|snappy|lz4|zstd", .scopes = kProducerScope},

    // ---- consumer ----
    {.name = "auto.offset.reset", .type = Type::kEnum, .default_value = "latest",
     .doc = "Where to start without a valid position.", .allowed = "earliest|latest|none",
     .scopes = kConsumerScope},
    {.name = "fetch.min.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "1",
     .doc = "Bytes that a broker waits for before it answers a fetch.", .least = 0, .most = kInt32Max,
     .scopes = kConsumerScope},
    {.name = "fetch.max.wait.ms", .type = Type::kInt, .unit = Unit::kMilliseconds, .default_value = "500",
     .doc = "How long a broker keeps an idle fetch open.", .least = 0, .most = kInt32Max,
     .scopes = kConsumerScope},
    {.name = "fetch.max.bytes", .type = Type::kInt, .unit = Unit::kBytes, .default_value = "52428800",
     .doc = "Most bytes of one fetch.", .least = 0, .most = kInt32Max, .scopes = kConsumerScope},
    {.name = "max.partition.fetch.bytes", .type = Type::kInt, .unit = Unit::kBytes,
     .default_value = "1048576", .doc = "Most bytes of one partition in one fetch.", .least = 0,
     .most = kInt32Max, .scopes = kConsumerScope},
    {.name = "isolation.level", .type = Type::kEnum, .default_value = "read_uncommitted",
     .doc = "Whether records of open and aborted transactions are delivered.",
     .allowed = "read_uncommitted|read_committed", .scopes = kConsumerScope},
    {.name = "client.rack", .type = Type::kString, .default_value = "",
     .doc = "Rack of this client: with a broker's replica.selector.class it reads from a replica there.",
     .scopes = kConsumerScope},
    {.name = "check.crcs", .type = Type::kBool, .default_value = "true",
     .doc = "Whether each batch's checksum is verified.", .scopes = kConsumerScope},
};
// clang-format on

}  // namespace

std::span<const Setting> ClientSettings() { return kClientSettings; }

}  // namespace soliton::config
