#include "segment/log_impl.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/record/batch_iterator.h"
#include "runtime/base/check.h"
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

// ---- appending ----

AppendResult LogImpl::AppendAsLeader(Buffer batch, int32_t leader_epoch) {
  AppendResult result;
  if (!fatal_error_.ok()) {
    result.error = ErrorCode::KAFKA_STORAGE_ERROR;
    result.error_message = std::string(fatal_error_.message());
    return result;
  }
  const int64_t now_ms = clock_.WallMs();
  BatchVerdict verdict = ValidateBatch(batch, options_.validation, {.now_ms = now_ms});
  if (!verdict.ok()) {
    result.error = verdict.error;
    result.error_message = std::move(verdict.message);
    result.record_errors = std::move(verdict.record_errors);
    return result;
  }
  if (verdict.batch->size_bytes() > SegmentLimitBytes()) {
    result.error = ErrorCode::RECORD_LIST_TOO_LARGE;
    result.error_message = fmt::format("the batch has {} bytes, segment.bytes is {}",
                                       verdict.batch->size_bytes(), SegmentLimitBytes());
    return result;
  }
  const bool log_append_time =
      options_.validation.timestamp_type == kafka::TimestampType::kLogAppendTime;
  RecordBatchView& view = *verdict.batch;
  if (view.has_producer_id()) {
    const ProducerCheck check = producers_.CheckAppend(ProducerBatch::Of(view, now_ms));
    if (check.outcome == ProducerCheck::Outcome::kRefuse) {
      result.error = check.error;
      result.error_message = check.message;
      return result;
    }
    if (check.outcome == ProducerCheck::Outcome::kDuplicate) {
      SOMETIMES("a duplicate batch was answered");
      result.duplicate = true;
      result.base_offset = check.base_offset;
      result.last_offset = check.last_offset;
      if (log_append_time) result.log_append_time_ms = check.append_time_ms;
      return result;
    }
  }
  CHECK(leader_epoch >= latest_leader_epoch(), "append in epoch {} after epoch {} in {}",
        leader_epoch, latest_leader_epoch(), directory_);
  ApplyTimestamps(verdict, options_.validation);
  view.SetBaseOffset(log_end_offset());
  view.SetLeaderEpoch(leader_epoch);
  if (absl::Status status = AppendBatches(view.buffer(), std::span(&view, 1)); !status.ok()) {
    result.error = ErrorCode::KAFKA_STORAGE_ERROR;
    result.error_message = std::string(status.message());
    result.disk_full = absl::IsResourceExhausted(status);
    return result;
  }
  result.base_offset = view.base_offset();
  result.last_offset = view.last_offset();
  if (log_append_time) result.log_append_time_ms = view.max_timestamp();
  return result;
}

absl::StatusOr<int> LogImpl::AppendAsFollower(Buffer batches, int32_t max_leader_epoch) {
  if (!fatal_error_.ok()) return fatal_error_;
  const auto checked = CheckFollowerBatches(batches, max_leader_epoch);
  if (!checked.ok()) return checked.status();
  if (checked->empty()) return 0;
  if (checked->front().base_offset() < log_end_offset()) {
    if (absl::Status status = RebaseEmptyLog(checked->front()); !status.ok()) return status;
  }
  const absl::Status status = AppendBatches(batches, *checked);
  if (status.ok()) return static_cast<int>(checked->size());
  // What fitted is there; the next fetch meets the full disk first.
  const auto rest = std::find_if(checked->begin(), checked->end(), [this](const auto& batch) {
    return batch.base_offset() >= log_end_offset();
  });
  if (!absl::IsResourceExhausted(status) || rest == checked->begin()) return status;
  return static_cast<int>(rest - checked->begin());
}

absl::StatusOr<std::vector<RecordBatchView>> LogImpl::CheckFollowerBatches(
    Buffer batches, int32_t max_leader_epoch) {
  std::vector<RecordBatchView> good;
  int64_t expected_offset = log_end_offset();
  int32_t least_epoch = latest_leader_epoch();
  kafka::BatchIterator iterator(std::move(batches));
  // What precedes a bad batch is good and is kept; the next fetch meets the bad one first.
  const auto stop = [&good](absl::Status status) -> absl::StatusOr<std::vector<RecordBatchView>> {
    if (good.empty()) return status;
    return std::move(good);
  };
  while (true) {
    absl::StatusOr<std::optional<RecordBatchView>> next = iterator.Next();
    if (!next.ok()) return stop(next.status());
    if (!*next) return good;
    const RecordBatchView& batch = **next;
    // DeleteRecords can cut inside a batch, so the leader's first batch may begin below our start.
    const bool straddles_start = good.empty() && size_bytes_ == 0 &&
                                 batch.base_offset() < expected_offset &&
                                 batch.last_offset() >= expected_offset;
    if (batch.base_offset() != expected_offset && !straddles_start) {
      return stop(absl::FailedPreconditionError(
          fmt::format("batch at offset {} does not follow on log end offset {} of {}",
                      batch.base_offset(), expected_offset, directory_)));
    }
    if (batch.leader_epoch() > max_leader_epoch || batch.leader_epoch() < least_epoch) {
      return stop(absl::FailedPreconditionError(
          fmt::format("batch at offset {} has leader epoch {}, expected {} to {}",
                      batch.base_offset(), batch.leader_epoch(), least_epoch, max_leader_epoch)));
    }
    if (!DataCheck(batch.CrcMatches(), "CRC mismatch in a batch from the leader, {} offset {}",
                   directory_, batch.base_offset())) {
      return stop(absl::DataLossError(
          fmt::format("CRC mismatch in the batch at offset {}", batch.base_offset())));
    }
    expected_offset = batch.next_offset();
    least_epoch = batch.leader_epoch();
    good.push_back(batch);
  }
}

absl::Status LogImpl::RebaseEmptyLog(const RecordBatchHeader& first) {
  return RestartAt(first.base_offset(), log_start_offset_);
}

absl::Status LogImpl::AppendBatches(const Buffer& bytes, std::span<const RecordBatchView> batches) {
  size_t run_bytes = 0;
  size_t run_begin = 0;
  size_t run_position = 0;
  const auto flush_run = [&](size_t run_end) -> absl::Status {
    if (run_end == run_begin) return absl::OkStatus();
    absl::Status status = AppendRun(bytes.Slice(run_position, run_bytes),
                                    batches.subspan(run_begin, run_end - run_begin));
    run_begin = run_end;
    run_position += run_bytes;
    run_bytes = 0;
    return status;
  };
  for (size_t i = 0; i < batches.size(); ++i) {
    if (ShouldRoll(batches[i], static_cast<int64_t>(run_bytes))) {
      if (absl::Status status = flush_run(i); !status.ok()) return status;
      if (absl::Status status = Roll(); !status.ok()) return status;
    }
    run_bytes += static_cast<size_t>(batches[i].size_bytes());
  }
  return flush_run(batches.size());
}

absl::Status LogImpl::AppendRun(const Buffer& bytes, std::span<const RecordBatchView> run) {
  ledger_.AddFile(active_->file());
  absl::Status status = active_->Append(bytes, run);
  if (!status.ok()) return FenceUnlessFull(std::move(status));
  const int64_t now_ms = clock_.WallMs();
  active_->set_last_write_ms(now_ms);
  size_bytes_ += static_cast<int64_t>(bytes.size());
  for (const RecordBatchView& batch : run) {
    if (batch.leader_epoch() > latest_leader_epoch()) {
      epochs_.Assign(batch.leader_epoch(), batch.base_offset());
      NoteEpochs();
    }
    if (batch.has_producer_id()) {
      producers_.Update(ProducerBatch::Of(batch, now_ms), batch.base_offset());
    }
  }
  return absl::OkStatus();
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

bool LogImpl::ShouldRoll(const RecordBatchHeader& batch, int64_t pending_bytes) const {
  const int64_t size_bytes = active_->size_bytes() + pending_bytes;
  if (size_bytes == 0) return !active_->FitsRelativeOffset(batch.last_offset());
  if (size_bytes + batch.size_bytes() > SegmentLimitBytes()) return true;
  if (active_->index_bytes() >= options_.max_index_bytes) return true;
  if (!active_->FitsRelativeOffset(batch.last_offset())) return true;
  // By record time when the records have one, so that a replica rolls where its leader did.
  if (pending_bytes > 0 && active_->empty()) return false;
  const bool has_timestamps = batch.max_timestamp() >= 0 && active_->first_timestamp_ms() >= 0;
  const int64_t age_ms = has_timestamps ? batch.max_timestamp() - active_->first_timestamp_ms()
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
  active_->set_last_write_ms(clock_.WallMs());
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
