// Invariants 9 and 10: what an idempotent producer sent is in the log in its order and at most
// once, and nothing is missing that it was not told about.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class IdempotentProducers {
 public:
  // The producer sends its records to a partition numbered 0, 1, 2, ...; `next` of them have been
  // handed over.
  void OnSent(const PartitionName& partition, const RecordName& name);
  // The producer was told that this one may not have been written.
  void OnFailed(const PartitionName& partition, const RecordName& name);

  // `records` is the whole log. With `all_answered` every record that was sent and not failed must
  // be there.
  absl::Status Audit(const PartitionName& partition, const std::vector<RecordObservation>& records,
                     bool all_answered) const;

 private:
  struct Sent {
    int64_t count = 0;
    std::set<int64_t> failed;
  };
  std::map<PartitionName, std::map<int32_t, Sent>> sent_;
};

// On the batches of one log: per (producer id, producer epoch) sequences follow each other without
// gap, repeat or step back, and a producer's epoch never goes back. The first batch of an epoch
// seen starts at 0 unless the log's head was deleted, or the producer has given up the first ones
// (`given_up`: some producer gave up something).
absl::Status CheckSequences(const LogObservation& log, bool given_up = false);

}  // namespace soliton::sim
