// How a LogImpl loses data: at the end (truncation), at the start (retention, DeleteRecords), or
// all of it. All of this is rare and durable before it returns. Order everywhere: first the
// recovery point that makes the loss legal, then the files. A crash in between leaves more data
// than asked for, never a report of damage.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "runtime/base/mutant.h"
#include "segment/log_impl.h"
#include "segment/producer_recovery.h"
#include "segment/retention_core.h"

namespace soliton::segment {

absl::Status LogImpl::TruncateTo(int64_t offset) {
  if (!fatal_error_.ok()) return fatal_error_;
  if (offset >= log_end_offset()) {
    // An epoch that this replica led and wrote nothing in may begin here. Its leader does not know
    // it and would say for ever that the logs part ways.
    if (SOLITON_MUTANT("empty_epoch_survives_truncation")) return absl::OkStatus();
    return epochs_.TruncateFromEnd(log_end_offset()) ? Fence(PersistEpochs()) : absl::OkStatus();
  }
  if (offset < log_start_offset_) return TruncateFullyAndStartAt(offset);
  // The batch that holds the offset goes too, so the log may end below it.
  const absl::StatusOr<BatchBoundary> cut = SegmentOf(offset).FindBatch(offset);
  if (!cut.ok()) return Fence(cut.status());
  if (cut->base_offset > offset) {
    return Fence(
        absl::DataLossError(fmt::format("{}: no batch holds offset {}, the next one begins at {}",
                                        directory_, offset, cut->base_offset)));
  }
  RecoveryPoint point = CurrentPoint();
  point.durable_end_offset = std::min(flushed_offset_, cut->base_offset);
  point.log_start_offset = std::min(log_start_offset_, cut->base_offset);
  absl::Status status = recovery_point_.AppendDurably(point);
  if (!status.ok()) return FenceUnlessFull(status);
  flushed_offset_ = point.durable_end_offset;
  log_start_offset_ = point.log_start_offset;
  ledger_.OnTruncation(cut->base_offset);
  return Fence(TruncateSegments(cut->base_offset));
}

absl::Status LogImpl::TruncateSegments(int64_t end_offset) {
  absl::Status status = RemoveSnapshotsAbove(end_offset);
  if (!status.ok()) return status;
  if (status = ForgetCheckpoint(); !status.ok()) return status;
  while (segments_.size() > 1 && active_->base_offset() >= end_offset) {
    if (status = RemoveSegment(std::prev(segments_.end())); !status.ok()) return status;
    active_ = segments_.rbegin()->second.get();
  }
  size_bytes_ -= active_->size_bytes();
  if (status = active_->TruncateTo(end_offset); !status.ok()) {
    return status;
  }
  size_bytes_ += active_->size_bytes();
  if (status = fs_.SyncDirectory(directory_); !status.ok()) return status;

  epochs_.TruncateFromEnd(end_offset);
  if (status = PersistEpochs(); !status.ok()) return status;
  // What is left may hold unsynced bytes, and index files that were waiting for a ticket.
  NoteMissingIndexFiles();
  return RebuildProducers();
}

absl::Status LogImpl::PersistEpochs() {
  // A ticket that is out may be writing the same file. Later is early enough: recovery takes the
  // epochs above the recovery point from the batches.
  if (ledger_.ticket_out()) {
    NoteEpochs();
    return absl::OkStatus();
  }
  const absl::Status status =
      WriteFileAtomically(fs_, JoinPath(directory_, kEpochCheckpointName), epochs_.Encode());
  if (!absl::IsResourceExhausted(status)) return status;
  NoteEpochs();
  return absl::OkStatus();
}

absl::Status LogImpl::RetireFiles(const Segment& segment) {
  absl::StatusOr<std::string> retired = segment.Retire();
  if (!retired.ok()) return retired.status();
  ledger_.AddRemoval(*std::move(retired));
  return absl::OkStatus();
}

absl::Status LogImpl::RemoveSegment(SegmentMap::iterator it) {
  if (absl::Status status = RetireFiles(*it->second); !status.ok()) return status;
  size_bytes_ -= it->second->size_bytes();
  segments_.erase(it);
  return absl::OkStatus();
}

absl::Status LogImpl::RemoveSnapshotsAbove(int64_t offset) {
  for (auto it = snapshots_.upper_bound(offset); it != snapshots_.end();) {
    if (absl::Status status = fs_.Remove(SnapshotPath(*it)); !status.ok()) return status;
    it = snapshots_.erase(it);
  }
  return absl::OkStatus();
}

absl::Status LogImpl::RebuildProducers() {
  auto producers = RecoverProducers(fs_, directory_, segments_, snapshots_, clock_.WallMs());
  if (!producers.ok()) return producers.status();
  producers_ = *std::move(producers);
  return absl::OkStatus();
}

absl::Status LogImpl::TruncateFullyAndStartAt(int64_t offset) {
  if (!fatal_error_.ok()) return fatal_error_;
  return RestartAt(offset, offset);
}

absl::Status LogImpl::RestartAt(int64_t segment_base_offset, int64_t log_start_offset) {
  absl::Status status = recovery_point_.AppendDurably({.durable_end_offset = segment_base_offset,
                                                       .log_start_offset = log_start_offset,
                                                       .active_base_offset = segment_base_offset,
                                                       .active_size_bytes = 0});
  if (!status.ok()) return FenceUnlessFull(status);
  ledger_.OnTruncation(segment_base_offset);
  log_start_offset_ = log_start_offset;
  flushed_offset_ = segment_base_offset;
  epochs_.Clear();
  producers_.Clear();
  return Fence(ReplaceSegments(segment_base_offset));
}

absl::Status LogImpl::ReplaceSegments(int64_t base_offset) {
  if (absl::Status status = RemoveSnapshotsAbove(-1); !status.ok()) return status;
  if (absl::Status status = ForgetCheckpoint(); !status.ok()) return status;
  for (auto it = segments_.rbegin(); it != segments_.rend(); ++it) {
    if (absl::Status status = RetireFiles(*it->second); !status.ok()) return status;
  }
  if (absl::Status status = fs_.SyncDirectory(directory_); !status.ok()) return status;
  // Only now: after an error the log is fenced, but it still has an end.
  auto segment = Segment::Create(fs_, directory_, base_offset, options_.index_interval_bytes);
  if (!segment.ok()) return segment.status();
  segments_.clear();
  size_bytes_ = 0;
  Adopt(*std::move(segment));
  if (absl::Status status = fs_.SyncDirectory(directory_); !status.ok()) return status;
  return PersistEpochs();
}

absl::Status LogImpl::AdvanceLogStart(int64_t offset) {
  if (!fatal_error_.ok()) return fatal_error_;
  if (offset <= log_start_offset_) return absl::OkStatus();
  if (offset > log_end_offset()) {
    return absl::OutOfRangeError(fmt::format("log start {} would be above log end offset {} of {}",
                                             offset, log_end_offset(), directory_));
  }
  RecoveryPoint point = CurrentPoint();
  point.log_start_offset = offset;
  if (absl::Status status = recovery_point_.AppendDurably(point); !status.ok()) {
    return FenceUnlessFull(status);
  }
  log_start_offset_ = offset;
  return Fence(DropBelowLogStart());
}

absl::Status LogImpl::KeepProducersAt(int64_t base_offset) {
  const std::string path = SnapshotPath(base_offset);
  const std::optional<std::string> content = ledger_.TakeSideFile(path);
  if (!content) return absl::OkStatus();
  const absl::Status status = WriteFileAtomically(fs_, path, *content);
  // Room is what deleting makes; the next flush tries again.
  if (absl::IsResourceExhausted(status)) ledger_.AddSideFile({path, *content});
  return absl::IsResourceExhausted(status) ? absl::OkStatus() : status;
}

absl::Status LogImpl::DropBelowLogStart() {
  // What the producers had sent up to here is known by the snapshot at the first segment that
  // stays, and by nothing else once the others are gone. A ticket may be about to write it: later,
  // then.
  if (ledger_.ticket_out()) return absl::OkStatus();
  while (HasSegmentsBelowLogStart()) {
    const auto oldest = segments_.begin();
    if (absl::Status status = KeepProducersAt(std::next(oldest)->first); !status.ok()) {
      return status;
    }
    if (snapshots_.erase(oldest->first) > 0) {
      if (absl::Status status = fs_.Remove(SnapshotPath(oldest->first)); !status.ok()) {
        return status;
      }
    }
    if (absl::Status status = RemoveSegment(oldest); !status.ok()) return status;
  }
  if (epochs_.TruncateFromStart(log_start_offset_)) NoteEpochs();
  return absl::OkStatus();
}

absl::Status LogImpl::ApplyRetention(int64_t retention_ms, int64_t retention_bytes,
                                     int64_t limit_offset) {
  if (!fatal_error_.ok()) return fatal_error_;
  std::vector<SegmentFacts> facts;
  facts.reserve(segments_.size());
  const int64_t now_ms = clock_.WallMs();
  for (const auto& [base_offset, segment] : segments_) {
    // By the clock that does not jump.
    const auto age = std::chrono::duration_cast<milliseconds>(clock_.Now() - segment->last_write());
    facts.push_back({base_offset, segment->end_offset(), segment->size_bytes(),
                     segment->max_timestamp_ms(), now_ms - age.count()});
  }
  const size_t count = SegmentsToDelete(facts, {.now_ms = now_ms,
                                                .retention_ms = retention_ms,
                                                .retention_bytes = retention_bytes,
                                                .log_start_offset = log_start_offset_,
                                                .limit_offset = limit_offset});
  if (count == 0) return absl::OkStatus();
  if (count == facts.size()) {
    if (absl::Status status = Roll(); !status.ok()) return status;
  }
  return AdvanceLogStart(facts[count - 1].end_offset);
}

}  // namespace soliton::segment
