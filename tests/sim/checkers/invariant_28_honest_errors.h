// Invariant 28, honest errors: a record of which its producer said that it was not written is
// nowhere, ever. (Where it said that it may have been, nothing is known.)
#pragma once

#include <map>
#include <set>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class HonestErrors {
 public:
  void OnNotWritten(const PartitionName& partition, const RecordName& name);
  // A record that a consumer has read, or that a log holds.
  absl::Status OnSeen(const PartitionName& partition, const RecordObservation& record) const;

 private:
  std::map<PartitionName, std::set<RecordName>> not_written_;
};

}  // namespace soliton::sim
