// Flushing side of LogImpl: tickets, what they prove, and the clean stop.
#include <fmt/format.h>

#include <algorithm>

#include "segment/log_impl.h"

namespace soliton::segment {
namespace {

// After a power loss, damage to records above the durable mark is taken for a torn tail and cut. So
// the mark may not stay behind what was flushed, and reported as such, for longer than this.
constexpr Duration kMarkSyncInterval = milliseconds(1000);

}  // namespace

RecoveryPoint LogImpl::CurrentPoint() const {
  return {.durable_end_offset = flushed_offset_,
          .log_start_offset = log_start_offset_,
          .active_base_offset = active_->base_offset(),
          .active_size_bytes = active_->size_bytes()};
}

bool LogImpl::MarkIsStale() const {
  return recovery_point_.has_unsynced() && clock_.Now() - point_synced_at_ >= kMarkSyncInterval;
}

bool LogImpl::WantsFlush() const {
  return fatal_error_.ok() && !ledger_.ticket_out() && (ledger_.HasWork() || MarkIsStale());
}

std::optional<FlushTicket> LogImpl::TakeFlush() {
  if (!WantsFlush()) return std::nullopt;
  const bool mark_is_stale = MarkIsStale();
  point_in_ticket_ = nullptr;
  if (recovery_point_.file() && (sync_point_ || mark_is_stale || recovery_point_.wants_sync())) {
    point_in_ticket_ = recovery_point_.file();
    point_in_ticket_bytes_ = point_in_ticket_->size_bytes();
    ledger_.AddFile(point_in_ticket_);
    if (!recovery_point_.is_named()) ledger_.AddDirectory();
    sync_point_ = false;
  }
  FlushTicket ticket = ledger_.Take(log_end_offset(), directory_);
  // Growing steps: all checkpoints of a segment together are not much more than its index.
  ticket.hints =
      TakeCheckpoint(std::max(options_.checkpoint_step_bytes, active_->size_bytes() / 8));
  return ticket;
}

std::vector<FlushTicket::SideFile> LogImpl::TakeCheckpoint(int64_t step_bytes) {
  const int64_t size_bytes = active_->size_bytes();
  if (size_bytes - checkpoint_position_ < step_bytes || !active_->indexes_loaded()) return {};
  checkpoint_position_ = size_bytes;
  snapshots_.insert(log_end_offset());
  return {{SnapshotPath(log_end_offset()), producers_.Encode()},
          {JoinPath(directory_, kSegmentCheckpointName), active_->Checkpoint().Encode()}};
}

absl::Status LogImpl::ForgetCheckpoint() {
  checkpoint_position_ = 0;
  return fs_.Remove(JoinPath(directory_, kSegmentCheckpointName));
}

void LogImpl::FlushDone(const FlushTicket& ticket, const absl::Status& result) {
  const int64_t proven_offset = ledger_.Return(ticket);
  const bool disk_full = absl::IsResourceExhausted(result);
  if (!result.ok() && !disk_full) {
    (void)Fence(result);
    return;
  }
  // Where a truncation's own sync of the same file failed, a later one proves nothing.
  if (!fatal_error_.ok()) return;
  flushed_offset_ = std::max(flushed_offset_, std::min(proven_offset, log_end_offset()));
  if (point_in_ticket_) {
    recovery_point_.NoteSynced(std::exchange(point_in_ticket_, nullptr), point_in_ticket_bytes_);
    point_synced_at_ = clock_.Now();
  }
  if (ticket.truncation_count == ledger_.truncation_count()) {
    if (!disk_full) NoteIndexFilesWritten(ticket);
    // Only now: until the new snapshot is there the last one saves recovery work.
    if (!disk_full && !ticket.hints.empty() && !snapshots_.empty()) {
      const absl::Status dropped = FenceUnlessFull(DropOldSnapshots(*snapshots_.rbegin()));
      if (!dropped.ok() && !absl::IsResourceExhausted(dropped)) return;
    }
  } else if (absl::Status status = DropStaleSideFiles(ticket); !status.ok()) {
    (void)Fence(status);
    return;
  }
  // A mark says that the derived files of what it covers are there too: without them no new one.
  if (disk_full) return ledger_.Defer(ticket);
  if (HasSegmentsBelowLogStart() && !Fence(DropBelowLogStart()).ok()) return;
  // A roll or the first flush wants its point on disk, with the next ticket; the others may get
  // lost.
  if (recovery_point_.last() == CurrentPoint()) return;
  sync_point_ |= !ticket.side_files.empty() || !recovery_point_.is_named();
  (void)FenceUnlessFull(recovery_point_.Append(CurrentPoint()));
}

void LogImpl::NoteIndexFilesWritten(const FlushTicket& ticket) {
  for (const FlushTicket::SideFile& side_file : ticket.side_files) {
    const auto base_offset = ParseSegmentFileName(NameOf(side_file), kTimeIndexSuffix);
    if (!base_offset) continue;
    const auto it = segments_.find(*base_offset);
    if (it != segments_.end() && it->second.get() != active_) it->second->IndexFilesWritten();
  }
}

void LogImpl::NoteMissingIndexFiles() {
  for (const auto& [base_offset, segment] : segments_) {
    if (segment.get() != active_) NoteIndexFiles(*segment);
  }
}

void LogImpl::NoteIndexFiles(Segment& segment) {
  if (segment.index_files_written()) return;
  for (FlushTicket::SideFile& side_file : segment.IndexFiles()) {
    ledger_.AddSideFile(std::move(side_file));
  }
}

std::string_view LogImpl::NameOf(const FlushTicket::SideFile& side_file) const {
  return std::string_view(side_file.path).substr(directory_.size() + 1);
}

absl::Status LogImpl::DropStaleSideFiles(const FlushTicket& ticket) {
  // The ticket may have written these after the truncation removed them. All are derived: what goes
  // too much is rebuilt.
  for (const auto* files : {&ticket.side_files, &ticket.hints}) {
    for (const FlushTicket::SideFile& file : *files) {
      const std::string_view name = NameOf(file);
      if (const auto offset = ParseSegmentFileName(name, kSnapshotSuffix)) {
        snapshots_.erase(*offset);
      }
      if (name == kEpochCheckpointName) continue;
      if (absl::Status status = fs_.Remove(file.path); !status.ok()) return status;
    }
  }
  if (!ticket.hints.empty()) checkpoint_position_ = 0;
  NoteEpochs();
  NoteMissingIndexFiles();
  return fs_.SyncDirectory(directory_);
}

bool LogImpl::IsAsClosed() const {
  return opened_clean_ && !ledger_.was_used() && recovery_point_.last() == CurrentPoint();
}

absl::Status LogImpl::CloseCleanly() {
  if (!fatal_error_.ok()) return fatal_error_;
  if (ledger_.ticket_out()) {
    return absl::FailedPreconditionError(
        fmt::format("log {} cannot be closed while a flush is running", directory_));
  }
  if (IsAsClosed()) {
    fatal_error_ = absl::FailedPreconditionError(fmt::format("log {} is closed", directory_));
    return absl::OkStatus();
  }
  // What an empty log lacks the next start does not miss.
  if (!active_->empty()) NoteIndexFiles(*active_);
  if (log_end_offset() > 0) {
    ledger_.AddSideFile({SnapshotPath(log_end_offset()), producers_.Encode()});
  }
  // No hints here: the next start reads no batch to tell whether a power loss tore them.
  for (FlushTicket::SideFile& file : TakeCheckpoint(1)) ledger_.AddSideFile(std::move(file));
  NoteEpochs();
  ledger_.AddDirectory();
  const FlushTicket ticket = ledger_.Take(log_end_offset(), directory_);
  absl::Status status = ticket.Run(fs_);
  if (!status.ok()) return Fence(status);
  flushed_offset_ = ledger_.Return(ticket);
  if (status = recovery_point_.AppendDurably(CurrentPoint()); !status.ok()) return Fence(status);
  fatal_error_ = absl::FailedPreconditionError(fmt::format("log {} is closed", directory_));
  return absl::OkStatus();
}

}  // namespace soliton::segment
