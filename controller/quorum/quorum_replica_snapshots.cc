// Snapshots of QuorumReplica: taken when due, sent to who fell behind, installed from a leader, and
// what they cover removed from the log.
//
// A snapshot is durable before anything that it covers goes, from the log or from older snapshots.
// So a crash in between leaves more than is needed, never less: the newest one counts, and the log
// is brought in line with it when it is opened.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/log/metadata_log_reader.h"
#include "controller/quorum/quorum_batches.h"
#include "controller/quorum/quorum_replica.h"
#include "controller/quorum/quorum_wire.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {

absl::Status QuorumReplica::OpenSnapshot() {
  auto newest = NewestSnapshot(files_, options_.directory);
  if (!newest.ok()) return newest.status();
  const int64_t start = log_->log_start_offset();
  if (!*newest) {
    if (start == 0) return absl::OkStatus();
    return absl::DataLossError(
        fmt::format("{} begins at offset {}, and there is no snapshot of what was before",
                    log_->directory(), start));
  }
  loaded_ = **std::move(newest);
  const LogPosition end = loaded_->end;
  if (start > end.offset) {
    return absl::DataLossError(fmt::format("{} begins at offset {}, its newest snapshot ends at {}",
                                           log_->directory(), start, end.offset));
  }
  // Of an installed one the log may not know yet: it is shorter, or has other records there.
  LogPosition at{-1, start};
  if (log_->log_end_offset() >= end.offset) {
    absl::Status read =
        ForEachLoggedBatch(*log_, start, end.offset, [&at](const LoggedBatch& batch) {
          const auto entry = EntryOf(batch);
          if (entry.ok()) at = {entry->epoch, entry->end_offset};
          return entry.status();
        });
    if (!read.ok()) return read;
  }
  const bool agrees = at == end || (start == end.offset && at.offset == start);
  if (!agrees) {
    LogInfo("{}: begins anew behind the snapshot that ends at offset {}", log_->directory(),
            end.offset);
    absl::Status begun = log_->TruncateFullyAndStartAt(end.offset);
    if (!begun.ok()) return begun;
  }
  snapshot_end_ = end;
  told_end_ = end.offset;
  voters_ = loaded_->voters;
  return RemoveOldSnapshots(files_, options_.directory);
}

void QuorumReplica::TakeSnapshotIfDue() {
  if (failed_ || closed_ || on_snapshot_disk_ || options_.snapshot_interval_bytes == 0 ||
      bytes_since_snapshot_ < options_.snapshot_interval_bytes ||
      told_end_ != core_->committed_end()) {
    return;
  }
  bytes_since_snapshot_ = 0;
  const LogPosition end{core_->log().EpochBefore(told_end_), told_end_};
  struct Work {
    Buffer bytes;
    absl::Status result;
  };
  auto work = std::make_shared<Work>();
  work->bytes = EncodeSnapshot({.end = end, .voters = voters_, .records = listener_.State()});
  on_snapshot_disk_ = true;
  OnDisk(
      DiskLane::kSnapshots,
      [work, end, files = &files_, directory = options_.directory] {
        work->result = WriteSnapshot(*files, directory, end, work->bytes);
      },
      [this, work, end] { SnapshotTaken(end, work->result); });
}

void QuorumReplica::SnapshotTaken(const LogPosition& end, const absl::Status& result) {
  on_snapshot_disk_ = false;
  if (closing_) return FinishClose();
  if (failed_) return;
  if (!result.ok()) {
    // Nothing is lost: the log still has it all.
    return LogWarn("{}: no snapshot could be written: {}", log_->directory(),
                   std::string(result.message()));
  }
  // Who is a little behind finds what he lacks in the log.
  const int64_t covered = std::exchange(snapshot_end_, end).offset;
  LogInfo("{}: snapshot up to offset {}", log_->directory(), end.offset);
  if (absl::Status removed = RemoveOldSnapshots(files_, options_.directory); !removed.ok()) {
    return Fail(removed);
  }
  if (covered == 0 || covered <= core_->log().start().offset) return;
  if (absl::Status moved = log_->AdvanceLogStart(covered); !moved.ok()) return Fail(moved);
  core_->Compacted(covered);
}

void QuorumReplica::SendSnapshots(const std::vector<Voter>& peers) {
  // The core asks again.
  if (on_snapshot_disk_ || snapshot_end_.offset == 0) return;
  struct Work {
    absl::StatusOr<std::string> content;
  };
  auto work = std::make_shared<Work>();
  on_snapshot_disk_ = true;
  const LogPosition end = snapshot_end_;
  OnDisk(
      DiskLane::kSnapshots,
      [work, files = &files_, path = JoinPath(options_.directory, SnapshotName(end))] {
        work->content = ReadFile(*files, path);
      },
      [this, work, end, peers] {
        on_snapshot_disk_ = false;
        if (closing_) return FinishClose();
        if (failed_ || !core_->is_leader()) return;
        if (!work->content.ok()) return Fail(work->content.status());
        for (const Voter& peer : peers) {
          LogInfo(
              "{}: voter {} lacks what is no longer in the log: it is sent the snapshot up to "
              "offset {}",
              log_->directory(), peer.node_id, end.offset);
          pb::QuorumFrame frame = ToFrame({.from = options_.self,
                                           .to = peer,
                                           .epoch = core_->epoch(),
                                           .body = SnapshotRequest{.end = end}});
          frame.mutable_snapshot_request()->set_content(*work->content);
          peers_.Send(peer, frame);
        }
      });
}

void QuorumReplica::InstallSnapshot(const LogPosition& end) {
  if (on_snapshot_disk_) return;  // it is sent again
  auto snapshot = DecodeSnapshot(offered_snapshot_);
  if (!snapshot.ok() || snapshot->end != end) {
    return LogWarn("{}: a snapshot from the leader that is none: {}", log_->directory(),
                   std::string(snapshot.status().message()));
  }
  if (const auto voters = VotersOf(snapshot->voters); !voters.ok()) {
    return LogWarn("{}: a snapshot from the leader that names no voters", log_->directory());
  }
  installing_ = *std::move(snapshot);
  auto result = std::make_shared<absl::Status>();
  on_snapshot_disk_ = true;
  OnDisk(
      DiskLane::kSnapshots,
      [result, end, bytes = offered_snapshot_, files = &files_, directory = options_.directory] {
        *result = WriteSnapshot(*files, directory, end, bytes);
      },
      [this, result] { SnapshotWritten(*result); });
}

void QuorumReplica::SnapshotWritten(const absl::Status& result) {
  on_snapshot_disk_ = false;
  if (closing_) return FinishClose();
  const QuorumSnapshot snapshot = *std::exchange(installing_, std::nullopt);
  if (failed_) return;
  if (!result.ok()) return Fail(result);
  // It may have come by itself meanwhile, or a leader is at work here.
  if (snapshot.end.offset <= core_->committed_end() || core_->is_leader()) return;
  LogInfo("{}: begins anew behind the leader's snapshot up to offset {}", log_->directory(),
          snapshot.end.offset);
  recent_.clear();
  absl::Status begun = log_->TruncateFullyAndStartAt(snapshot.end.offset);
  if (begun.ok()) begun = RemoveOldSnapshots(files_, options_.directory);
  if (!begun.ok()) return Fail(begun);
  snapshot_end_ = snapshot.end;
  told_end_ = snapshot.end.offset;
  bytes_since_snapshot_ = 0;
  voters_ = snapshot.voters;
  listener_.OnSnapshot(snapshot);
  if (!failed_) Perform(core_->SnapshotInstalled(snapshot.end, *VotersOf(snapshot.voters)));
}

}  // namespace soliton::controller
