#include "tests/sim/checkers/invariant_05_quorum_superset.h"

#include <algorithm>

namespace soliton::sim {

absl::Status CheckQuorum(const ReplicaObservation& leader, const PartitionMetadata& committed) {
  if (static_cast<int32_t>(leader.isr.size()) < leader.min_insync_replicas) {
    return absl::InternalError(
        fmt::format("{}: leader {} moves the high watermark to {} with {} of {} in-sync replicas",
                    leader.partition.ToString(), leader.broker, leader.high_watermark,
                    leader.isr.size(), leader.min_insync_replicas));
  }
  // A successor was elected already: what a deposed leader still commits is for invariant 15.
  if (committed.leader_epoch != leader.leader_epoch) return absl::OkStatus();
  for (int32_t member : committed.isr) {
    if (std::find(leader.maximal_isr.begin(), leader.maximal_isr.end(), member) !=
        leader.maximal_isr.end()) {
      continue;
    }
    return absl::InternalError(fmt::format(
        "{}: leader {} moves the high watermark to {} over {}, but the controller may elect {}",
        leader.partition.ToString(), leader.broker, leader.high_watermark,
        fmt::join(leader.maximal_isr, ","), fmt::join(committed.isr, ",")));
  }
  return absl::OkStatus();
}

}  // namespace soliton::sim
