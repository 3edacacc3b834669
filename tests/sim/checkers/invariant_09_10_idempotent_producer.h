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

  // `records` is the whole log from `log_start_offset` on. With `all_answered` every record that
  // was sent and not failed must be there, except what may have been deleted with the log's head.
  // Records of producers that OnSent does not know are not judged.
  absl::Status Audit(const PartitionName& partition, int64_t log_start_offset,
                     const std::vector<RecordObservation>& records, bool all_answered) const;

 private:
  struct Sent {
    int64_t count = 0;
    std::set<int64_t> failed;
  };
  std::map<PartitionName, std::map<int32_t, Sent>> sent_;
};

// A producer that is not idempotent and has one request in flight: whatever it was not told to have
// failed comes for the first time in its order; repeats are its own.
class PlainOrder {
 public:
  void OnSent(const PartitionName& partition, const RecordName& name);
  void OnFailed(const PartitionName& partition, const RecordName& name);
  absl::Status Audit(const PartitionName& partition,
                     const std::vector<RecordObservation>& records) const;

 private:
  std::map<PartitionName, std::map<int32_t, std::set<int64_t>>> failed_;
};

// On the batches of one log: per (producer id, producer epoch) sequences follow each other without
// gap, repeat or step back, and a producer's epoch never goes back. The first batch of an epoch
// seen starts at 0 unless the log's head was deleted, or the producer has given up the first ones
// (`given_up`: some producer gave up something).
absl::Status CheckSequences(const LogObservation& log, bool given_up = false);

}  // namespace soliton::sim
