#include "segment/segment_recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"
#include "runtime/file/copy_file.h"
#include "runtime/obs/logging.h"
#include "segment/batch_scanner.h"
#include "segment/failed_sync.h"
#include "segment/segment_checkpoint.h"

namespace soliton::segment {
namespace {

// Bytes that are no batch, or only the beginning of one; as opposed to a disk that does not answer.
bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsOutOfRange(status);
}

class SegmentRecovery {
 public:
  SegmentRecovery(FileSystem& fs, const std::string& directory, int64_t index_interval_bytes,
                  const std::optional<RecoveryPoint>& point)
      : fs_(fs),
        directory_(directory),
        index_interval_bytes_(index_interval_bytes),
        had_point_(point.has_value()),
        point_(point.value_or(RecoveryPoint{})) {}

  absl::StatusOr<SurvivingSegments> Run(bool clean_shutdown);

 private:
  absl::Status OpenSegments();
  // After a failed sync: puts fresh copies in the place of files that may hold more in memory than
  // on the disk.
  absl::Status CopyUnsynced(const std::vector<int64_t>& base_offsets);
  absl::Status CopyFile(const std::string& path);
  absl::Status FindLogStart();
  absl::Status RemoveAll();
  absl::Status DropBelowLogStart();
  // All segments as a clean stop left them; false when that does not hold.
  absl::StatusOr<bool> TakeCleanly();
  // A segment that is durable as a whole: its headers must do.
  absl::Status TakeDurable(Segment& segment);
  // Durable segments as they are, the rest batch by batch.
  absl::Status TakeByScan();
  // Begins the scan of a segment: behind its checkpoint when that covers durable records only.
  void BeginScan(Segment& segment);
  // Sets *ended when the log ends in this segment.
  absl::Status ScanSegment(SegmentMap::iterator it, bool* ended);
  // Before damage is reported: it is not the checkpoint that is wrong.
  absl::Status ScanWithoutCheckpoint(SegmentMap::iterator it, bool* ended);
  // Adds the batch under the scanner, or says why it does not follow on.
  absl::Status AddBatch(const BatchScanner& scanner, Segment& segment);
  // The log ends at `offset`, within or at the end of `last`, because of `why`.
  absl::Status EndLogAt(int64_t offset, SegmentMap::iterator last, const absl::Status& why);
  absl::Status LostPromise(const absl::Status& why, int64_t offset) const;
  absl::Status StartAnew();

  FileSystem& fs_;
  const std::string& directory_;
  const int64_t index_interval_bytes_;
  const bool had_point_;
  const RecoveryPoint point_;
  SurvivingSegments log_;
};

absl::StatusOr<SurvivingSegments> SegmentRecovery::Run(bool clean_shutdown) {
  if (absl::Status status = OpenSegments(); !status.ok()) return status;
  if (absl::Status status = FindLogStart(); !status.ok()) return status;
  if (absl::Status status = DropBelowLogStart(); !status.ok()) return status;
  if (clean_shutdown) {
    const absl::StatusOr<bool> clean = TakeCleanly();
    if (!clean.ok()) return clean.status();
    if (*clean) return std::move(log_);
  }
  if (absl::Status status = TakeByScan(); !status.ok()) return status;
  if (log_.log_end_offset < log_.log_start_offset) {
    if (absl::Status status = StartAnew(); !status.ok()) return status;
  }
  return std::move(log_);
}

// ---- opening ----

absl::Status SegmentRecovery::OpenSegments() {
  const auto entries = fs_.List(directory_);
  if (!entries.ok()) return entries.status();
  std::vector<int64_t> base_offsets;  // in order: names are padded
  bool sync_failed = false;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory) continue;
    if (const auto base_offset = ParseSegmentFileName(entry.name, kLogSuffix)) {
      base_offsets.push_back(*base_offset);
    }
    sync_failed |= entry.name == kSyncFailedName;
  }
  if (sync_failed && !SOLITON_MUTANT("failed_sync_is_forgotten")) {
    SOMETIMES("files were copied after a failed sync");
    if (absl::Status status = CopyUnsynced(base_offsets); !status.ok()) return status;
  }
  for (const int64_t base_offset : base_offsets) {
    auto segment = Segment::Open(fs_, directory_, base_offset, index_interval_bytes_);
    if (!segment.ok()) return segment.status();
    log_.segments[base_offset] = *std::move(segment);
  }
  return absl::OkStatus();
}

absl::Status SegmentRecovery::CopyUnsynced(const std::vector<int64_t>& base_offsets) {
  for (size_t i = 0; i < base_offsets.size(); ++i) {
    const bool durable =
        i + 1 < base_offsets.size() && base_offsets[i + 1] <= point_.durable_end_offset;
    if (durable) continue;
    const std::string path = JoinPath(directory_, SegmentFileName(base_offsets[i], kLogSuffix));
    if (absl::Status status = CopyFile(path); !status.ok()) return status;
  }
  if (absl::Status status = fs_.SyncDirectory(directory_); !status.ok()) return status;
  if (absl::Status status = fs_.Remove(JoinPath(directory_, kSyncFailedName)); !status.ok()) {
    return status;
  }
  return fs_.SyncDirectory(directory_);
}

absl::Status SegmentRecovery::CopyFile(const std::string& path) {
  const std::string copy_path = path + ".tmp";
  if (absl::Status status = fs_.Remove(copy_path); !status.ok()) return status;
  auto from = fs_.Open(path, OpenMode::kReadOnly);
  if (!from.ok()) return from.status();
  auto to = fs_.Open(copy_path, OpenMode::kReadWriteOrCreate);
  if (!to.ok()) return to.status();
  if (absl::Status status = CopyDurably(**from, 0, **to); !status.ok()) return status;
  return fs_.Rename(copy_path, path);
}

absl::Status SegmentRecovery::FindLogStart() {
  log_.log_start_offset = point_.log_start_offset;
  if (log_.segments.empty()) return absl::OkStatus();
  const int64_t first_offset = log_.segments.begin()->first;
  if (!had_point_) log_.log_start_offset = first_offset;
  if (first_offset <= log_.log_start_offset) return absl::OkStatus();
  // The segment that held the log start is missing: lost, or on its way out when a full truncation
  // was interrupted. What follows it is no log.
  if (point_.durable_end_offset > log_.log_start_offset) {
    return LostPromise(
        absl::DataLossError(fmt::format("{} begins at offset {}", directory_, first_offset)),
        log_.log_start_offset);
  }
  return RemoveAll();
}

absl::Status SegmentRecovery::RemoveAll() {
  log_.changed = true;
  while (!log_.segments.empty()) {
    const auto newest = std::prev(log_.segments.end());
    if (absl::Status status = newest->second->RemoveFiles(); !status.ok()) return status;
    log_.segments.erase(newest);
  }
  return absl::OkStatus();
}

absl::Status SegmentRecovery::DropBelowLogStart() {
  // Also closes gaps that a crash in the middle of deleting old segments leaves.
  while (log_.segments.size() > 1 &&
         std::next(log_.segments.begin())->first <= log_.log_start_offset) {
    const auto oldest = log_.segments.begin();
    log_.changed = true;
    if (absl::Status status = oldest->second->RemoveFiles(); !status.ok()) return status;
    log_.segments.erase(oldest);
  }
  return absl::OkStatus();
}

// ---- taking segments ----

absl::Status SegmentRecovery::TakeDurable(Segment& segment) {
  if (segment.file()->size_bytes() == 0) return segment.Rebuild(0);
  absl::Status status = segment.LoadIndexFiles();
  if (status.ok()) {
    segment.IndexFilesWritten();
    return status;
  }
  if (absl::IsNotFound(status)) {
    if (segment.HasIndexFiles()) {
      LogWarn("{}; they are rebuilt", std::string(status.message()));
    } else {
      // So it is where the process ended between a roll and the flush behind it.
      LogInfo("{} has no index files; they are rebuilt", segment.file()->path());
    }
    status = segment.Rebuild(segment.file()->size_bytes());
  }
  return IsDamage(status) ? LostPromise(status, segment.end_offset()) : status;
}

absl::StatusOr<bool> SegmentRecovery::TakeCleanly() {
  if (!had_point_ || log_.segments.empty()) return false;
  const auto& [active_base_offset, active] = *log_.segments.rbegin();
  if (active_base_offset != point_.active_base_offset ||
      active->file()->size_bytes() != point_.active_size_bytes) {
    return false;
  }
  int64_t expected_offset = log_.segments.begin()->first;
  for (const auto& [base_offset, segment] : log_.segments) {
    if (base_offset != expected_offset) return false;
    const absl::Status status = TakeDurable(*segment);
    if (IsDamage(status)) return false;
    if (!status.ok()) return status;
    expected_offset = segment->end_offset();
  }
  log_.log_end_offset = expected_offset;
  log_.scanned_from_offset = expected_offset;
  log_.clean = expected_offset == point_.durable_end_offset;
  return log_.clean;
}

absl::Status SegmentRecovery::TakeByScan() {
  if (log_.segments.empty()) {
    auto segment = Segment::Create(fs_, directory_, log_.log_start_offset, index_interval_bytes_);
    if (!segment.ok()) return segment.status();
    log_.changed = true;
    log_.segments[log_.log_start_offset] = *std::move(segment);
  }
  int64_t expected_offset = log_.segments.begin()->first;
  log_.scanned_from_offset = expected_offset;
  bool scanning = false;
  for (auto it = log_.segments.begin(); it != log_.segments.end(); ++it) {
    if (it->first != expected_offset) {
      const absl::Status why = absl::DataLossError(fmt::format(
          "{} does not follow on offset {}", it->second->file()->path(), expected_offset));
      // What was not scanned is durable up to here, and may claim to reach further: base offsets
      // lie outside the checksums.
      if (!SOLITON_MUTANT("durable_segments_overlap") && !scanning &&
          point_.durable_end_offset > log_.log_start_offset) {
        return LostPromise(why, std::min(expected_offset, it->first));
      }
      return EndLogAt(expected_offset, std::prev(it), why);
    }
    const auto next = std::next(it);
    scanning |= next == log_.segments.end() || next->first > point_.durable_end_offset;
    bool ended = false;
    absl::Status status = scanning ? ScanSegment(it, &ended) : TakeDurable(*it->second);
    if (!status.ok() || ended) return status;
    expected_offset = it->second->end_offset();
    if (!scanning) log_.scanned_from_offset = expected_offset;
  }
  return EndLogAt(expected_offset, std::prev(log_.segments.end()),
                  absl::DataLossError(fmt::format("{} ends too early", directory_)));
}

void SegmentRecovery::BeginScan(Segment& segment) {
  segment.BeginScan();
  const auto bytes = ReadFile(fs_, JoinPath(directory_, kSegmentCheckpointName));
  if (!bytes.ok()) return;
  auto checkpoint = SegmentCheckpoint::Decode(*bytes);
  if (!checkpoint.ok() || checkpoint->end_offset > point_.durable_end_offset) return;
  if (!segment.ContinueFrom(*std::move(checkpoint))) return;
  log_.checkpoint_used = true;
  log_.scanned_from_offset = segment.end_offset();
}

absl::Status SegmentRecovery::ScanSegment(SegmentMap::iterator it, bool* ended) {
  Segment& segment = *it->second;
  BeginScan(segment);
  BatchScanner scanner(*segment.file(), segment.size_bytes(), segment.file()->size_bytes(),
                       BatchScanner::Depth::kChecksums, BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (more.ok() && !*more) return absl::OkStatus();
    const absl::Status status = more.ok() ? AddBatch(scanner, segment) : more.status();
    if (status.ok()) continue;
    if (!IsDamage(status)) return status;
    if (log_.checkpoint_used && segment.end_offset() < point_.durable_end_offset) {
      return ScanWithoutCheckpoint(it, ended);
    }
    *ended = true;
    return EndLogAt(segment.end_offset(), it, status);
  }
}

absl::Status SegmentRecovery::ScanWithoutCheckpoint(SegmentMap::iterator it, bool* ended) {
  absl::Status status = fs_.Remove(JoinPath(directory_, kSegmentCheckpointName));
  if (!status.ok()) return status;
  log_.checkpoint_used = false;
  log_.scanned_from_offset = it->first;
  log_.scanned_epochs.clear();
  return ScanSegment(it, ended);
}

absl::Status SegmentRecovery::AddBatch(const BatchScanner& scanner, Segment& segment) {
  const kafka::RecordBatchHeader batch = scanner.header();
  const int32_t least_epoch =
      log_.scanned_epochs.empty() ? -1 : log_.scanned_epochs.back().leader_epoch;
  if (batch.base_offset() != segment.end_offset() || batch.leader_epoch() < least_epoch) {
    return absl::DataLossError(fmt::format(
        "{} at byte {}: batch at offset {} of epoch {} does not follow on offset {} of epoch {}",
        segment.file()->path(), scanner.position(), batch.base_offset(), batch.leader_epoch(),
        segment.end_offset(), least_epoch));
  }
  if (batch.leader_epoch() > least_epoch) {
    log_.scanned_epochs.push_back({batch.leader_epoch(), batch.base_offset()});
  }
  segment.AddScanned(batch, scanner.position());
  return absl::OkStatus();
}

absl::Status SegmentRecovery::LostPromise(const absl::Status& why, int64_t offset) const {
  return absl::DataLossError(fmt::format("{} (log offset {}; records up to {} were durable)",
                                         std::string(why.message()), offset,
                                         point_.durable_end_offset));
}

absl::Status SegmentRecovery::EndLogAt(int64_t offset, SegmentMap::iterator last,
                                       const absl::Status& why) {
  // Records below the log start are gone anyway, so nothing promised lies before it.
  if (offset < point_.durable_end_offset && point_.durable_end_offset > log_.log_start_offset) {
    SOMETIMES("damage below the durable mark was reported");
    return LostPromise(why, offset);
  }
  SOMETIMES("a torn tail was cut");
  log_.log_end_offset = offset;
  int64_t cut_bytes = last->second->file()->size_bytes() - last->second->size_bytes();
  for (auto it = std::next(last); it != log_.segments.end(); ++it) {
    cut_bytes += it->second->file()->size_bytes();
  }
  if (cut_bytes > 0) {
    LogInfo("{}: cut {} bytes behind offset {}, none of them known to be durable: {}", directory_,
            cut_bytes, offset, std::string(why.message()));
  }
  log_.changed |= cut_bytes > 0 || std::next(last) != log_.segments.end();
  if (absl::Status status = last->second->CutToScanned(); !status.ok()) return status;
  // Newest first, so that a crash here leaves one piece.
  while (std::prev(log_.segments.end()) != last) {
    const auto newest = std::prev(log_.segments.end());
    if (absl::Status status = newest->second->RemoveFiles(); !status.ok()) return status;
    log_.segments.erase(newest);
  }
  return absl::OkStatus();
}

absl::Status SegmentRecovery::StartAnew() {
  // A full truncation, or the log start, had passed what is here.
  if (absl::Status status = RemoveAll(); !status.ok()) return status;
  log_.scanned_epochs.clear();
  return TakeByScan();  // of an empty folder: creates the first segment
}

}  // namespace

absl::StatusOr<SurvivingSegments> RecoverSegments(FileSystem& fs, const std::string& directory,
                                                  int64_t index_interval_bytes,
                                                  const std::optional<RecoveryPoint>& point,
                                                  bool clean_shutdown) {
  return SegmentRecovery(fs, directory, index_interval_bytes, point).Run(clean_shutdown);
}

}  // namespace soliton::segment
