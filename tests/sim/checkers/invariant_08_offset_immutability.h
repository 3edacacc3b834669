// Invariant 8: no offset is ever shown with two contents, to whichever observer (consumers reading
// at any time, and the final audit).
#pragma once

#include <map>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class OffsetImmutability {
 public:
  absl::Status OnRead(const PartitionName& partition, const RecordObservation& record);

 private:
  std::map<PartitionName, std::map<int64_t, RecordName>> shown_;
};

}  // namespace soliton::sim
