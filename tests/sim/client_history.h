// Everything that the clients of one run sent, were told and read, judged as it happens and audited
// against the logs at the end: invariants 7 to 10 and 12. Outlives the client processes. Violations
// stop the world.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/checkers/invariant_07_acked_records.h"
#include "tests/sim/checkers/invariant_08_offset_immutability.h"
#include "tests/sim/checkers/invariant_09_10_idempotent_producer.h"
#include "tests/sim/checkers/invariant_12_monotone_visibility.h"
#include "tests/sim/sim_world.h"

namespace soliton::sim {

class ClientHistory {
 public:
  explicit ClientHistory(SimWorld& world) : world_(world) {}

  // -- Producers: one number per process --
  int32_t NextProducer() { return next_producer_++; }
  void OnSent(const PartitionName& partition, const RecordName& name);
  void OnAcked(const PartitionName& partition, const RecordName& name, int64_t offset);
  // The producer was told that the record may not have been written.
  void OnFailed(const PartitionName& partition, const RecordName& name);
  // Its process died: nobody will ever know about what was not answered.
  void OnProducerGone(int32_t producer);

  // -- Consumers --
  // Offsets must come without gaps and repeats, from the start that the first one gives.
  void OnRead(const std::string& consumer, const PartitionName& partition, int64_t offset,
              std::string_view value);
  void OnHighWatermark(const std::string& consumer, const PartitionName& partition, int64_t offset);

  // -- The end --
  absl::Status Audit(const PartitionName& partition, int64_t log_start_offset,
                     const std::vector<RecordObservation>& records, bool all_answered);

  int64_t acked(const PartitionName& partition) const;
  // Of one producer, over all partitions.
  int64_t acked_by(int32_t producer) const;
  int64_t acked() const { return acked_in_all_; }
  int64_t failed() const { return failed_in_all_; }
  int64_t read() const { return read_in_all_; }
  // Sent and neither acked nor failed, by living producers.
  int64_t unanswered() const { return static_cast<int64_t>(unanswered_.size()); }
  // One above the last offset that this consumer has read.
  int64_t position(const std::string& consumer, const PartitionName& partition) const;

 private:
  struct Pending {
    int64_t acked_before = -1;  // the highest offset that was acked when this one was sent
  };
  using Key = std::pair<PartitionName, RecordName>;

  SimWorld& world_;
  AckedRecords acked_;
  OffsetImmutability contents_;
  IdempotentProducers producers_;
  MonotoneVisibility visibility_;
  int32_t next_producer_ = 0;
  std::map<Key, Pending> unanswered_;
  std::map<PartitionName, int64_t> highest_acked_;
  std::map<PartitionName, int64_t> acked_of_partition_;
  std::map<int32_t, int64_t> acked_of_producer_;
  std::map<std::pair<std::string, PartitionName>, int64_t> positions_;
  int64_t acked_in_all_ = 0;
  int64_t failed_in_all_ = 0;
  int64_t read_in_all_ = 0;
};

}  // namespace soliton::sim
