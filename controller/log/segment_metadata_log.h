// The metadata log of a quorum of one: a segment log in the folder `__cluster_metadata-0`, where
// committed means flushed. Appends of one flush go to disk together (group commit): one flush is in
// flight, what is appended meanwhile goes with the next.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "controller/log/metadata_log.h"
#include "runtime/file/disk_executor.h"
#include "runtime/loop/shard.h"
#include "segment/log.h"

namespace soliton::controller {

inline constexpr std::string_view kMetadataTopic = "__cluster_metadata";

class SegmentMetadataLog final : public MetadataLog {
 public:
  struct Options {
    std::string directory;  // .../__cluster_metadata-0
    bool clean_shutdown = false;
  };

  // Opens or creates the log and recovers it. Blocks.
  static absl::StatusOr<std::unique_ptr<SegmentMetadataLog>> Open(FileSystem& files,
                                                                  DiskExecutor& disk, Shard& shard,
                                                                  const Options& options);

  absl::Status Replay(const std::function<absl::Status(const LoggedBatch& batch)>& apply) override;
  void Start(Listener* listener) override;
  absl::StatusOr<int64_t> Append(const std::vector<pb::MetadataRecord>& records) override;
  int64_t end_offset() const override { return log_->log_end_offset(); }
  int64_t committed_end_offset() const override { return committed_end_offset_; }
  void Close(absl::AnyInvocable<void(absl::Status)> done) override;

 private:
  SegmentMetadataLog(FileSystem& files, DiskExecutor& disk, Shard& shard,
                     std::unique_ptr<segment::Log> log);

  void FlushIfIdle();
  void FlushDone(const segment::FlushTicket& ticket, const absl::Status& result);
  void Fail(const absl::Status& why);
  void FinishClose();

  FileSystem& files_;
  DiskExecutor& disk_;
  Shard& shard_;
  std::unique_ptr<segment::Log> log_;
  Listener* listener_ = nullptr;
  int32_t epoch_ = 0;
  int64_t committed_end_offset_ = 0;
  bool failed_ = false;
  bool flushing_ = false;
  absl::AnyInvocable<void(absl::Status)> closing_;  // set from Close until the log is closed
  std::deque<LoggedBatch> uncommitted_;
  // Flushes on the disk thread may outlive this object: their answers look here first.
  std::shared_ptr<SegmentMetadataLog*> self_;
};

}  // namespace soliton::controller
