// Settings that only a controller reads. What it shares with brokers is in broker_settings.cc.
#include "config/config_table.h"

namespace soliton::config {
namespace {

constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();

// clang-format off
constexpr Setting kControllerSettings[] = {
    {.name = "metadata.log.dir", .type = Type::kString,
     .doc = "Directory of a controller's data, which it keeps in the folder `controller` there. Unset: the "
            "first of log.dirs.", .scopes = kNodeScopes},
    {.name = "broker.silence.timeout.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "300",
     .doc = "A broker that was not heard of for this long is asked directly, on its listener for clients.",
     .least = 1, .most = kInt32Max, .scopes = kControllerScope},
    {.name = "controller.probe.timeout.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "200",
     .doc = "A broker that is asked directly, because it is silent or its connection closed, is fenced when it "
            "refuses the connection, or does not answer within this time and is not heard of otherwise.",
     .least = 1, .most = kInt32Max, .scopes = kControllerScope},
    {.name = "controller.quorum.election.timeout.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "200",
     .doc = "A controller that has not heard the leader of the quorum for this long, up to twice as long, stands "
            "for election. A leader that dies is replaced at once, without waiting for this.",
     .least = 10, .most = kInt32Max, .scopes = kControllerScope},
    {.name = "metadata.log.max.record.bytes.between.snapshots", .type = Type::kInt, .unit = Unit::kBytes,
     .default_value = "20971520",
     .doc = "When so much was added to the metadata log since the last snapshot, the next one is taken, and what "
            "it covers is removed from the log.",
     .least = 1024, .most = kInt32Max, .scopes = kControllerScope},
    {.name = "max.partitions.per.request", .type = Type::kInt, .default_value = "10000",
     .doc = "Most partitions that one request may create.", .least = 1, .most = 1000000,
     .scopes = kControllerScope},
    {.name = "auto.leader.rebalance.enable", .type = Type::kBool, .default_value = "true",
     .doc = "Leaderships go back to preferred replicas, the first of their lists, once those are in sync again.",
     .scopes = kNodeScopes},
    {.name = "leader.imbalance.check.interval.seconds", .type = Type::kLong, .unit = Unit::kSeconds,
     .default_value = "300", .doc = "How often the controller looks for such leaderships.",
     .least = 1, .most = kInt32Max, .scopes = kNodeScopes},
    {.name = "leader.imbalance.per.broker.percentage", .type = Type::kInt, .default_value = "10",
     .doc = "A broker gets leaderships back when it lacks more than this share of those that it is preferred for.",
     .least = 0, .most = 100, .scopes = kNodeScopes},
};
// clang-format on

}  // namespace

std::span<const Setting> ControllerSettings() { return kControllerSettings; }

}  // namespace soliton::config
