#include "controller/log/segment_metadata_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/log/metadata_log_reader.h"

namespace soliton::controller {
namespace {

constexpr uint64_t kDiskLane = 0x6d657461;  // any number: the log has one flush in flight at a time

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
  return ForEachLoggedBatch(*log_, log_->log_start_offset(), committed_end_offset_, apply);
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
