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
    {.name = "controller.probe.timeout.ms", .type = Type::kInt, .unit = Unit::kMilliseconds,
     .default_value = "500",
     .doc = "A broker whose connection closed is dialled once. Refused means dead; no answer for this long "
            "leaves the judgement to broker.session.timeout.ms.",
     .least = 1, .most = kInt32Max, .scopes = kControllerScope},
    {.name = "metadata.log.max.record.bytes.between.snapshots", .type = Type::kInt, .unit = Unit::kBytes,
     .default_value = "20971520",
     .doc = "When so much was added to the metadata log since the last snapshot, the next one is taken, and what "
            "it covers is removed from the log.",
     .least = 1024, .most = kInt32Max, .scopes = kControllerScope},
    {.name = "max.partitions.per.request", .type = Type::kInt, .default_value = "10000",
     .doc = "Most partitions that one request may create.", .least = 1, .most = 1000000,
     .scopes = kControllerScope},
};
// clang-format on

}  // namespace

std::span<const Setting> ControllerSettings() { return kControllerSettings; }

}  // namespace soliton::config
