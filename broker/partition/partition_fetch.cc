// Partition's answers to fetches, of replicas and of consumers: which positions are refused, how
// far each may read, and what a follower's fetch says about its log.
#include <limits>

#include "broker/partition/partition.h"
#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {

using kafka::ErrorCode;

FetchOutcome Partition::Read(const FetchArgs& args) {
  owner_.AssertCurrent();
  FetchOutcome out = args.replica_id >= 0 ? ReadForReplica(args) : ReadForConsumer(args);
  out.leader_id = replica_.leader();
  out.leader_epoch = replica_.leader_epoch();
  return out;
}

FetchOutcome Partition::ReadForReplica(const FetchArgs& args) {
  FetchOutcome out;
  out.error = CheckLeader(args.current_leader_epoch);
  if (out.error != ErrorCode::NONE) return out;
  if (args.replica_epoch < 0) {
    out.error = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;  // a client that only says it is a broker
    return out;
  }
  out.high_watermark = replica_.high_watermark();
  out.last_stable_offset = replica_.high_watermark();
  out.log_start_offset = log_->log_start_offset();
  if (!replica_.IsReplica(args.replica_id)) {
    out.error =
        ErrorCode::UNKNOWN_LEADER_EPOCH;  // it knows of a reassignment that we do not; it retries
    return out;
  }
  if (args.fetch_offset < log_->log_start_offset()) {
    out.error = ErrorCode::OFFSET_OUT_OF_RANGE;
    return out;
  }
  if (args.last_fetched_epoch >= 0) {
    const segment::EpochEndOffset end = log_->EndOffsetForEpoch(args.last_fetched_epoch);
    if (end.end_offset < 0) {
      out.error = ErrorCode::OFFSET_OUT_OF_RANGE;
      return out;
    }
    if (end.leader_epoch < args.last_fetched_epoch || end.end_offset < args.fetch_offset) {
      // While logs diverge the position says nothing: neither side updates its state (KAFKA-13141).
      out.diverging = end;
      return out;
    }
  }
  if (args.fetch_offset > log_->log_end_offset()) {
    out.error = ErrorCode::OFFSET_OUT_OF_RANGE;
    return out;
  }
  // Only a fetch that names the current epoch proves that the follower's log agrees with ours
  // (KIP-320).
  if (SOLITON_MUTANT("fetch_without_epoch_counts") ||
      args.current_leader_epoch == replica_.leader_epoch()) {
    const FetchVerdict verdict =
        replica_.OnFollowerFetch({args.replica_id, args.replica_epoch}, args.fetch_offset,
                                 args.flushed_offset, owner_.shard().clock().Now());
    if (verdict == FetchVerdict::kStaleIncarnation) {
      out.error = ErrorCode::STALE_BROKER_EPOCH;
      return out;
    }
    replica_.OnFollowerView(args.replica_id, args.log_start_offset, args.known_high_watermark);
    CompleteDeletions();
    MaybeAdvance();
    MaybeChangeIsr();
    out.high_watermark = replica_.high_watermark();
    out.last_stable_offset = replica_.high_watermark();
  }
  const bool throttled = throttled_on_leader_.Contains(id_.partition, args.replica_id) &&
                         !replica_.InIsr(args.replica_id);
  const MonotonicTime now = owner_.shard().clock().Now();
  if (throttled && !services_.LeaderThrottle().HasRoom(now)) return out;
  FillRecords(args, log_->log_end_offset(), out);
  if (throttled) services_.LeaderThrottle().Take(out.records.length, now);
  return out;
}

FetchOutcome Partition::ReadForConsumer(const FetchArgs& args) {
  FetchOutcome out;
  out.error = args.leader_only ? CheckLeader(args.current_leader_epoch)
                               : CheckEpoch(args.current_leader_epoch);
  if (failed_) out.error = ErrorCode::KAFKA_STORAGE_ERROR;
  if (out.error != ErrorCode::NONE) return out;
  if (replica_.role() == ReplicaCore::Role::kNone || closing_) {
    out.error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
    return out;
  }
  const bool beyond = SOLITON_MUTANT("followers_serve_what_is_not_committed") && !is_leader();
  const int64_t end = beyond ? log_->log_end_offset() : replica_.high_watermark();
  out.high_watermark = end;
  out.last_stable_offset = end;
  out.log_start_offset = log_->log_start_offset();
  if (args.fetch_offset < log_->log_start_offset() || args.fetch_offset > log_->log_end_offset()) {
    // A follower does not know what the leader has beyond its own log (KIP-392).
    out.error = !is_leader() && args.fetch_offset > log_->log_end_offset()
                    ? ErrorCode::OFFSET_NOT_AVAILABLE
                    : ErrorCode::OFFSET_OUT_OF_RANGE;
    return out;
  }
  if (args.last_fetched_epoch >= 0 && args.fetch_offset > log_->log_start_offset()) {
    const segment::EpochEndOffset known = log_->EndOffsetForEpoch(args.last_fetched_epoch);
    if (known.end_offset < 0) {
      out.error = is_leader() ? ErrorCode::OFFSET_OUT_OF_RANGE : ErrorCode::OFFSET_NOT_AVAILABLE;
      return out;
    }
    if (known.leader_epoch < args.last_fetched_epoch || known.end_offset < args.fetch_offset) {
      // A follower that is behind looks the same as one whose reader was cut off: the leader tells.
      if (is_leader()) out.diverging = known;
      if (!is_leader()) out.error = ErrorCode::OFFSET_NOT_AVAILABLE;
      return out;
    }
  }
  if (is_leader() && args.near_brokers != nullptr) {
    out.preferred_read_replica = replica_.FollowerToRead(*args.near_brokers, args.fetch_offset);
    if (out.preferred_read_replica >= 0) return out;
  }
  if (args.fetch_offset < end) FillRecords(args, end, out);
  if (!is_leader() && out.records.length > 0) SOMETIMES("a follower served a consumer");
  return out;
}

void Partition::FillRecords(const FetchArgs& args, int64_t upper_bound, FetchOutcome& out) {
  if (args.max_bytes <= 0 && !args.at_least_one_batch) return;
  if (args.fetch_offset >= upper_bound) return;
  auto slice = log_->Read(args.fetch_offset, upper_bound, args.max_bytes, args.at_least_one_batch);
  if (!slice.ok()) {
    NoticeFailure();
    LogError("{}-{}: read at {} failed: {}", topic_, id_.partition, args.fetch_offset,
             slice.status().ToString());
    out.error = absl::IsOutOfRange(slice.status()) ? ErrorCode::OFFSET_OUT_OF_RANGE
                                                   : ErrorCode::KAFKA_STORAGE_ERROR;
    return;
  }
  out.records = std::move(slice->region);
}

void Partition::AddFetchWaiter(std::shared_ptr<FetchDoorbell> doorbell, const FetchArgs& args) {
  const bool replica = args.replica_id >= 0;
  if (replica) replica_waiters_.Add(doorbell);
  if (!replica || args.known_high_watermark != std::numeric_limits<int64_t>::max()) {
    consumer_waiters_.Add(std::move(doorbell));
  }
}

}  // namespace soliton::broker
