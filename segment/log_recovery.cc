#include "segment/log_recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/mutant.h"
#include "runtime/obs/logging.h"
#include "segment/batch_scanner.h"
#include "segment/checkpoint_file.h"
#include "segment/damage_mark.h"
#include "segment/failed_sync.h"
#include "segment/producer_recovery.h"
#include "segment/segment_checkpoint.h"
#include "segment/segment_recovery.h"

namespace soliton::segment {
namespace {

std::string PathIn(const OpenOptions& open, std::string_view name) {
  return JoinPath(open.directory, name);
}

// Checks partition.metadata, or writes it: before there is any data. In a new folder its name is
// durable with that of the first segment.
absl::StatusOr<Uuid> RecoverTopicId(FileSystem& fs, const OpenOptions& open, bool folder_is_new) {
  const std::string path = PathIn(open, "partition.metadata");
  if (!fs.Exists(path)) {
    if (open.topic_id.is_zero()) return open.topic_id;
    const std::string content = EncodePartitionMetadata(open.topic_id);
    absl::Status status =
        folder_is_new ? ReplaceFile(fs, path, content) : WriteFileAtomically(fs, path, content);
    if (!status.ok()) return status;
    return open.topic_id;
  }
  const auto text = ReadFile(fs, path);
  if (!text.ok()) return text.status();
  const auto topic_id = ParsePartitionMetadata(*text);
  if (!topic_id.ok()) {
    return absl::DataLossError(
        fmt::format("{}: {}", path, std::string(topic_id.status().message())));
  }
  if (!open.topic_id.is_zero() && *topic_id != open.topic_id &&
      !SOLITON_MUTANT("folder_of_another_topic_is_taken")) {
    return absl::FailedPreconditionError(fmt::format("{} belongs to topic id {}, expected {}",
                                                     open.directory, topic_id->ToString(),
                                                     open.topic_id.ToString()));
  }
  return *topic_id;
}

// Leftovers of interrupted work, and index files whose segment is gone. Collects the snapshots.
absl::StatusOr<std::set<int64_t>> CleanUp(FileSystem& fs, const OpenOptions& open,
                                          const SegmentMap& segments) {
  const auto entries = fs.List(open.directory);
  if (!entries.ok()) return entries.status();
  std::set<int64_t> snapshots;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory) continue;
    const std::string_view name = entry.name;
    auto indexed = ParseSegmentFileName(name, kOffsetIndexSuffix);
    if (!indexed) indexed = ParseSegmentFileName(name, kTimeIndexSuffix);
    const bool is_leftover = name.ends_with(".tmp") || name.ends_with(kDeletedSuffix) ||
                             (indexed && !segments.contains(*indexed));
    if (is_leftover) {
      if (absl::Status status = fs.Remove(PathIn(open, name)); !status.ok()) return status;
    } else if (const auto offset = ParseSegmentFileName(name, kSnapshotSuffix)) {
      snapshots.insert(*offset);
    }
  }
  return snapshots;
}

// A snapshot above what was durable may belong to records that were truncated.
absl::Status RemoveSnapshotsAbove(FileSystem& fs, const OpenOptions& open, int64_t offset,
                                  std::set<int64_t>& snapshots) {
  for (auto it = snapshots.upper_bound(offset); it != snapshots.end();) {
    const std::string path = PathIn(open, SegmentFileName(*it, kSnapshotSuffix));
    if (absl::Status status = fs.Remove(path); !status.ok()) return status;
    it = snapshots.erase(it);
  }
  return absl::OkStatus();
}

absl::Status AddEpochsOf(const Segment& segment, LeaderEpochCache& epochs) {
  BatchScanner scanner(*segment.file(), 0, segment.size_bytes(), BatchScanner::Depth::kHeaders,
                       BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    const kafka::RecordBatchHeader batch = scanner.header();
    if (batch.leader_epoch() > epochs.LatestEpoch()) {
      epochs.Assign(batch.leader_epoch(), batch.base_offset());
    }
  }
}

// What the epoch checkpoint on the disk is good for.
enum class EpochFile : uint8_t { kRight, kOutdated, kUnusable };

absl::StatusOr<LeaderEpochCache> RecoverEpochs(FileSystem& fs, const OpenOptions& open,
                                               const SurvivingSegments& log, EpochFile* found) {
  LeaderEpochCache epochs;
  absl::Status usable = absl::NotFoundError("no epoch checkpoint");
  const std::string path = PathIn(open, kEpochCheckpointName);
  std::string content;
  if (fs.Exists(path)) {
    auto text = ReadFile(fs, path);
    if (!text.ok()) return text.status();
    content = *std::move(text);
    auto decoded = LeaderEpochCache::Decode(content);
    usable = decoded.status();
    if (decoded.ok()) epochs = *std::move(decoded);
  }
  if (usable.ok()) {
    // The file may be older or (after a truncation) newer than the batches read: they decide.
    epochs.TruncateFromEnd(log.scanned_from_offset);
    for (const LeaderEpochCache::Entry& entry : log.scanned_epochs) {
      if (entry.leader_epoch > epochs.LatestEpoch()) {
        epochs.Assign(entry.leader_epoch, entry.start_offset);
      }
    }
  } else {
    if (log.log_end_offset > log.segments.begin()->first) {
      LogWarn("{}: {}; leader epochs are read from the batches", path,
              std::string(usable.message()));
    }
    for (const auto& [base_offset, segment] : log.segments) {
      if (absl::Status status = AddEpochsOf(*segment, epochs); !status.ok()) return status;
    }
  }
  epochs.TruncateFromEnd(log.log_end_offset);
  epochs.TruncateFromStart(log.log_start_offset);
  *found = !usable.ok()                 ? EpochFile::kUnusable
           : epochs.Encode() == content ? EpochFile::kRight
                                        : EpochFile::kOutdated;
  return epochs;
}

// Their names are synced by the caller.
absl::Status WriteDerivedFiles(FileSystem& fs, const OpenOptions& open, EpochFile epoch_file,
                               RecoveredLog& log) {
  const Segment& active = *log.segments.rbegin()->second;
  for (const auto& [base_offset, segment] : log.segments) {
    if (segment.get() == &active || segment->index_files_written()) continue;
    for (const FlushTicket::SideFile& side_file : segment->IndexFiles()) {
      absl::Status status = ReplaceFile(fs, side_file.path, side_file.content);
      if (!status.ok()) return status;
    }
    segment->IndexFilesWritten();
  }
  if (epoch_file == EpochFile::kRight) return absl::OkStatus();
  return ReplaceFile(fs, PathIn(open, kEpochCheckpointName), log.epochs.Encode());
}

// All of it was durable before the mark said so. The mark itself may have been on its way to the
// disk: it says nothing more than the files do, and goes there with the next flush. A broker comes
// back with thousands of such logs.
bool IsProven(const RecoveredLog& log, const RecoveryPoint& now) {
  if (log.recovery_point.last() != now) return false;
  // Were the mark lost, so would be the deletion of records that are still in a file.
  if (log.log_start_offset != log.segments.begin()->first) return false;
  return std::all_of(log.segments.begin(), std::prev(log.segments.end()),
                     [](const auto& entry) { return entry.second->index_files_written(); });
}

// Everything that survived an unclean stop, then the recovery point that says so.
absl::Status MakeDurable(FileSystem& fs, const OpenOptions& open,
                         const SurvivingSegments& surviving, EpochFile epoch_file,
                         RecoveredLog& log) {
  // One that was not good for this recovery might look good to a later one.
  if (!surviving.checkpoint_used) {
    absl::Status status = fs.Remove(PathIn(open, kSegmentCheckpointName));
    if (!status.ok()) return status;
  }
  const Segment& active = *log.segments.rbegin()->second;
  const bool is_new = !log.recovery_point.last() && log.segments.size() == 1 && active.empty() &&
                      active.base_offset() == 0 && !fs.Exists(PathIn(open, kEpochCheckpointName));
  if (is_new) return fs.SyncDirectory(open.directory);
  const RecoveryPoint now{.durable_end_offset = log.log_end_offset,
                          .log_start_offset = log.log_start_offset,
                          .active_base_offset = active.base_offset(),
                          .active_size_bytes = active.size_bytes()};
  // Nothing was ever promised of it, and the mark says so already: thousands of empty logs come
  // back in a moment. Epochs in which nothing was written are forgotten at every opening.
  if (log.log_end_offset == 0 && log.recovery_point.last() == now) {
    return fs.SyncDirectory(open.directory);
  }
  if (absl::Status status = active.RemoveIndexFiles(); !status.ok()) return status;
  if (!surviving.changed && epoch_file != EpochFile::kUnusable && IsProven(log, now)) {
    log.derived_files_missing = epoch_file == EpochFile::kOutdated;
    const absl::Status again = log.recovery_point.Append(now);
    return absl::IsResourceExhausted(again) ? absl::OkStatus() : again;
  }
  const int64_t durable_end_offset =
      log.recovery_point.last().value_or(RecoveryPoint{}).durable_end_offset;
  for (const auto& [base_offset, segment] : log.segments) {
    if (segment->end_offset() > durable_end_offset || segment.get() == &active) {
      absl::Status status = SyncOrMark(fs, open.directory, *segment->file());
      if (!status.ok()) return status;
    }
  }
  absl::Status status = WriteDerivedFiles(fs, open, epoch_file, log);
  log.derived_files_missing = absl::IsResourceExhausted(status);
  if (!status.ok() && !log.derived_files_missing) return status;
  if (status = fs.SyncDirectory(open.directory); !status.ok()) return status;
  if (log.derived_files_missing) {
    // Records can be read, and deleted to make room. The old point stays true.
    LogWarn("{}: the disk is full, what follows from the batches is written later: {}",
            open.directory, std::string(status.message()));
    return absl::OkStatus();
  }
  return log.recovery_point.AppendDurably(now);
}

absl::Status OpenFolder(FileSystem& fs, const OpenOptions& open, bool* is_new) {
  *is_new = !fs.Exists(open.directory);
  if (*is_new) {
    if (absl::Status status = fs.CreateDirectories(open.directory); !status.ok()) return status;
  } else if (open.parent_synced) {
    return absl::OkStatus();
  }
  return fs.SyncDirectory(DirectoryOf(open.directory));
}

}  // namespace

absl::StatusOr<RecoveredLog> RecoverLog(FileSystem& fs, const Clock& clock,
                                        const LogOptions& options, const OpenOptions& open) {
  bool folder_is_new = false;
  if (absl::Status status = OpenFolder(fs, open, &folder_is_new); !status.ok()) return status;
  if (absl::Status status = CheckNotDamaged(fs, open.directory); !status.ok()) return status;
  const auto topic_id = RecoverTopicId(fs, open, folder_is_new);
  if (!topic_id.ok()) return topic_id.status();
  auto point_file = RecoveryPointFile::Open(fs, open.directory);
  if (!point_file.ok()) return point_file.status();
  RecoveredLog log(*std::move(point_file));
  const std::optional<RecoveryPoint> point = log.recovery_point.last();

  auto surviving =
      RecoverSegments(fs, open.directory, options.index_interval_bytes, point, open.clean_shutdown);
  if (!surviving.ok()) return surviving.status();
  auto snapshots = CleanUp(fs, open, surviving->segments);
  if (!snapshots.ok()) return snapshots.status();
  if (!surviving->clean) {
    // What lies below the log start was committed: nothing there can have been truncated.
    const RecoveryPoint known = point.value_or(RecoveryPoint{});
    const int64_t sure_offset = std::max(known.durable_end_offset, known.log_start_offset);
    absl::Status status = RemoveSnapshotsAbove(
        fs, open, std::min(sure_offset, surviving->log_end_offset), *snapshots);
    if (!status.ok()) return status;
  }
  EpochFile epoch_file = EpochFile::kUnusable;
  auto epochs = RecoverEpochs(fs, open, *surviving, &epoch_file);
  if (!epochs.ok()) return epochs.status();
  auto producers =
      RecoverProducers(fs, open.directory, surviving->segments, *snapshots, clock.WallMs());
  if (!producers.ok()) return producers.status();

  log.topic_id = *topic_id;
  log.segments = std::move(surviving->segments);
  log.log_start_offset = surviving->log_start_offset;
  log.log_end_offset = surviving->log_end_offset;
  log.epochs = *std::move(epochs);
  log.producers = *std::move(producers);
  log.snapshots = *std::move(snapshots);
  log.clean = surviving->clean;
  if (!surviving->clean) {
    absl::Status status = MakeDurable(fs, open, *surviving, epoch_file, log);
    if (!status.ok()) {
      MarkFailedSync(fs, open.directory);
      return status;
    }
  }
  for (const auto& [base_offset, segment] : log.segments) segment->set_last_write(clock.Now());
  return log;
}

}  // namespace soliton::segment
