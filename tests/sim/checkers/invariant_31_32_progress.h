// Invariants 31 and 32, liveness: once faults have stopped, every partition acks new records again
// and its ISR is whole. Asked again and again until the virtual-time budget is spent.
#pragma once

#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class Progress {
 public:
  struct State {
    int64_t acked = 0;  // records acked so far
    int isr_size = 0;   // as the present leader knows it; 0 without a leader
  };
  // Faults stop now. Each partition must ack `more_acks` and get `isr_size` members.
  void Begin(std::map<PartitionName, State> at_healing, int64_t more_acks, int isr_size);
  // OK once all is reached; else what is still missing.
  absl::Status Check(const std::map<PartitionName, State>& now) const;

 private:
  std::map<PartitionName, State> at_healing_;
  int64_t more_acks_ = 0;
  int isr_size_ = 0;
};

}  // namespace soliton::sim
