#include "tests/sim/checkers/invariant_07_acked_records.h"

namespace soliton::sim {

absl::Status AckedRecords::OnAck(const PartitionName& partition, int64_t offset,
                                 const RecordName& name) {
  const auto [entry, first] = acked_[partition].emplace(offset, name);
  if (first || entry->second == name) return absl::OkStatus();
  return absl::InternalError(fmt::format("{}: offset {} acked to {} and to {}",
                                         partition.ToString(), offset, entry->second.ToString(),
                                         name.ToString()));
}

absl::Status AckedRecords::Audit(const PartitionName& partition, int64_t log_start_offset,
                                 const std::vector<RecordObservation>& records) const {
  auto promised = acked_.find(partition);
  if (promised == acked_.end()) return absl::OkStatus();
  std::map<int64_t, RecordName> present;
  for (const RecordObservation& record : records) present[record.offset] = record.name;

  int64_t lost = 0;
  std::string first;
  for (const auto& [offset, name] : promised->second) {
    if (offset < log_start_offset) continue;
    auto found = present.find(offset);
    if (found != present.end() && found->second == name) continue;
    if (lost++ == 0) {
      first = fmt::format("{} acked at offset {}, found {}", name.ToString(), offset,
                          found == present.end() ? "nothing" : found->second.ToString());
    }
  }
  if (lost == 0) return absl::OkStatus();
  return absl::DataLossError(fmt::format("{}: {} of {} acked records lost or changed; first: {}",
                                         partition.ToString(), lost, promised->second.size(),
                                         first));
}

int64_t AckedRecords::acked_count() const {
  int64_t count = 0;
  for (const auto& [partition, records] : acked_) count += static_cast<int64_t>(records.size());
  return count;
}

int64_t AckedRecords::acked_count(const PartitionName& partition) const {
  auto found = acked_.find(partition);
  return found == acked_.end() ? 0 : static_cast<int64_t>(found->second.size());
}

}  // namespace soliton::sim
