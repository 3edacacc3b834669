// Invariant 15, stale actors are inert: epochs of the committed metadata only grow, every change of
// a partition has an epoch of its own, and what a deposed leader still commits its successor has.
#pragma once

#include <map>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class StaleActors {
 public:
  // The controller's committed state, after each change.
  absl::Status OnBrokerEpoch(int32_t broker, int64_t broker_epoch);
  absl::Status OnPartition(const PartitionMetadata& partition);
  // Every leader that is seen; remembers the newest one.
  void OnLeader(const ReplicaObservation& leader);
  // A leader of a later epoch has been seen.
  bool IsDeposed(const ReplicaObservation& leader) const;
  // `leader` has just raised the partition's true high watermark.
  absl::Status OnCommit(const ReplicaObservation& leader) const;

 private:
  std::map<int32_t, int64_t> broker_epochs_;
  std::map<PartitionName, PartitionMetadata> partitions_;
  std::map<PartitionName, ReplicaObservation> newest_leader_;
};

}  // namespace soliton::sim
