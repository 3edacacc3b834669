#include "broker/partition/partition.h"

#include <algorithm>
#include <limits>

#include "broker/partition/log_settings.h"
#include "runtime/base/check.h"
#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {

using kafka::ErrorCode;

Partition::Partition(Shard& owner, PartitionServices& services, TopicPartition id,
                     std::string topic, const PartitionOptions& options,
                     const config::TopicSettings& settings, std::unique_ptr<segment::Log> log,
                     int64_t checkpointed_high_watermark)
    : owner_(owner),
      services_(services),
      id_(id),
      topic_(std::move(topic)),
      options_(options),
      settings_(settings),
      log_(std::move(log)),
      replica_(options.broker_id, options.replica) {
  replica_.OnLocalPosition(log_->log_end_offset(), log_->flushed_offset());
  replica_.RestoreHighWatermark(std::max(checkpointed_high_watermark, log_->log_start_offset()));
}

// ---- metadata ----

void Partition::ApplyState(const CommittedState& state) {
  owner_.AssertCurrent();
  const bool was_leader = is_leader();
  const int32_t old_epoch = replica_.leader_epoch();
  const std::vector<int32_t> old_isr = replica_.isr();
  if (!replica_.Apply(state, log_->log_end_offset(), owner_.shard().clock().Now())) return;
  const bool new_epoch = replica_.leader_epoch() != old_epoch;
  // Parked fetches name the old epoch. Followers must fetch in the new one before anything can be
  // committed in it.
  if (new_epoch) WakeFetches();
  if (was_leader && !is_leader()) {
    led_until_ = owner_.shard().clock().Now();
    StepDown(ErrorCode::NOT_LEADER_OR_FOLLOWER);
  }
  if (!is_leader() || failed_) return;
  led_until_.reset();
  if (new_epoch || !was_leader) {
    // The epoch is known from its first offset on, even if nothing is ever written in it
    // (KIP-101).
    log_->AssignLeaderEpoch(replica_.leader_epoch());
    replica_.OnLocalPosition(log_->log_end_offset(), log_->flushed_offset());
    LogState(fmt::format("leader of epoch {} from offset {}, in-sync {}", replica_.leader_epoch(),
                         log_->log_end_offset(), fmt::join(replica_.isr(), ",")));
  } else if (replica_.isr() != old_isr) {
    LogState(fmt::format("in-sync replicas now {}", fmt::join(replica_.isr(), ",")));
  }
  MaybeFlush();
  MaybeAdvance();
  MaybeChangeIsr();
}

void Partition::LogState(std::string_view what) {
  const auto left_out = services_.StateLines().Admit(owner_.shard().clock().Now());
  if (!left_out) return;
  if (*left_out > 0) LogInfo("and {} more such changes of partitions", *left_out);
  LogInfo("{}-{}: {}", topic_, id_.partition, what);
}

void Partition::ApplySettings(const config::TopicSettings& settings) {
  settings_ = settings;
  log_->SetOptions(ToLogOptions(settings));
}

void Partition::StepDown(ErrorCode reason) {
  produce_waiters_.FailAll(reason);
  delete_waiters_.FailAll(reason);
  WakeFetches();
}

void Partition::WakeFetches() {
  consumer_waiters_.RingAll();
  replica_waiters_.RingAll();
}

void Partition::NoticeFailure() {
  if (failed_ || closing_ || log_->fatal_error().ok()) return;
  failed_ = true;
  LogError("{}-{}: this replica is offline: {}", topic_, id_.partition,
           log_->fatal_error().ToString());
  StepDown(ErrorCode::KAFKA_STORAGE_ERROR);
  services_.OnLogFailed(*this, log_->fatal_error());
}

void Partition::OnIsrAnswer(const IsrProposal& proposal, ErrorCode error, int32_t partition_epoch) {
  owner_.AssertCurrent();
  if (!is_leader() || proposal.leader_epoch != replica_.leader_epoch() ||
      proposal.partition_epoch != replica_.partition_epoch()) {
    return;  // metadata was faster
  }
  // Until metadata tells of it the maximal ISR goes on counting: the answer may have overtaken a
  // change of min.insync.replicas that the controller judged it by.
  if (error == ErrorCode::NONE && partition_epoch > proposal.partition_epoch) return;
  // Accepted without a new partition epoch: the controller had nothing to change.
  if (error == ErrorCode::NONE) error = ErrorCode::OPERATION_NOT_ATTEMPTED;
  const bool decided = error != ErrorCode::REQUEST_TIMED_OUT;
  if (decided && error != ErrorCode::OPERATION_NOT_ATTEMPTED) {
    LogState(
        fmt::format("in-sync replicas unchanged, controller said {}", kafka::ErrorName(error)));
  }
  replica_.OnIsrRejected(error);
}

// ---- produce ----

ErrorCode Partition::CheckEpoch(int32_t current_leader_epoch) const {
  if (current_leader_epoch == -1) return ErrorCode::NONE;
  if (!SOLITON_MUTANT("fenced_leader_epoch") && current_leader_epoch < replica_.leader_epoch()) {
    return ErrorCode::FENCED_LEADER_EPOCH;
  }
  if (current_leader_epoch > replica_.leader_epoch()) return ErrorCode::UNKNOWN_LEADER_EPOCH;
  return ErrorCode::NONE;
}

ErrorCode Partition::CheckLeader(int32_t current_leader_epoch) const {
  if (failed_) return ErrorCode::KAFKA_STORAGE_ERROR;
  if (ErrorCode error = CheckEpoch(current_leader_epoch); error != ErrorCode::NONE) return error;
  return is_leader() && !closing_ ? ErrorCode::NONE : ErrorCode::NOT_LEADER_OR_FOLLOWER;
}

ProduceOutcome Partition::AdmitBatch(int16_t acks) const {
  ProduceOutcome out;
  out.leader_id = replica_.leader();
  out.leader_epoch = replica_.leader_epoch();
  out.error = CheckLeader(-1);
  if (out.error != ErrorCode::NONE) return out;
  if (acks == -1 && !replica_.has_enough_replicas()) {
    SOMETIMES("acks=all was refused for want of in-sync replicas");
    out.error = ErrorCode::NOT_ENOUGH_REPLICAS;
    out.error_message = fmt::format("{} in-sync replicas, {} needed", replica_.isr().size(),
                                    replica_.min_insync_replicas());
  }
  return out;
}

std::vector<ProduceOutcome> Partition::AppendAsLeader(std::span<ProduceBatch> batches) {
  owner_.AssertCurrent();
  std::vector<ProduceOutcome> outcomes;
  outcomes.reserve(batches.size());
  std::vector<Buffer> admitted;
  admitted.reserve(batches.size());
  for (ProduceBatch& batch : batches) {
    outcomes.push_back(AdmitBatch(batch.acks));
    if (outcomes.back().error == ErrorCode::NONE) admitted.push_back(std::move(batch.records));
  }
  if (admitted.empty()) return outcomes;
  std::vector<segment::AppendResult> results =
      log_->AppendAsLeader(admitted, replica_.leader_epoch());
  NoticeFailure();
  bool moved = false;
  auto result = results.begin();
  for (ProduceOutcome& out : outcomes) {
    if (out.error != ErrorCode::NONE) continue;
    moved |= result->error == ErrorCode::NONE && !result->duplicate;
    out.log_start_offset = log_->log_start_offset();
    TakeResult(std::move(*result++), out);
  }
  if (moved && !failed_) OnLogMoved();
  return outcomes;
}

void Partition::TakeResult(segment::AppendResult result, ProduceOutcome& out) {
  if (result.error != ErrorCode::NONE) {
    out.error = result.error;
    out.error_message = std::move(result.error_message);
    out.record_errors = std::move(result.record_errors);
    return;
  }
  out.base_offset = result.base_offset;
  out.log_append_time_ms = result.log_append_time_ms;
  out.required_offset = result.last_offset + 1;
}

void Partition::WhenCommitted(int64_t required_offset, int32_t leader_epoch,
                              ProduceWaiters::Done done) {
  owner_.AssertCurrent();
  if (failed_) {
    done(ErrorCode::KAFKA_STORAGE_ERROR);
    return;
  }
  if (!is_leader() || closing_ || leader_epoch != replica_.leader_epoch()) {
    done(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    return;
  }
  if (replica_.high_watermark() >= required_offset) {
    done(ErrorCode::NONE);
    return;
  }
  produce_waiters_.Add(required_offset, std::move(done));
}

void Partition::OnLogMoved() {
  replica_.OnLocalPosition(log_->log_end_offset(), log_->flushed_offset());
  replica_waiters_.RingAll();
  MaybeFlush();
  MaybeAdvance();
}

void Partition::MaybeFlush() {
  if (closing_ || failed_) return;
  if (!options_.flush_before_ack && log_->segment_count() == flushed_segments_) return;
  flushed_segments_ = log_->segment_count();
  if (log_->flushed_offset() < log_->log_end_offset()) return StartFlush();
  if (log_->WantsFlush()) services_.FlushWhenIdle(*this);
}

void Partition::StartFlush() {
  if (closing_ || failed_) return;
  if (auto ticket = log_->TakeFlush()) services_.RunFlush(*this, std::move(*ticket));
}

void Partition::OnFlushDone(const segment::FlushTicket& ticket, const absl::Status& result) {
  owner_.AssertCurrent();
  log_->FlushDone(ticket, result);
  NoticeFailure();
  if (failed_) return;
  replica_.OnLocalPosition(log_->log_end_offset(), log_->flushed_offset());
  MaybeFlush();
  MaybeAdvance();
  if (replica_.role() == ReplicaCore::Role::kFollower && replica_.ReadoptHighWatermark()) {
    consumer_waiters_.RingAll();
  }
}

void Partition::MaybeAdvance() {
  if (failed_ || !replica_.AdvanceHighWatermark()) return;
  produce_waiters_.Complete(replica_.high_watermark(), ErrorCode::NONE);
  consumer_waiters_.RingAll();
}

void Partition::MaybeChangeIsr() {
  if (!is_leader() || failed_ || closing_) return;
  auto proposal = replica_.ProposeIsrChange(services_.Brokers(), owner_.shard().clock().Now());
  if (proposal) services_.ProposeIsr(*this, *proposal);
}

// ---- housekeeping ----

void Partition::OnTick() {
  owner_.AssertCurrent();
  MaybeChangeIsr();
  CompleteDeletions();  // a broker that went away is not waited for
  MaybeFlush();         // a mark that waits for its sync
}

void Partition::DeleteWhatIsOld(int64_t clock_excess_ms) {
  owner_.AssertCurrent();
  if (failed_ || closing_) return;
  if (clock_excess_ms == 0) log_->ExpireProducers();
  if (settings_.cleanup_policy_delete) {
    const bool unlimited =
        settings_.retention_ms < 0 ||
        settings_.retention_ms > std::numeric_limits<int64_t>::max() - clock_excess_ms;
    const int64_t retention_ms = unlimited ? -1 : settings_.retention_ms + clock_excess_ms;
    absl::Status status =
        log_->ApplyRetention(retention_ms, settings_.retention_bytes, replica_.high_watermark());
    if (!status.ok()) {
      LogError("{}-{}: retention failed: {}", topic_, id_.partition, status.ToString());
    }
    NoticeFailure();
  }
}

void Partition::BeginClose() {
  owner_.AssertCurrent();
  closing_ = true;
  StepDown(ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

std::unique_ptr<segment::Log> Partition::ReleaseLog() {
  if (!closing_) BeginClose();
  return std::move(log_);
}

}  // namespace soliton::broker
