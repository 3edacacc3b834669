// Log as it is: segments in a map, the state derived from them (leader epochs, producers), and the
// bookkeeping of what is durable. Owner shard only. log_append.cc appends, log_impl.cc rolls,
// log_flush.cc makes durable, log_read.cc reads, log_truncate.cc takes data away at either end,
// log_recovery.cc opens.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "segment/flush_ledger.h"
#include "segment/log.h"
#include "segment/log_recovery.h"
#include "segment/recovery_point_file.h"
#include "segment/segment.h"
#include "segment/segment_recovery.h"
#include "segment/state/leader_epoch_cache.h"
#include "segment/state/producer_state.h"

namespace soliton::segment {

class LogImpl final : public Log {
 public:
  LogImpl(FileSystem& fs, const Clock& clock, const LogOptions& options, std::string directory,
          RecoveredLog recovered);

  using Log::AppendAsLeader;
  std::vector<AppendResult> AppendAsLeader(std::span<const Buffer> batches,
                                           int32_t leader_epoch) override;
  absl::StatusOr<int> AppendAsFollower(Buffer batches, int32_t max_leader_epoch) override;
  void AssignLeaderEpoch(int32_t leader_epoch) override;
  absl::Status TruncateTo(int64_t offset) override;
  absl::Status TruncateFullyAndStartAt(int64_t offset) override;
  absl::Status AdvanceLogStart(int64_t offset) override;
  absl::Status ApplyRetention(int64_t retention_ms, int64_t retention_bytes,
                              int64_t limit_offset) override;

  bool WantsFlush() const override;
  std::optional<FlushTicket> TakeFlush() override;
  void FlushDone(const FlushTicket& ticket, const absl::Status& result) override;
  absl::Status CloseCleanly() override;

  absl::StatusOr<LogSlice> Read(int64_t offset, int64_t upper_bound, int64_t max_bytes,
                                bool at_least_one_batch) override;
  absl::StatusOr<std::optional<TimestampOffset>> FindByTimestamp(int64_t timestamp_ms,
                                                                 int64_t upper_bound) override;
  absl::StatusOr<std::optional<TimestampOffset>> FindMaxTimestamp(int64_t upper_bound) override;
  EpochEndOffset EndOffsetForEpoch(int32_t leader_epoch) const override;
  int32_t latest_leader_epoch() const override;
  int32_t LeaderEpochOf(int64_t offset) const override;

  const ProducerStateTable& producers() const override { return producers_; }
  int64_t log_start_offset() const override { return log_start_offset_; }
  // An empty log may have a segment that begins below the log start: for a first batch that does,
  // and that did not fit on the disk.
  int64_t log_end_offset() const override {
    return std::max(active_->end_offset(), log_start_offset_);
  }
  // Nothing below the log start can be lost any more.
  int64_t flushed_offset() const override { return std::max(flushed_offset_, log_start_offset_); }
  int64_t size_bytes() const override { return size_bytes_; }
  int segment_count() const override { return static_cast<int>(segments_.size()); }
  const Uuid& topic_id() const override { return topic_id_; }
  const std::string& directory() const override { return directory_; }
  const absl::Status& fatal_error() const override { return fatal_error_; }

  void SetOptions(const LogOptions& options) override { options_ = options; }
  void ExpireProducers() override;
  bool KnowsProducer(int64_t producer_id) const override {
    return producers_.Find(producer_id) != nullptr;
  }

 private:
  // ---- appending (log_append.cc) ----
  struct Run;
  // What goes to the active segment before the batch that is looked at.
  struct PendingBytes {
    int64_t bytes = 0;
    int64_t first_timestamp_ms = -1;  // of the first batch
  };
  // nullopt: `result` says why not.
  std::optional<kafka::RecordBatchView> ValidateForLeader(const Buffer& bytes, int64_t now_ms,
                                                          AppendResult& result) const;
  // Stamps the offset, checks the producer and adds the batch to `run`, which is written before if
  // they do not go together. `result` is set now when the batch is refused or known already, else
  // by WriteRun.
  void AddToRun(kafka::RecordBatchView batch, int64_t now_ms, AppendResult& result, Run& run);
  ProducerCheck CheckProducer(const ProducerBatch& batch, Run& run) const;
  bool Accept(const ProducerCheck& check, AppendResult& result) const;
  // Writes what is in `run`, sets its results and leaves it empty.
  void WriteRun(int64_t now_ms, Run& run);
  // After a full disk took nothing of the run: what fits of it, as if they had come singly.
  void WriteOneByOne(int64_t now_ms, const Run& run);
  bool stamps_append_time() const {
    return options_.validation.timestamp_type == kafka::TimestampType::kLogAppendTime;
  }
  absl::StatusOr<std::vector<kafka::RecordBatchView>> CheckFollowerBatches(
      Buffer batches, int32_t max_leader_epoch);
  // Before the first batch of an empty log, which need not begin where the log does.
  absl::Status BeginAt(int64_t base_offset);
  // Writes `batches`, which lie back to back in `bytes`, rolling where the rules say so, and
  // updates the state that follows from them. On error some may have been written.
  absl::Status AppendBatches(const Buffer& bytes, std::span<const kafka::RecordBatchView> batches);
  void NoteProducers(std::span<const kafka::RecordBatchView> batches);
  // One write of `bytes` bytes to the active segment. Producers are the caller's.
  absl::Status AppendRun(std::span<const Buffer> pieces, int64_t bytes,
                         std::span<const kafka::RecordBatchView> batches);

  // ---- rolling (log_impl.cc) ----
  bool ShouldRoll(const kafka::RecordBatchHeader& batch, const PendingBytes& pending) const;
  // Index entries hold 32-bit positions.
  int64_t SegmentLimitBytes() const { return std::min<int64_t>(options_.segment_bytes, INT32_MAX); }
  // Closes the active segment and starts one at log_end_offset. Nothing of it is durable yet.
  absl::Status Roll();
  absl::Status StartSegment(int64_t base_offset);
  void Adopt(std::unique_ptr<Segment> segment);
  // Removes producer snapshots that no recovery would pick any more.
  absl::Status DropOldSnapshots(int64_t newest);
  // Work for the next ticket: the epoch checkpoint; index files of closed segments that have none.
  void NoteEpochs();
  void NoteIndexFiles(Segment& segment);
  void NoteMissingIndexFiles();
  void NoteIndexFilesWritten(const FlushTicket& ticket);
  // After a truncation during the ticket's run.
  absl::Status DropStaleSideFiles(const FlushTicket& ticket);
  // When the active segment has grown by `step_bytes` since the last one: its checkpoint and the
  // producers there, as hints of a ticket.
  std::vector<FlushTicket::SideFile> TakeCheckpoint(int64_t step_bytes);
  bool HasSegmentsBelowLogStart() const {
    return segments_.size() > 1 && std::next(segments_.begin())->first <= log_start_offset_;
  }
  // The snapshot at this segment's begin is on disk afterwards, if it was only noted so far.
  absl::Status KeepProducersAt(int64_t base_offset);
  // Not durable before SyncDirectory.
  absl::Status ForgetCheckpoint();
  // Read's answer; an error that comes from no system call is damage.
  absl::StatusOr<LogSlice> Locate(int64_t offset, int64_t end_offset, int64_t max_bytes,
                                  bool at_least_one_batch);
  // A clean stop left these files, and nothing has happened since.
  bool IsAsClosed() const;
  // Flushes have been told of by an unsynced mark only, for long enough.
  bool MarkIsStale() const;
  std::string_view NameOf(const FlushTicket::SideFile& side_file) const;
  RecoveryPoint CurrentPoint() const;
  // Keeps the first error: from then on nothing is written. Returns it.
  absl::Status Fence(absl::Status error);
  // For what was taken back when the disk was full.
  absl::Status FenceUnlessFull(absl::Status error) {
    return absl::IsResourceExhausted(error) ? error : Fence(std::move(error));
  }

  // ---- truncation (log_truncate.cc) ----
  // `end_offset` is a batch boundary, and the recovery point that makes the loss legal is durable.
  absl::Status TruncateSegments(int64_t end_offset);
  // Out of the way now, removed with the next ticket.
  absl::Status RetireFiles(const Segment& segment);
  absl::Status RemoveSegment(SegmentMap::iterator it);
  absl::Status RemoveSnapshotsAbove(int64_t offset);
  absl::Status PersistEpochs();
  absl::Status DropBelowLogStart();
  absl::Status RebuildProducers();
  // Drops all data; fences unless the disk was too full to begin.
  absl::Status RestartAt(int64_t segment_base_offset, int64_t log_start_offset);
  absl::Status ReplaceSegments(int64_t base_offset);
  std::string SnapshotPath(int64_t offset) const;

  // ---- reading (log_read.cc) ----
  // The segment that holds `offset`: the last one that begins at or below it.
  Segment& SegmentOf(int64_t offset) const;
  absl::StatusOr<std::optional<TimestampOffset>> FindTimestampIn(Segment& segment,
                                                                 int64_t timestamp_ms,
                                                                 int64_t end_offset);
  // Largest timestamp in [log_start_offset, end_offset) of this segment; -1 when there is none.
  absl::StatusOr<int64_t> MaxTimestampIn(Segment& segment, int64_t end_offset);

  FileSystem& fs_;
  const Clock& clock_;
  LogOptions options_;
  const std::string directory_;
  const Uuid topic_id_;

  SegmentMap segments_;
  Segment* active_;  // the last of segments_
  const bool opened_clean_;
  int64_t size_bytes_ = 0;
  int64_t log_start_offset_;
  int64_t flushed_offset_;
  int64_t active_created_ms_;
  LeaderEpochCache epochs_;
  ProducerStateTable producers_;
  std::set<int64_t> snapshots_;

  int64_t checkpoint_position_;  // end of what the newest segment checkpoint knows of active_

  FlushLedger ledger_;
  RecoveryPointFile recovery_point_;
  bool sync_point_ = false;  // the next ticket makes recovery_point_ durable
  MonotonicTime point_synced_at_;
  std::shared_ptr<File>
      point_in_ticket_;  // its file and size when the ticket was taken, if it does
  int64_t point_in_ticket_bytes_ = 0;
  absl::Status fatal_error_;
};

}  // namespace soliton::segment
