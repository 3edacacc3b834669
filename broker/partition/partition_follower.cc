// The following side of a Partition: what it asks its leader, and what it takes from an answer.
#include <algorithm>

#include "broker/partition/partition.h"
#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {
std::optional<Partition::FollowerPosition> Partition::NextFetch() const {
  if (replica_.role() != ReplicaCore::Role::kFollower || replica_.leader() < 0) return std::nullopt;
  if (failed_ || closing_ || !log_->fatal_error().ok()) return std::nullopt;
  FollowerPosition position;
  position.leader_epoch = replica_.leader_epoch();
  position.fetch_offset = log_->log_end_offset();
  position.flushed_offset = log_->flushed_offset();
  position.log_start_offset = log_->log_start_offset();
  position.last_fetched_epoch = log_->latest_leader_epoch();
  if (options_.serves_readers) position.known_high_watermark = replica_.leader_high_watermark();
  return position;
}

absl::Status Partition::OnFollowerAnswer(const FollowerAnswer& answer) {
  owner_.AssertCurrent();
  // An answer of an older epoch, or to another position, says nothing about the present log
  // (KAFKA-18723).
  if (replica_.role() != ReplicaCore::Role::kFollower || failed_ || closing_ ||
      (!SOLITON_MUTANT("kip966_fetch_answer_epoch") &&
       answer.leader_epoch != replica_.leader_epoch()) ||
      (!SOLITON_MUTANT("kip966_fetch_answer_offset") &&
       answer.fetch_offset != log_->log_end_offset()) ||
      (!SOLITON_MUTANT("fetch_answer_last_epoch") &&
       answer.last_fetched_epoch != log_->latest_leader_epoch())) {
    SOMETIMES("a fetch answer was too late");
    return absl::OkStatus();
  }
  absl::Status status = TakeAnswer(answer);
  NoticeFailure();
  return status;
}

absl::Status Partition::TakeAnswer(const FollowerAnswer& answer) {
  if (answer.out_of_range && answer.log_start_offset > log_->log_end_offset()) {
    return StartOverAt(answer.log_start_offset,
                       fmt::format("log ends at {}, below the leader's start {}",
                                   log_->log_end_offset(), answer.log_start_offset));
  }
  if (answer.out_of_range) {
    // Our newest epoch or our end is unknown to the leader. It has all that is committed, though
    // its high watermark may still be behind ours.
    const int64_t committed = std::max(answer.high_watermark, replica_.high_watermark());
    return TruncateToLeader(committed < log_->log_end_offset() ? committed : answer.high_watermark,
                            "the leader does not know our newest epoch");
  }
  if (answer.diverging) {
    SOMETIMES("a log diverged and was truncated");
    const segment::EpochEndOffset own = log_->EndOffsetForEpoch(answer.diverging->leader_epoch);
    int64_t target = answer.diverging->end_offset;
    if (own.end_offset >= 0) target = std::min(target, own.end_offset);
    const std::string why =
        fmt::format("log diverges after epoch {}", answer.diverging->leader_epoch);
    // Where the leader's log starts is the earliest divergence that it can tell. What is here below
    // that may differ as well, and with it what is known of producers.
    if (target > log_->log_start_offset() && target <= answer.log_start_offset &&
        target >= replica_.high_watermark()) {
      return StartOverAt(
          answer.log_start_offset,
          fmt::format("{}, at or before the leader's start {}", why, answer.log_start_offset));
    }
    return TruncateToLeader(target, why);
  }
  if (!answer.records.empty()) {
    auto appended = log_->AppendAsFollower(answer.records, answer.leader_epoch);
    replica_.OnLocalPosition(log_->log_end_offset(), log_->flushed_offset());
    if (!appended.ok()) return appended.status();
    if (*appended == 0) return absl::DataLossError("the leader's answer holds no whole batch");
    MaybeFlush();
  }
  absl::Status status;
  if (answer.log_start_offset > log_->log_start_offset() &&
      answer.log_start_offset <= log_->log_end_offset()) {
    status = log_->AdvanceLogStart(answer.log_start_offset);
    // What is deleted was committed: the high watermark is not below it, flushed here or not.
    replica_.OnLocalPosition(log_->log_end_offset(), log_->flushed_offset());
    replica_.OnLogStart(log_->log_start_offset());
  }
  if (replica_.AdoptHighWatermark(answer.high_watermark)) consumer_waiters_.RingAll();
  return status;
}

absl::Status Partition::TruncateToLeader(int64_t offset, std::string_view why) {
  const int64_t end_offset = log_->log_end_offset();
  const int32_t epoch = log_->latest_leader_epoch();
  if (offset < replica_.high_watermark()) {
    const std::string loss =
        fmt::format("{}: leader {} lacks offsets {} to {}, which were committed", why,
                    replica_.leader(), offset, replica_.high_watermark());
    // With flushes before acknowledgements, only a lost or rolled back disk can do that. This copy
    // may be the last one: it is kept for somebody to decide.
    if (options_.flush_before_ack && !settings_.unclean_leader_election_enable) {
      return absl::DataLossError(
          fmt::format("{}; this replica keeps them and does not follow", loss));
    }
    LogError("{}-{}: LOSS of committed records, {}", topic_, id_.partition, loss);
  }
  LogInfo("{}-{}: {}: truncating from {} to {}, following broker {}", topic_, id_.partition, why,
          end_offset, offset, replica_.leader());
  absl::Status status = log_->TruncateTo(offset);
  // Nothing was cut, or the log is fenced and says nothing any more.
  if (!status.ok()) return status;
  OnLogMoved();
  if (log_->log_end_offset() == end_offset && log_->latest_leader_epoch() == epoch) {
    return absl::DataLossError(
        fmt::format("{}: nothing left to truncate at {} for leader {} with end {}", why, end_offset,
                    replica_.leader(), offset));
  }
  return status;
}

absl::Status Partition::StartOverAt(int64_t offset, std::string_view why) {
  SOMETIMES("a follower started over at the leader's log start");
  LogWarn("{}-{}: {}: starting over there", topic_, id_.partition, why);
  absl::Status status = log_->TruncateFullyAndStartAt(offset);
  if (!status.ok()) return status;
  OnLogMoved();
  replica_.OnLogStart(log_->log_start_offset());
  return status;
}

}  // namespace soliton::broker
