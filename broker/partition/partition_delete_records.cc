// Moving the start of a Partition's log up at a client's wish.
#include "broker/partition/partition.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {

using kafka::ErrorCode;

DeleteOutcome Partition::DeleteRecordsBefore(int64_t offset) {
  owner_.AssertCurrent();
  DeleteOutcome out;
  out.error = CheckLeader(-1);
  if (out.error != ErrorCode::NONE) return out;
  if (!settings_.cleanup_policy_delete) {
    out.error = ErrorCode::POLICY_VIOLATION;
    return out;
  }
  if (offset == -1) offset = replica_.high_watermark();
  if (offset < 0 || offset > replica_.high_watermark()) {
    out.error = ErrorCode::OFFSET_OUT_OF_RANGE;
    return out;
  }
  if (offset > log_->log_start_offset()) {
    const absl::Status status = log_->AdvanceLogStart(offset);
    NoticeFailure();
    if (!status.ok()) {
      LogError("{}-{}: deleting records below {}: {}", topic_, id_.partition, offset,
               status.ToString());
      out.error = ErrorCode::KAFKA_STORAGE_ERROR;
      return out;
    }
    replica_waiters_.RingAll();
  }
  out.required_offset = offset;
  out.low_watermark = LowWatermark();
  return out;
}

void Partition::WhenDeleted(int64_t offset, absl::AnyInvocable<void(const DeleteOutcome&)> done) {
  owner_.AssertCurrent();
  if (!is_leader() || closing_ || failed_)
    return done({.error = ErrorCode::NOT_LEADER_OR_FOLLOWER});
  delete_waiters_.Add(offset, [this, offset, done = std::move(done)](ErrorCode error) mutable {
    if (error != ErrorCode::NONE) return done({.error = error});
    done({.required_offset = offset, .low_watermark = LowWatermark()});
  });
  CompleteDeletions();
}

void Partition::CompleteDeletions() {
  if (delete_waiters_.size() > 0) delete_waiters_.Complete(LowWatermark(), ErrorCode::NONE);
}

}  // namespace soliton::broker
