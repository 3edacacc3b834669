#include "tests/sim/checkers/invariant_08_offset_immutability.h"

namespace soliton::sim {

absl::Status OffsetImmutability::OnRead(const PartitionName& partition,
                                        const RecordObservation& record) {
  const auto [entry, first] = shown_[partition].emplace(record.offset, record.name);
  if (first || entry->second == record.name) return absl::OkStatus();
  return absl::InternalError(fmt::format("{}: offset {} was read as {} and later as {}",
                                         partition.ToString(), record.offset,
                                         entry->second.ToString(), record.name.ToString()));
}

}  // namespace soliton::sim
