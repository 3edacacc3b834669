// Chooses the replicas of new partitions. Leaders go round-robin over the brokers, so each leads as
// many partitions as any other, give or take one; followers are shifted from round to round, so the
// load of a dead leader spreads. Racks alternate, and a partition uses each rack once before it
// uses one twice. Brokers that are not active are used only when there are too few active ones, and
// never first. Pure and deterministic for a given Random.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/random.h"

namespace soliton::controller {

struct UsableBroker {
  int32_t broker_id = -1;
  std::string rack;  // "" when unknown
  bool active = true;
};

// One replica list per partition. kFailedPrecondition when there are fewer brokers than
// `replication_factor`, or no active one.
absl::StatusOr<std::vector<std::vector<int32_t>>> PlaceReplicas(
    const std::vector<UsableBroker>& brokers, int32_t partition_count, int32_t replication_factor,
    Random& random);

}  // namespace soliton::controller
