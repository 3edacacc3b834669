#include "tests/sim/checkers/invariant_28_honest_errors.h"

namespace soliton::sim {

void HonestErrors::OnNotWritten(const PartitionName& partition, const RecordName& name) {
  not_written_[partition].insert(name);
}

absl::Status HonestErrors::OnSeen(const PartitionName& partition,
                                  const RecordObservation& record) const {
  auto here = not_written_.find(partition);
  if (here == not_written_.end() || !here->second.contains(record.name)) return absl::OkStatus();
  return absl::InternalError(
      fmt::format("{}: offset {} holds {}, of which its producer was told that it was not written",
                  partition.ToString(), record.offset, record.name.ToString()));
}

}  // namespace soliton::sim
