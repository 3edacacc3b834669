// Decides which batch goes to which broker when, with which sequence number, and what every outcome
// means. Knows batches by number only; no bytes, no clock, no I/O. Pure; one owner.
//
// What it guarantees per partition, whatever errors come in whatever order:
// - Order: batches are appended in the order admitted. Without idempotence one batch is in flight;
//   with it up to `max_in_flight`, and a batch is never sent while a later one is in flight.
// - Exactly once (idempotent): from the oldest unresolved batch on at most `max_in_flight` (5) are
//   sent, resolved or not, which is as many as a broker remembers, so repeating a batch with its
//   old sequence is always recognised.
// - A sequence number once sent belongs to its batch until the outcome is certain. They are given
//   anew only when the broker has proved that the batch is not in its log: the oldest unresolved
//   batch was refused with OUT_OF_ORDER_SEQUENCE_NUMBER (had it been appended, it would have been
//   recognised as a duplicate, and no later one can have been appended without it), or every send
//   of it was refused. The producer epoch of that partition is raised then, so that a late copy of
//   an old request is fenced.
// - Until a broker has acknowledged the first batch of an epoch, that batch travels alone: a broker
//   without any state for the producer accepts every sequence, so a second batch could overtake.
// - Ends are told in the order admitted (ReportOrder).
// - A batch in flight to a broker that has lost leadership is sent to the new leader at once
//   (idempotent only); a late answer of the old one is ignored.
// Sources: KIP-98, KIP-360, Kafka producer design notes.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "producer/completion.h"
#include "producer/produce_verdict.h"
#include "producer/report_order.h"
#include "protocol/session/metadata_cache.h"
#include "protocol/wire/error_code.h"
#include "runtime/base/random.h"
#include "runtime/loop/clock.h"

namespace soliton::producer {

// A partition as the cores know it: dense numbers, in order of first use.
using PartitionIndex = uint32_t;
// Names one request on its way; 0 is never issued.
using SendId = uint64_t;

struct ProducerIdentity {
  int64_t id = -1;
  int16_t epoch = -1;

  bool valid() const { return id >= 0; }
  friend bool operator==(const ProducerIdentity&, const ProducerIdentity&) = default;
};

struct SenderOptions {
  bool idempotent = true;
  int max_in_flight = 5;  // batches per partition, at most 5
  int max_requests_per_broker = 5;
  Duration retry_backoff_initial = milliseconds(10);
  Duration retry_backoff_max = milliseconds(1000);
  // An answer that takes longer makes us ask whether the leader has changed, and again after a
  // tenth of this: a cluster may just be finding out that it is silent. Whoever asks bounds the
  // rate.
  Duration slow_answer = milliseconds(500);
};

struct BatchSpec {
  BatchId id = 0;
  int32_t record_count = 0;
  int64_t size_bytes = 0;
  MonotonicTime expires_at{};
};

// One batch of a request.
struct PlannedBatch {
  PartitionIndex partition = 0;
  BatchId batch = 0;
  ProducerIdentity producer;
  int32_t base_sequence = -1;
};

struct SendPlan {
  SendId id = 0;
  int32_t broker_id = -1;
  std::vector<PlannedBatch> batches;
};

struct BatchOutcome {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  int64_t base_offset = -1;
  int64_t log_append_time_ms = -1;
  std::string message;
};

class SenderCore {
 public:
  SenderCore(const SenderOptions& options, uint64_t seed);

  // Numbers are dense: the next one is partitions().
  PartitionIndex AddPartition();
  size_t partition_count() const { return partitions_.size(); }

  // The partition's leader as metadata has it now (-1 = none). A change ends the partition's pause.
  void SetLeader(PartitionIndex partition, kafka::PartitionLeader leader, MonotonicTime now);

  // Whether a fresh producer id must be fetched (InitProducerId) and given to SetProducerId.
  bool needs_producer_id() const;
  void SetProducerId(ProducerIdentity identity);

  bool CanAdmit(PartitionIndex partition) const;
  void Admit(PartitionIndex partition, const BatchSpec& batch);

  // Brokers for which Plan may return something now.
  std::set<int32_t> BrokersWithWork(MonotonicTime now) const;
  // The next request for a broker: one batch per partition, about `max_bytes` (at least one batch).
  // The batches count as in flight from here on.
  std::optional<SendPlan> Plan(int32_t broker_id, MonotonicTime now, int64_t max_bytes);

  // What the answer to `send` said about one partition's batch. Nothing when the send was given up.
  void OnOutcome(SendId send, PartitionIndex partition, const BatchOutcome& outcome,
                 MonotonicTime now);
  // All that `send` carried has been answered; whatever was not counts as lost.
  void OnAnswered(SendId send, MonotonicTime now);
  // The request's fate is unknown: connection lost, no answer in time.
  void OnLost(SendId send, MonotonicTime now);
  // The broker asks for a pause (quota).
  void Throttle(int32_t broker_id, MonotonicTime until);

  // Ends batches whose delivery timeout has passed.
  void Tick(MonotonicTime now);
  // Ends everything with this error: it cannot be sent, ever. What is in flight may be appended.
  void Abort(kafka::ErrorCode error, const std::string& message);
  // When Tick or Plan can next do something that they cannot do now.
  std::optional<MonotonicTime> NextWakeup(MonotonicTime now) const;

  // What has ended since the last call; of a partition in the order admitted.
  std::vector<Completion> TakeCompletions();
  // Whether metadata looked stale since the last call.
  bool TakeRefreshRequest();

  // For tests and figures.
  uint64_t sequence_resets() const { return sequence_resets_; }
  uint64_t retries() const { return retries_; }
  size_t unresolved(PartitionIndex partition) const {
    return partitions_[partition].batches.size();
  }

 private:
  struct Batch {
    BatchSpec spec;
    int32_t base_sequence = -1;  // -1 = none given yet
    SendId in_flight = 0;        // 0 = queued
    // Some send of it had an uncertain outcome.
    bool maybe_appended = false;
    bool reported = false;  // ended while in flight: only its flight is waited for
    // Ended, but an earlier one has not: keeps its place when it may be in the log, so that no more
    // than max_in_flight sequences follow one that may have to be repeated.
    bool settled = false;
    kafka::ErrorCode last_error = kafka::ErrorCode::NONE;
    std::string last_message;
  };
  // Sequences are to be given anew once nothing is in flight.
  struct Reset {
    bool wanted = false;
    // It is proven that no unresolved batch is in the log. Otherwise those that may have been
    // appended are given up: under another id they could be appended twice.
    bool proven_absent = false;
    bool needs_new_id = false;  // else the epoch is raised
  };
  struct Partition {
    kafka::PartitionLeader leader;
    ProducerIdentity producer;
    int32_t next_sequence = 0;
    bool established = false;  // a broker has acknowledged a batch of `producer`
    // A batch that may have been appended was given up. Should a late copy of it arrive, late
    // copies of its successors fit behind it: being refused now does not prove them absent for
    // ever.
    bool uncertain_gap = false;
    int32_t gap_sequence = 0;  // of the last such batch
    Reset reset;
    std::deque<Batch> batches;  // unresolved, in order
    ReportOrder reports;
    MonotonicTime paused_until{};
    int failures = 0;
  };
  struct Flight {
    int32_t broker_id;
    MonotonicTime sent_at;
    std::vector<std::pair<PartitionIndex, BatchId>> batches;
    MonotonicTime ask_at;  // when to wonder whether the leader has changed
  };

  // The batch that may be sent now, or nullptr.
  const Batch* Sendable(const Partition& partition, MonotonicTime now) const;
  bool BrokerFree(int32_t broker_id, MonotonicTime now) const;
  void GiveSequence(Partition& partition, Batch& batch);
  Batch* FindFlying(PartitionIndex partition, SendId send);

  // What an answer means; `batch` has landed (is queued again). Each may remove it.
  void Succeed(PartitionIndex index, Batch& batch, const BatchOutcome& outcome);
  void OutOfSequence(PartitionIndex index, Batch& batch, MonotonicTime now);
  void StaleProducer(PartitionIndex index, Batch& batch, MonotonicTime now);
  void Reject(PartitionIndex index, Batch& batch, bool not_appended);

  void Pause(Partition& partition, MonotonicTime now);
  void MaybeReset(PartitionIndex index);
  void DropSettledFront(PartitionIndex index);
  // A broker said that a batch of the present identity is in the log.
  static void NoteAppended(Partition& partition, const Batch& batch);
  static void NoteGap(Partition& partition, const Batch& batch);
  // Takes `batch` out; a sequence number that nobody can have seen appended is used again.
  void Remove(PartitionIndex index, const Batch& batch);
  void ReportFailure(PartitionIndex index, const Batch& batch, bool timed_out);

  const SenderOptions options_;
  Random random_;
  std::vector<Partition> partitions_;
  std::set<PartitionIndex> active_;  // with unresolved batches
  std::map<SendId, Flight> flights_;
  std::map<int32_t, int> requests_in_flight_;
  std::map<int32_t, MonotonicTime> throttled_until_;
  ProducerIdentity fresh_;  // for partitions that have none yet
  bool id_wanted_;
  SendId next_send_ = 1;
  PartitionIndex cursor_ = 0;  // where the next plan starts looking
  std::vector<Completion> completions_;
  bool refresh_wanted_ = false;
  uint64_t sequence_resets_ = 0;
  uint64_t retries_ = 0;
};

}  // namespace soliton::producer
