// Invariant 6, durable before counted: what a replica called flushed is there when its next process
// opens the log, whatever happened to the one before. Damage to the disk itself is announced with
// Forget.
#pragma once

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class DurableBeforeCounted {
 public:
  absl::Status Observe(const ReplicaObservation& replica);
  // This broker's disk was wiped, or damaged below what it had promised.
  void Forget(int32_t broker);
  // This replica left this broker: another may begin there with an empty log.
  void Forget(int32_t broker, const PartitionName& partition) {
    flushed_.erase({broker, partition});
  }
  // The same, if it was last seen in an earlier process.
  bool ForgetEarlier(int32_t broker, const PartitionName& partition, int incarnation) {
    const auto found = flushed_.find({broker, partition});
    if (found == flushed_.end() || found->second.incarnation == incarnation) return false;
    flushed_.erase(found);
    return true;
  }

 private:
  struct Flushed {
    int incarnation = 0;
    int64_t offset = 0;
  };
  std::map<std::pair<int32_t, PartitionName>, Flushed> flushed_;
};

}  // namespace soliton::sim
