#include "segment/log_impl.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/reach.h"
#include "segment/failed_sync.h"

namespace soliton::segment {

using kafka::ErrorCode;
using kafka::RecordBatchHeader;
using kafka::RecordBatchView;

absl::StatusOr<std::unique_ptr<Log>> Log::Open(FileSystem& fs, const Clock& clock,
                                               const LogOptions& options, const OpenOptions& open) {
  absl::StatusOr<RecoveredLog> recovered = RecoverLog(fs, clock, options, open);
  if (!recovered.ok()) return recovered.status();
  return std::make_unique<LogImpl>(fs, clock, options, open.directory, *std::move(recovered));
}

LogImpl::LogImpl(FileSystem& fs, const Clock& clock, const LogOptions& options,
                 std::string directory, RecoveredLog recovered)
    : fs_(fs),
      clock_(clock),
      options_(options),
      directory_(std::move(directory)),
      topic_id_(recovered.topic_id),
      segments_(std::move(recovered.segments)),
      active_(segments_.rbegin()->second.get()),
      opened_clean_(recovered.clean),
      log_start_offset_(recovered.log_start_offset),
      flushed_offset_(active_->end_offset()),
      active_created_ms_(clock.WallMs()),
      epochs_(std::move(recovered.epochs)),
      producers_(std::move(recovered.producers)),
      snapshots_(std::move(recovered.snapshots)),
      checkpoint_position_(recovered.checkpoint_position),
      recovery_point_(std::move(recovered.recovery_point)),
      point_synced_at_(clock.Now()) {
  for (const auto& [base_offset, segment] : segments_) size_bytes_ += segment->size_bytes();
  if (recovered.derived_files_missing) {
    NoteEpochs();
    NoteMissingIndexFiles();
  }
}

absl::Status LogImpl::Fence(absl::Status error) {
  if (fatal_error_.ok() && !error.ok()) {
    if (absl::IsResourceExhausted(error)) SOMETIMES("a log was closed by a full disk");
    if (absl::IsDataLoss(error)) SOMETIMES("a log was closed by a disk error");
    fatal_error_ =
        absl::Status(error.code(), fmt::format("log {} is closed for writing after an error: {}",
                                               directory_, std::string(error.message())));
    MarkFailedSync(fs_, directory_);
  }
  return error;
}

void LogImpl::AssignLeaderEpoch(int32_t leader_epoch) {
  if (leader_epoch <= latest_leader_epoch()) return;
  epochs_.Assign(leader_epoch, log_end_offset());
  NoteEpochs();
}

void LogImpl::NoteEpochs() {
  ledger_.AddSideFile({JoinPath(directory_, kEpochCheckpointName), epochs_.Encode()});
}

// ---- rolling ----

bool LogImpl::ShouldRoll(const RecordBatchHeader& batch, const PendingBytes& pending) const {
  const int64_t size_bytes = active_->size_bytes() + pending.bytes;
  if (size_bytes == 0) return !active_->FitsRelativeOffset(batch.last_offset());
  if (size_bytes + batch.size_bytes() > SegmentLimitBytes()) return true;
  if (active_->index_bytes() >= options_.max_index_bytes) return true;
  if (!active_->FitsRelativeOffset(batch.last_offset())) return true;
  // By record time when the records have one, so that a replica rolls where its leader did.
  const int64_t first_timestamp_ms =
      active_->empty() ? pending.first_timestamp_ms : active_->first_timestamp_ms();
  const bool has_timestamps = batch.max_timestamp() >= 0 && first_timestamp_ms >= 0;
  const int64_t age_ms = has_timestamps ? batch.max_timestamp() - first_timestamp_ms
                                        : clock_.WallMs() - active_created_ms_;
  return age_ms > options_.segment_ms;
}

absl::Status LogImpl::Roll() {
  const int64_t base_offset = log_end_offset();
  Segment& closed = *active_;
  if (absl::Status status = StartSegment(base_offset); !status.ok()) return FenceUnlessFull(status);
  NoteIndexFiles(closed);
  ledger_.AddSideFile({SnapshotPath(base_offset), producers_.Encode()});
  snapshots_.insert(base_offset);
  if (absl::Status status = DropOldSnapshots(base_offset); !status.ok())
    return FenceUnlessFull(status);
  return absl::OkStatus();
}

absl::Status LogImpl::StartSegment(int64_t base_offset) {
  auto segment = Segment::Create(fs_, directory_, base_offset, options_.index_interval_bytes);
  if (!segment.ok()) return segment.status();
  Adopt(*std::move(segment));
  return absl::OkStatus();
}

void LogImpl::Adopt(std::unique_ptr<Segment> segment) {
  active_ = segment.get();
  active_->set_last_write(clock_.Now());
  active_created_ms_ = clock_.WallMs();
  checkpoint_position_ = 0;
  segments_[active_->base_offset()] = std::move(segment);
  ledger_.AddDirectory();
}

absl::Status LogImpl::DropOldSnapshots(int64_t newest) {
  // Kept: one per segment, so that any truncation finds one near its end.
  for (auto it = snapshots_.begin(); it != snapshots_.end();) {
    if (*it == newest || segments_.contains(*it)) {
      ++it;
      continue;
    }
    if (absl::Status status = fs_.Remove(SnapshotPath(*it)); !status.ok()) return status;
    it = snapshots_.erase(it);
  }
  return absl::OkStatus();
}

std::string LogImpl::SnapshotPath(int64_t offset) const {
  return JoinPath(directory_, SegmentFileName(offset, kSnapshotSuffix));
}

void LogImpl::ExpireProducers() {
  producers_.Expire(clock_.WallMs(), options_.producer_id_expiration_ms);
}

}  // namespace soliton::segment
