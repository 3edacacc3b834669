// Invariant 3, leader completeness: a leader of any epoch holds every batch that was committed
// before. What has been committed is kept as a ledger, filled as high watermarks rise; no offset of
// it is ever committed again with other content (invariant 8).
#pragma once

#include <map>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class CommittedLedger {
 public:
  // Everything below this offset has been taken.
  int64_t end(const PartitionName& partition) const;
  // The batches of a leader's log from end() on that its high watermark covers now, in order.
  absl::Status Commit(const PartitionName& partition, int32_t leader,
                      const std::vector<BatchObservation>& batches);
  // The last batch committed, null before the first: equal last batches mean equal logs before them
  // (invariant 2, checked elsewhere).
  const BatchObservation* last(const PartitionName& partition) const;
  // What a leader has at the place of last().
  absl::Status CheckLeader(const ReplicaObservation& leader,
                           const std::vector<BatchObservation>& from_last) const;
  // A whole log: below its high watermark and end() it is the ledger.
  absl::Status CheckLog(const LogObservation& log) const;

 private:
  std::map<PartitionName, std::vector<BatchObservation>> committed_;
};

}  // namespace soliton::sim
