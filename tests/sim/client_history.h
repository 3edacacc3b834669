// Everything that the clients of one run sent, were told and read, judged as it happens and audited
// against the logs at the end: invariants 7 to 13 and 28. Outlives the client processes. Violations
// stop the world.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/checkers/invariant_07_acked_records.h"
#include "tests/sim/checkers/invariant_08_offset_immutability.h"
#include "tests/sim/checkers/invariant_09_10_idempotent_producer.h"
#include "tests/sim/checkers/invariant_12_monotone_visibility.h"
#include "tests/sim/checkers/invariant_28_honest_errors.h"
#include "tests/sim/sim_world.h"

namespace soliton::sim {

class ClientHistory {
 public:
  // `deleted_on_request`: somebody calls DeleteRecords, also for what no producer has been told of
  // yet. A retry of that is written again, as in Kafka when a replica has not seen the first copy,
  // and a batch can lose its first records: where a log has a beginning, order is not judged then.
  ClientHistory(SimWorld& world, bool deleted_on_request)
      : world_(world), deleted_on_request_(deleted_on_request) {}

  // Who knows what is committed and what was deleted: both are asked as records are read and acked.
  struct Truth {
    std::function<int64_t(const PartitionName&)> high_watermark;
    std::function<int64_t(const PartitionName&)> log_start;  // the highest that any leader had
  };
  void SetTruth(Truth truth) { truth_ = std::move(truth); }

  // -- Producers: one number per process --
  // What an ack, or none, promises.
  enum class Promise {
    kExactlyOnce,  // idempotent
    kKept,         // acks=all: there, at least once
    kNothing,      // acks=1 and 0: whoever leads next may never have heard of it
  };
  int32_t NextProducer(Promise promise);
  void OnSent(const PartitionName& partition, const RecordName& name);
  void OnAcked(const PartitionName& partition, const RecordName& name, int64_t offset);
  // The producer was told that the record may not have been written.
  void OnFailed(const PartitionName& partition, const RecordName& name);
  // Before OnFailed: it was told that the record was not written, for sure.
  void OnNotWritten(const PartitionName& partition, const RecordName& name) {
    errors_.OnNotWritten(partition, name);
  }
  // Its process died: nobody will ever know about what was not answered.
  void OnProducerGone(int32_t producer);

  // -- Consumers --
  // Offsets must come without gaps and repeats, from the start that the first one gives.
  void OnRead(const std::string& consumer, const PartitionName& partition, int64_t offset,
              std::string_view value);
  // The consumer's position was deleted, and it was told so; it goes on where the present leader's
  // log begins. That may be lower: a log start is not agreed on before it is acted on.
  void OnReset(const std::string& consumer, const PartitionName& partition);
  void OnHighWatermark(const std::string& consumer, const PartitionName& partition, int64_t offset);

  // ListOffsets answered that the partition ends there: nothing above is committed, and nothing
  // that was committed is below the newest leader's answer.
  void OnEndOffset(const std::string& consumer, const PartitionName& partition, int64_t offset);

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

  void NoteFailed(const PartitionName& partition, const RecordName& name);
  Promise PromiseOf(int32_t producer) const { return promises_[static_cast<size_t>(producer)]; }

  SimWorld& world_;
  const bool deleted_on_request_;
  Truth truth_;
  std::vector<Promise> promises_;  // by producer
  AckedRecords acked_;
  OffsetImmutability contents_;
  IdempotentProducers producers_;
  PlainOrder plain_;
  MonotoneVisibility visibility_;
  HonestErrors errors_;
  std::map<Key, Pending> unanswered_;
  std::map<PartitionName, int64_t> highest_acked_;
  std::map<PartitionName, int64_t> acked_of_partition_;
  std::map<int32_t, int64_t> acked_of_producer_;
  std::map<std::pair<std::string, PartitionName>, int64_t> positions_;
  std::set<std::pair<std::string, PartitionName>> reset_;  // and has read nothing since
  int64_t acked_in_all_ = 0;
  int64_t failed_in_all_ = 0;
  int64_t read_in_all_ = 0;
};

}  // namespace soliton::sim
