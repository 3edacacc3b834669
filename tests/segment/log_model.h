// A log and, beside it, the plainest possible statement of what it should hold: a vector of
// batches. Every operation is done on both; Check() compares them; after a crash CheckRecovered()
// says whether what came back is legal: everything promised is there, nothing was invented, nothing
// that was truncated returned.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/segment/log_fixture.h"

namespace soliton::segment {

class LogModel {
 public:
  LogModel(sim::SimFileSystem& fs, ManualClock& clock, const LogOptions& options)
      : fs_(&fs), clock_(&clock), options_(options) {}

  // Operations do nothing once the disk is frozen (the process is dead by then) or the log is
  // fenced. One that a full disk refused has changed nothing.

  // The first open, and every further one after a clean stop.
  absl::Status Open(bool clean_shutdown);
  // After a crash or an exit: opens and checks; the model then takes over what was recovered.
  void OpenRecovered(const std::string& context);

  void AppendAsLeader(const BatchSpec& spec, int32_t leader_epoch) {
    AppendTogether({spec}, leader_epoch);
  }
  // Of several requests, which came together.
  void AppendTogether(const std::vector<BatchSpec>& specs, int32_t leader_epoch);
  // An idempotent producer's next batch; its last batch once more.
  void AppendAsProducer(int64_t producer_id, BatchSpec spec, int32_t leader_epoch);
  void RetryLastOf(int64_t producer_id, int32_t leader_epoch);
  // Producer, epoch and sequence that the log must expect next: they follow from the batches.
  void Continue(int64_t producer_id, BatchSpec& spec);
  // Those of the first, and after it those that follow on, for a producer that has several under
  // way.
  void ContinueAll(int64_t producer_id, std::vector<BatchSpec>& specs);
  void AppendAsFollower(const std::vector<BatchSpec>& specs, int32_t leader_epoch);
  void AssignLeaderEpoch(int32_t leader_epoch) {
    if (!stopped()) log_->AssignLeaderEpoch(leader_epoch);
  }
  void AdvanceTime(int64_t ms) { clock_->wall_ms += ms; }
  void TakeFlush();
  void FinishFlush();
  // As FinishFlush, with `between` done on the owner right after the ticket's n-th disk operation.
  // False when the ticket has fewer.
  bool FinishFlushWith(int n, const std::function<void()>& between);
  void Flush() {
    TakeFlush();
    FinishFlush();
  }
  void TruncateTo(int64_t offset);
  void TruncateFullyAndStartAt(int64_t offset);
  void AdvanceLogStart(int64_t offset);
  void ApplyRetention(int64_t retention_ms, int64_t retention_bytes);
  bool CloseCleanly();
  void DropLog() {
    ticket_.reset();
    log_.reset();
  }

  // Log and model say the same.
  void Check(const std::string& context);

  Log& log() { return *log_; }
  bool is_open() const { return log_ != nullptr; }
  bool stopped() const { return fs_->frozen() || !log_ || !log_->fatal_error().ok(); }
  bool flush_is_out() const { return ticket_.has_value(); }
  int64_t start_offset() const { return start_offset_; }
  int64_t end_offset() const { return end_offset_; }
  int32_t latest_epoch() const { return log_->latest_leader_epoch(); }

 private:
  struct Content {
    std::vector<StoredBatch> batches;
    int64_t end_offset = 0;
  };

  void Add(const BatchSpec& spec, int32_t leader_epoch);
  // The operation under way may leave the log as it is now, or as it was before.
  void BeginLoss() { before_loss_ = Content{batches_, end_offset_}; }
  void EndLoss(const absl::Status& status) {
    if (status.ok()) before_loss_.reset();
  }
  void TakeBackLoss();
  // A full disk refused the operation before it did anything.
  bool WasRefused(const absl::Status& status) const {
    return absl::IsResourceExhausted(status) && log_->fatal_error().ok();
  }
  bool IsLegal(const std::vector<StoredBatch>& recovered, int64_t recovered_end,
               const Content& content) const;

  sim::SimFileSystem* fs_;
  ManualClock* clock_;
  LogOptions options_;
  std::unique_ptr<Log> log_;
  std::optional<FlushTicket> ticket_;

  std::vector<StoredBatch> batches_;
  int64_t start_offset_ = 0;
  int64_t attempted_start_offset_ = 0;
  int64_t end_offset_ = 0;
  int64_t durable_end_offset_ = 0;  // promised by flushed_offset
  std::optional<Content> before_loss_;
  int16_t next_producer_epoch_ = 0;
};

}  // namespace soliton::segment
