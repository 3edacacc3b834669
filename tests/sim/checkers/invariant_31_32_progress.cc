#include "tests/sim/checkers/invariant_31_32_progress.h"

namespace soliton::sim {

void Progress::Begin(std::map<PartitionName, State> at_healing, int64_t more_acks, int isr_size) {
  at_healing_ = std::move(at_healing);
  more_acks_ = more_acks;
  isr_size_ = isr_size;
}

absl::Status Progress::Check(const std::map<PartitionName, State>& now) const {
  for (const auto& [partition, before] : at_healing_) {
    auto found = now.find(partition);
    const State state = found == now.end() ? State{} : found->second;
    if (state.acked < before.acked + more_acks_) {
      return absl::DeadlineExceededError(
          fmt::format("{}: {} records acked since healing, {} wanted", partition.ToString(),
                      state.acked - before.acked, more_acks_));
    }
    if (state.isr_size < isr_size_) {
      return absl::DeadlineExceededError(fmt::format(
          "{}: {} in-sync replicas, {} wanted", partition.ToString(), state.isr_size, isr_size_));
    }
  }
  return absl::OkStatus();
}

}  // namespace soliton::sim
