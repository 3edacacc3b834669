// Invariant 1, election safety: in one leader epoch of a partition at most one broker leads.
#pragma once

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class OneLeaderPerEpoch {
 public:
  absl::Status Observe(const ReplicaObservation& replica);

 private:
  std::map<std::pair<PartitionName, int32_t>, int32_t> leader_of_epoch_;
};

}  // namespace soliton::sim
