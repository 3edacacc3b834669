// One replica of a partition on this broker: sole owner of its Log, its ReplicaCore and everybody
// who waits for either. Lives on its owner shard; every method is synchronous and runs there.
// Nobody keeps a reference across a message: look it up again in the PartitionTable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/partition/fetch_waiters.h"
#include "broker/partition/produce_waiters.h"
#include "broker/partition/replica_core.h"
#include "broker/partition/replication_throttle.h"
#include "broker/partition/topic_partition.h"
#include "config/topic_config.h"
#include "runtime/loop/owner.h"
#include "runtime/obs/log_throttle.h"
#include "segment/log.h"

namespace soliton::broker {

class Partition;

// What a partition asks of its surroundings. Implemented by PartitionTable.
class PartitionServices {
 public:
  virtual ~PartitionServices() = default;
  // Runs the ticket on a disk thread and brings it back through Partition::OnFlushDone, unless the
  // partition is gone by then.
  virtual void RunFlush(const Partition& partition, segment::FlushTicket ticket) = 0;
  // Has FlushInBackground called when the disk has little else to do; soon, at any rate.
  virtual void FlushWhenIdle(const Partition& partition) = 0;
  // Sends the proposal to the controller; the answer returns through Partition::OnIsrAnswer.
  virtual void ProposeIsr(const Partition& partition, const IsrProposal& proposal) = 0;
  // The log is closed for writing after an I/O error; nothing can be promised here any more. Once.
  virtual void OnLogFailed(const Partition& partition, const absl::Status& why) = 0;
  virtual const std::map<int32_t, ReplicaCore::BrokerView>& Brokers() const = 0;
  // What throttled followers may still be given here.
  virtual ReplicationThrottle& LeaderThrottle() = 0;
  // Bounds the lines about single partitions: thousands change with one image.
  virtual LogThrottle& StateLines() = 0;
};

struct PartitionOptions {
  int32_t broker_id = -1;
  bool flush_before_ack = true;  // durability=flush
  // Consumers may be sent here while it follows: it says in its fetches which high watermark it
  // knows, and hears of a new one at once (KIP-1166).
  bool serves_readers = false;
  ReplicaCoreOptions replica;
};

// One partition of a produce request.
struct ProduceBatch {
  Buffer records;
  int16_t acks = 0;
};

// ... and what became of it.
struct ProduceOutcome {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::string error_message;
  std::vector<segment::RecordError> record_errors;
  int64_t base_offset = -1;
  int64_t log_append_time_ms = -1;
  int64_t log_start_offset = -1;
  int64_t required_offset = -1;  // committed once the high watermark reaches it
  int32_t leader_id = -1;        // hints for KIP-951
  int32_t leader_epoch = -1;
};

// One partition of a fetch request.
struct FetchArgs {
  int64_t fetch_offset = 0;
  int32_t current_leader_epoch = -1;  // -1: not checked
  int32_t last_fetched_epoch = -1;    // -1: no divergence check (KIP-595)
  int64_t max_bytes = 0;
  bool at_least_one_batch = true;
  bool read_committed = false;
  // KIP-392: usable brokers in the reader's rack; null: it wants the leader.
  const std::vector<int32_t>* near_brokers = nullptr;
  bool leader_only = false;  // consumers older than KIP-392 (Fetch 0-10)
  // Replica fetch; -1 for consumers.
  int32_t replica_id = -1;
  int64_t replica_epoch = -1;
  int64_t flushed_offset = -1;
  int64_t log_start_offset = -1;
  // What the follower has heard of the leader's (KIP-1166); the maximum: it is not interested.
  int64_t known_high_watermark = std::numeric_limits<int64_t>::max();
};

struct FetchOutcome {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  int64_t high_watermark = -1;
  int64_t last_stable_offset = -1;
  int64_t log_start_offset = -1;
  std::optional<segment::EpochEndOffset> diverging;
  FileRegion records;
  int32_t preferred_read_replica = -1;  // the reader shall ask that one; no records then
  int32_t leader_id = -1;
  int32_t leader_epoch = -1;
};

struct OffsetOutcome {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  int64_t timestamp_ms = -1;
  int64_t offset = -1;
  int32_t leader_epoch = -1;
};

// The producers that a replica remembers (DescribeProducers).
struct ProducersOutcome {
  struct Producer {
    int64_t id = -1;
    int16_t epoch = -1;
    int32_t last_sequence = -1;
    int64_t last_append_ms = -1;
    int32_t coordinator_epoch = -1;
    int64_t txn_start_offset = -1;  // -1: no open transaction
  };
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::vector<Producer> producers;
};

// One partition of a request to delete records.
struct DeleteOutcome {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  int64_t required_offset = -1;  // done once the low watermark reaches it
  int64_t low_watermark = -1;
};

class Partition {
 public:
  Partition(Shard& owner, PartitionServices& services, TopicPartition id, std::string topic,
            const PartitionOptions& options, const config::TopicSettings& settings,
            std::unique_ptr<segment::Log> log, int64_t checkpointed_high_watermark);

  // ---- metadata ----

  // A committed state from a metadata image. Becoming leader assigns the epoch in the log before
  // anything is accepted in it. Older states are ignored.
  void ApplyState(const CommittedState& state);
  void ApplySettings(const config::TopicSettings& settings);
  // Replicas whose replication is throttled, on the leader and on the follower.
  void SetThrottled(ThrottledReplicas on_leader, ThrottledReplicas on_follower) {
    throttled_on_leader_ = std::move(on_leader);
    throttled_on_follower_ = std::move(on_follower);
  }
  // What the controller said: accepted as `partition_epoch`, which takes effect when its metadata
  // arrives, or refused.
  void OnIsrAnswer(const IsrProposal& proposal, kafka::ErrorCode error, int32_t partition_epoch);

  // ---- produce (leader) ----

  // Appends all of `batches` that may be, in order and with as few writes as they need; an outcome
  // for each. A refused one leaves the others alone.
  std::vector<ProduceOutcome> AppendAsLeader(std::span<ProduceBatch> batches);
  // `done` runs when `required_offset` is committed, or with an error. `leader_epoch` is the one of
  // the append. A later epoch changes nothing while this replica goes on leading: its log is what
  // the others follow.
  void WhenCommitted(int64_t required_offset, int32_t leader_epoch, ProduceWaiters::Done done);
  // Whether the log remembers batches of this idempotent producer.
  bool KnowsProducer(int64_t producer_id) const { return log_->KnowsProducer(producer_id); }

  // ---- fetch ----

  FetchOutcome Read(const FetchArgs& args);
  // A replica that wants to hear of the high watermark waits for it like a consumer.
  void AddFetchWaiter(std::shared_ptr<FetchDoorbell> doorbell, const FetchArgs& args);

  // ---- offsets ----

  // ListOffsets special values (-1 latest, -2 earliest, -3 max timestamp) or the first record
  // at/after a time.
  OffsetOutcome FindOffset(int64_t timestamp_ms, int32_t current_leader_epoch, bool read_committed);
  OffsetOutcome EndOffsetForEpoch(int32_t leader_epoch, int32_t current_leader_epoch) const;

  // On any replica, in the order of their ids.
  ProducersOutcome Producers() const;

  // ---- deleting records (leader; KIP-107) ----

  // The log begins at `offset` (-1: the high watermark), durably, before this returns; followers
  // hear of it at once. OFFSET_OUT_OF_RANGE above the high watermark; below the log start it
  // changes nothing.
  DeleteOutcome DeleteRecordsBefore(int64_t offset);
  // `done` runs when the low watermark has reached `offset`, or with an error.
  void WhenDeleted(int64_t offset, absl::AnyInvocable<void(const DeleteOutcome&)> done);

  // ---- follower ----

  // What a fetch to the leader must say now; nullopt while this replica does not follow or its log
  // has failed.
  struct FollowerPosition {
    int32_t leader_epoch = -1;
    int64_t fetch_offset = 0;
    int64_t flushed_offset = 0;
    int64_t log_start_offset = 0;
    int32_t last_fetched_epoch = -1;
    // The maximum: there is no hurry to hear of a new one.
    int64_t known_high_watermark = std::numeric_limits<int64_t>::max();
  };
  std::optional<FollowerPosition> NextFetch() const;
  // The leader's answer to a fetch that said (`leader_epoch`, `fetch_offset`,
  // `last_fetched_epoch`). Ignored when this replica has moved on since. Truncation comes before
  // anything else in the answer (KAFKA-14704). An error means that asking again at once would be of
  // no use.
  struct FollowerAnswer {
    int32_t leader_epoch = -1;
    int64_t fetch_offset = 0;
    int32_t last_fetched_epoch = -1;
    std::optional<segment::EpochEndOffset> diverging;
    bool out_of_range = false;
    Buffer records;
    int64_t high_watermark = -1;
    int64_t log_start_offset = -1;
  };
  absl::Status OnFollowerAnswer(const FollowerAnswer& answer);
  // Whether what this follower fetches counts against the throttle of followers.
  bool IsThrottledFollower() const {
    return throttled_on_follower_.Contains(id_.partition, options_.broker_id) &&
           !replica_.InIsr(options_.broker_id);
  }

  // ---- disk ----

  void OnFlushDone(const segment::FlushTicket& ticket, const absl::Status& result);
  // Periodic: ISR members that lag, and what waits for time to pass.
  void OnTick();
  // Periodic, less often: retention and producer expiry. `clock_excess_ms`: the wall clock is that
  // far ahead of what is believed (WallClockWatch), and nothing is deleted for that.
  void DeleteWhatIsOld(int64_t clock_excess_ms);
  // Bounds what the next start has to read; nobody waits for it.
  void FlushInBackground() { StartFlush(); }
  // The shard did not run for a while.
  void OnStalled() { replica_.OnStalled(owner_.shard().clock().Now()); }
  // Takes no more writes and starts no more flushes; fails whoever waits. The one flush that may be
  // under way comes back first, then the log may be taken.
  void BeginClose();
  // The log, to be closed or removed on a disk thread. Nothing but the destructor may be called
  // after.
  std::unique_ptr<segment::Log> ReleaseLog();

  // ---- queries ----

  // Raw batches for checkers; not bounded by the high watermark.
  absl::StatusOr<segment::LogSlice> ReadLog(int64_t from, int64_t to) {
    return log_->Read(from, to, std::numeric_limits<int32_t>::max(), true);
  }
  const TopicPartition& id() const { return id_; }
  const std::string& topic() const { return topic_; }
  const ReplicaCore& replica() const { return replica_; }
  const segment::Log& log() const { return *log_; }
  // When this replica stopped leading; nullopt: it leads, or has not since its log was opened.
  std::optional<MonotonicTime> led_until() const { return led_until_; }
  bool is_leader() const { return replica_.role() == ReplicaCore::Role::kLeader; }
  // Distinguishes this object from an earlier one of the same id in late disk answers.
  uint64_t instance() const { return instance_; }
  void set_instance(uint64_t instance) { instance_ = instance; }

 private:
  void LogState(std::string_view what);
  kafka::ErrorCode CheckLeader(int32_t current_leader_epoch) const;
  kafka::ErrorCode CheckEpoch(int32_t current_leader_epoch) const;
  // Whether a batch may go to the log now, as far as it does not depend on the batch.
  ProduceOutcome AdmitBatch(int16_t acks) const;
  static void TakeResult(segment::AppendResult result, ProduceOutcome& out);
  FetchOutcome ReadForReplica(const FetchArgs& args);
  FetchOutcome ReadForConsumer(const FetchArgs& args);
  void FillRecords(const FetchArgs& args, int64_t upper_bound, FetchOutcome& out);
  // The local log moved: tell the core, start a flush, let waiters see what changed.
  void OnLogMoved();
  void MaybeFlush();
  void StartFlush();
  // Raises the high watermark and completes whoever waited for it.
  void MaybeAdvance();
  void MaybeChangeIsr();
  // Where the logs of all live replicas begin at the latest.
  int64_t LowWatermark() const {
    return replica_.LowWatermark(log_->log_start_offset(), services_.Brokers());
  }
  void CompleteDeletions();
  // Fails who waits for commits and wakes who waits for records.
  void StepDown(kafka::ErrorCode reason);
  void WakeFetches();
  absl::Status TakeAnswer(const FollowerAnswer& answer);
  // The leader's log ends, for certain, at `offset`: ours must not go further. Refuses to cut what
  // is committed, unless loss is allowed.
  absl::Status TruncateToLeader(int64_t offset, std::string_view why);
  // Nothing here is known to agree with the leader's log: all of it goes, and what is known of
  // producers with it; `offset` is where the leader's log starts.
  absl::Status StartOverAt(int64_t offset, std::string_view why);
  // To be called after whatever may have failed to write.
  void NoticeFailure();

  Owner owner_;
  PartitionServices& services_;
  const TopicPartition id_;
  const std::string topic_;
  const PartitionOptions options_;
  config::TopicSettings settings_;
  ThrottledReplicas throttled_on_leader_;
  ThrottledReplicas throttled_on_follower_;
  std::unique_ptr<segment::Log> log_;
  ReplicaCore replica_;
  ProduceWaiters produce_waiters_;
  ProduceWaiters delete_waiters_;  // for the low watermark
  FetchWaiters consumer_waiters_;  // rung when the high watermark moves
  FetchWaiters replica_waiters_;   // rung when the log grows
  uint64_t instance_ = 0;
  bool closing_ = false;
  std::optional<MonotonicTime> led_until_;
  bool failed_ = false;       // the log is fenced: this replica serves nobody
  int flushed_segments_ = 0;  // page-cache mode: flush only when a segment was closed
};

}  // namespace soliton::broker
