#include "tests/sim/checkers/invariant_06_durable_before_counted.h"

namespace soliton::sim {

absl::Status DurableBeforeCounted::Observe(const ReplicaObservation& replica) {
  const auto [entry, first] = flushed_.try_emplace(
      {replica.broker, replica.partition}, Flushed{replica.incarnation, replica.flushed_offset});
  Flushed& known = entry->second;
  absl::Status status;
  if (!first && known.incarnation != replica.incarnation && replica.log_end_offset < known.offset) {
    status = absl::DataLossError(
        fmt::format("{} on broker {}: flushed up to {} by process {}, process {} finds [{}, {})",
                    replica.partition.ToString(), replica.broker, known.offset, known.incarnation,
                    replica.incarnation, replica.log_start_offset, replica.log_end_offset));
  }
  known = {replica.incarnation, replica.flushed_offset};
  return status;
}

void DurableBeforeCounted::Forget(int32_t broker) {
  std::erase_if(flushed_, [&](const auto& entry) { return entry.first.first == broker; });
}

}  // namespace soliton::sim
