// What a partition tells about its log without giving records: offsets by time, where an epoch
// ends, who wrote idempotently.
#include "broker/partition/partition.h"
#include "runtime/base/reach.h"
#include "segment/state/producer_state.h"

namespace soliton::broker {

using kafka::ErrorCode;

OffsetOutcome Partition::FindOffset(int64_t timestamp_ms, int32_t current_leader_epoch,
                                    bool read_committed) {
  (void)read_committed;  // without transactions the last stable offset is the high watermark
  OffsetOutcome out;
  out.error = CheckLeader(current_leader_epoch);
  if (out.error != ErrorCode::NONE) return out;
  constexpr int64_t kLatest = -1, kEarliest = -2, kMaxTimestamp = -3, kEarliestLocal = -4;
  constexpr int64_t kLatestTiered = -5, kEarliestPendingUpload = -6;
  if (timestamp_ms == kEarliest || timestamp_ms == kEarliestLocal) {
    out.offset = log_->log_start_offset();
    out.leader_epoch = log_->LeaderEpochOf(out.offset);
    return out;
  }
  if (timestamp_ms == kLatestTiered || timestamp_ms == kEarliestPendingUpload) {
    return out;  // no tiers: no offset
  }
  if (timestamp_ms < kEarliestPendingUpload) {
    out.error = ErrorCode::UNSUPPORTED_VERSION;
    return out;
  }
  // A new leader's high watermark may still be behind what clients were told before (KIP-207).
  if (!replica_.end_offset_known()) {
    SOMETIMES("ListOffsets came before the end was known");
    out.error = ErrorCode::OFFSET_NOT_AVAILABLE;
    return out;
  }
  const int64_t end = replica_.high_watermark();
  if (timestamp_ms == kLatest) {
    out.offset = end;
    out.leader_epoch = replica_.leader_epoch();
    return out;
  }
  auto found = timestamp_ms == kMaxTimestamp ? log_->FindMaxTimestamp(end)
                                             : log_->FindByTimestamp(timestamp_ms, end);
  if (!found.ok()) {
    out.error = ErrorCode::KAFKA_STORAGE_ERROR;
    return out;
  }
  if (*found) {
    out.offset = (*found)->offset;
    out.timestamp_ms = (*found)->timestamp_ms;
    out.leader_epoch = (*found)->leader_epoch;
  }
  return out;
}

OffsetOutcome Partition::EndOffsetForEpoch(int32_t leader_epoch,
                                           int32_t current_leader_epoch) const {
  OffsetOutcome out;
  out.error = CheckLeader(current_leader_epoch);
  if (out.error != ErrorCode::NONE) return out;
  const segment::EpochEndOffset end = log_->EndOffsetForEpoch(leader_epoch);
  out.leader_epoch = end.leader_epoch;
  out.offset = end.end_offset;
  return out;
}

ProducersOutcome Partition::Producers() const {
  ProducersOutcome out;
  if (failed_) out.error = ErrorCode::KAFKA_STORAGE_ERROR;
  if (closing_) out.error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
  if (out.error != ErrorCode::NONE) return out;
  for (const int64_t id : log_->producers().Ids()) {
    const segment::ProducerStateTable::Producer& known = *log_->producers().Find(id);
    out.producers.push_back({.id = id,
                             .epoch = known.epoch,
                             .last_append_ms = known.last_append_ms,
                             .coordinator_epoch = known.coordinator_epoch,
                             .txn_start_offset = known.current_txn_first_offset.value_or(-1)});
    if (known.newest() != nullptr)
      out.producers.back().last_sequence = known.newest()->last_sequence;
  }
  return out;
}

}  // namespace soliton::broker
