// Invariant 7, acked durability: a record acknowledged at an offset is read there, unchanged, ever
// after.
#pragma once

#include <map>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class AckedRecords {
 public:
  // An error when the offset was already promised to another record.
  absl::Status OnAck(const PartitionName& partition, int64_t offset, const RecordName& name);
  // `records` is everything that a consumer reads from `log_start_offset` to the end.
  absl::Status Audit(const PartitionName& partition, int64_t log_start_offset,
                     const std::vector<RecordObservation>& records) const;
  int64_t acked_count() const;
  int64_t acked_count(const PartitionName& partition) const;

 private:
  std::map<PartitionName, std::map<int64_t, RecordName>> acked_;
};

}  // namespace soliton::sim
