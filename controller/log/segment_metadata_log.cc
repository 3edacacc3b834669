#include "controller/log/segment_metadata_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/record/batch_iterator.h"
#include "runtime/base/buffer_chain.h"

namespace soliton::controller {
namespace {

constexpr uint64_t kDiskLane = 0x6d657461;  // any number: the log has one flush in flight at a time
constexpr int64_t kReplayReadBytes = 4 << 20;

segment::LogOptions MetadataLogOptions() {
  segment::LogOptions options;
  // One decision is one batch, however many partitions it touches.
  options.validation.max_message_bytes = std::numeric_limits<int32_t>::max();
  options.validation.timestamp_after_max_ms = std::numeric_limits<int64_t>::max();
  options.segment_ms = std::numeric_limits<int64_t>::max();
  return options;
}

}  // namespace

SegmentMetadataLog::SegmentMetadataLog(FileSystem& files, DiskExecutor& disk, Shard& shard,
                                       std::unique_ptr<segment::Log> log)
    : files_(files),
      disk_(disk),
      shard_(shard),
      log_(std::move(log)),
      epoch_(std::max(log_->latest_leader_epoch(), 0) + 1),
      committed_end_offset_(log_->flushed_offset()),
      self_(std::make_shared<SegmentMetadataLog*>(this)) {
  log_->AssignLeaderEpoch(epoch_);
}

absl::StatusOr<std::unique_ptr<SegmentMetadataLog>> SegmentMetadataLog::Open(
    FileSystem& files, DiskExecutor& disk, Shard& shard, const Options& options) {
  segment::OpenOptions open;
  open.directory = options.directory;
  open.clean_shutdown = options.clean_shutdown;
  auto log = segment::Log::Open(files, shard.clock(), MetadataLogOptions(), open);
  if (!log.ok()) return log.status();
  return std::unique_ptr<SegmentMetadataLog>(
      new SegmentMetadataLog(files, disk, shard, *std::move(log)));
}

absl::Status SegmentMetadataLog::Replay(
    const std::function<absl::Status(const LoggedBatch& batch)>& apply) {
  int64_t offset = log_->log_start_offset();
  while (offset < committed_end_offset_) {
    auto slice = log_->Read(offset, committed_end_offset_, kReplayReadBytes, true);
    if (!slice.ok()) return slice.status();
    if (slice->end_offset <= offset) break;
    BufferChain chain;
    chain.Append(slice->region);
    auto bytes = chain.Flatten();
    if (!bytes.ok()) return bytes.status();
    auto views = kafka::SplitBatches(*bytes);
    if (!views.ok()) return views.status();
    for (const kafka::RecordBatchView& view : views->batches) {
      auto batches = DecodeMetadataBatches(view.buffer());
      if (!batches.ok()) return batches.status();
      if (absl::Status applied = apply({std::move(batches->front()), view.buffer()});
          !applied.ok()) {
        return applied;
      }
    }
    offset = slice->end_offset;
  }
  if (offset == committed_end_offset_) return absl::OkStatus();
  return absl::DataLossError(fmt::format("{} ends at offset {}, expected {}", log_->directory(),
                                         offset, committed_end_offset_));
}

void SegmentMetadataLog::Start(Listener* listener) {
  listener_ = listener;
  FlushIfIdle();
}

absl::StatusOr<int64_t> SegmentMetadataLog::Append(const std::vector<pb::MetadataRecord>& records) {
  if (failed_) return absl::UnavailableError("the metadata log has failed");
  const int64_t base_offset = log_->log_end_offset();
  // The log stamps the base offset in place.
  Buffer bytes = EncodeMetadataBatch(records, 0, shard_.clock().WallMs());
  const segment::AppendResult appended = log_->AppendAsLeader(bytes, epoch_);
  if (appended.error != kafka::ErrorCode::NONE || appended.base_offset != base_offset) {
    absl::Status why =
        absl::DataLossError(fmt::format("append to {} failed: {} {}", log_->directory(),
                                        kafka::ErrorName(appended.error), appended.error_message));
    failed_ = true;
    return why;
  }
  uncommitted_.push_back({{base_offset, records}, std::move(bytes)});
  FlushIfIdle();
  return base_offset;
}

void SegmentMetadataLog::FlushIfIdle() {
  if (failed_) return;
  std::optional<segment::FlushTicket> taken = log_->TakeFlush();
  if (!taken) return;
  flushing_ = true;
  struct Work {
    segment::FlushTicket ticket;
    absl::Status result;
  };
  auto work = std::make_shared<Work>();
  work->ticket = *std::move(taken);
  disk_.Submit(
      kDiskLane, shard_, [work, files = &files_] { work->result = work->ticket.Run(*files); },
      [work, weak = std::weak_ptr<SegmentMetadataLog*>(self_)] {
        if (const auto self = weak.lock()) (*self)->FlushDone(work->ticket, work->result);
      });
}

void SegmentMetadataLog::FlushDone(const segment::FlushTicket& ticket, const absl::Status& result) {
  flushing_ = false;
  if (failed_ && !closing_) return;
  log_->FlushDone(ticket, result);
  if (closing_) return FinishClose();
  if (!log_->fatal_error().ok()) return Fail(result);
  // The next flush starts before anyone is told of this one.
  committed_end_offset_ = log_->flushed_offset();
  FlushIfIdle();
  while (!uncommitted_.empty() &&
         uncommitted_.front().batch.end_offset() <= committed_end_offset_ && !failed_) {
    const LoggedBatch batch = std::move(uncommitted_.front());
    uncommitted_.pop_front();
    if (listener_ != nullptr) listener_->OnCommitted(batch);
  }
}

void SegmentMetadataLog::Fail(const absl::Status& why) {
  failed_ = true;
  if (listener_ != nullptr) listener_->OnFailed(why);
}

void SegmentMetadataLog::Close(absl::AnyInvocable<void(absl::Status)> done) {
  listener_ = nullptr;
  failed_ = true;  // nothing more is appended or flushed
  closing_ = std::move(done);
  if (!flushing_) FinishClose();
}

void SegmentMetadataLog::FinishClose() {
  self_.reset();
  auto done = std::move(closing_);
  closing_ = nullptr;
  done(log_->CloseCleanly());
}

}  // namespace soliton::controller
