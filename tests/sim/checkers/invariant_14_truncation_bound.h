// Invariant 14: while its process lives, a replica never has less than the high watermark that it
// has known; and its offsets are in order: log start <= high watermark <= log end, flushed <= log
// end.
#pragma once

#include <map>
#include <tuple>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class TruncationBound {
 public:
  absl::Status Observe(const ReplicaObservation& replica);
  // This replica left this broker: another may begin there with an empty log.
  void Forget(int32_t broker, int incarnation, const PartitionName& partition) {
    highest_known_.erase({broker, incarnation, partition});
  }

 private:
  // By (broker, incarnation, partition).
  std::map<std::tuple<int32_t, int, PartitionName>, int64_t> highest_known_;
};

}  // namespace soliton::sim
