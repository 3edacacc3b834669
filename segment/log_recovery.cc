#include "segment/log_recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "segment/batch_scanner.h"
#include "segment/checkpoint_file.h"
#include "segment/producer_recovery.h"

namespace soliton::segment {
namespace {

// Bytes that are no batch, or only the beginning of one; as opposed to a disk that does not answer.
bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsOutOfRange(status);
}

class Recovery {
 public:
  Recovery(FileSystem& fs, const Clock& clock, const LogOptions& options, const OpenOptions& open,
           RecoveryPointFile point)
      : fs_(fs),
        now_ms_(clock.WallMs()),
        options_(options),
        open_(open),
        had_point_(point.last().has_value()),
        point_(point.last().value_or(RecoveryPoint{})),
        log_(std::move(point)) {}

  absl::StatusOr<RecoveredLog> Run();

 private:
  std::string PathOf(std::string_view name) const { return JoinPath(open_.directory, name); }

  absl::Status PrepareTopicId();
  absl::Status OpenSegments();
  absl::Status DropBelowLogStart();
  // All segments as a clean stop left them; false when that does not hold.
  absl::StatusOr<bool> TakeCleanly();
  absl::Status TakeByScan();
  // Without reading record bytes: a segment that is durable as a whole.
  absl::Status TakeDurable(Segment& segment);
  absl::Status LostPromise(const absl::Status& why, int64_t offset) const;
  // The log ends at `offset`, because of `why`; what is left of `segment` stays, later ones go.
  absl::Status EndLogAt(int64_t offset, SegmentMap::iterator segment, absl::Status why);
  absl::Status ScanSegment(SegmentMap::iterator it, bool* ended);
  absl::Status RemoveSegmentsAfter(SegmentMap::iterator it);
  absl::Status StartAnewIfBelowLogStart();
  absl::Status RecoverEpochs();
  absl::Status AddEpochsOf(const Segment& segment);
  absl::Status RemoveUntrustedSnapshots();
  absl::Status MakeDurable();

  FileSystem& fs_;
  const int64_t now_ms_;
  const LogOptions& options_;
  const OpenOptions& open_;
  const bool had_point_;
  const RecoveryPoint point_;
  RecoveredLog log_;
  // Everything below was taken as durable; batches from here on were read (and their epochs noted).
  int64_t scanned_from_offset_ = 0;
  std::vector<LeaderEpochCache::Entry> scanned_epochs_;
};

absl::StatusOr<RecoveredLog> Recovery::Run() {
  if (absl::Status status = PrepareTopicId(); !status.ok()) return status;
  if (absl::Status status = OpenSegments(); !status.ok()) return status;
  log_.log_start_offset = point_.log_start_offset;
  if (!log_.segments.empty()) {
    log_.log_start_offset = std::max(log_.log_start_offset, log_.segments.begin()->first);
  }
  if (absl::Status status = DropBelowLogStart(); !status.ok()) return status;

  const absl::StatusOr<bool> clean = TakeCleanly();
  if (!clean.ok()) return clean.status();
  if (!*clean) {
    if (absl::Status status = TakeByScan(); !status.ok()) return status;
    if (absl::Status status = StartAnewIfBelowLogStart(); !status.ok()) return status;
    if (absl::Status status = RemoveUntrustedSnapshots(); !status.ok()) return status;
  }
  if (absl::Status status = RecoverEpochs(); !status.ok()) return status;
  auto producers = RecoverProducers(fs_, open_.directory, log_.segments, log_.snapshots, now_ms_);
  if (!producers.ok()) return producers.status();
  log_.producers = *std::move(producers);
  if (!*clean) {
    if (absl::Status status = MakeDurable(); !status.ok()) return status;
  }
  for (const auto& [base_offset, segment] : log_.segments) segment->set_last_write_ms(now_ms_);
  return std::move(log_);
}

absl::Status Recovery::PrepareTopicId() {
  const std::string path = PathOf("partition.metadata");
  log_.topic_id = open_.topic_id;
  if (!fs_.Exists(path)) {
    if (open_.topic_id.is_zero()) return absl::OkStatus();
    return WriteFileAtomically(fs_, path, EncodePartitionMetadata(open_.topic_id));
  }
  const auto text = ReadFile(fs_, path);
  if (!text.ok()) return text.status();
  const auto topic_id = ParsePartitionMetadata(*text);
  if (!topic_id.ok()) {
    return absl::DataLossError(
        fmt::format("{}: {}", path, std::string(topic_id.status().message())));
  }
  if (!open_.topic_id.is_zero() && *topic_id != open_.topic_id) {
    return absl::FailedPreconditionError(fmt::format("{} belongs to topic id {}, expected {}",
                                                     open_.directory, topic_id->ToString(),
                                                     open_.topic_id.ToString()));
  }
  log_.topic_id = *topic_id;
  return absl::OkStatus();
}

absl::Status Recovery::OpenSegments() {
  const auto entries = fs_.List(open_.directory);
  if (!entries.ok()) return entries.status();
  std::vector<std::string> index_names;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory) continue;
    const std::string_view name = entry.name;
    if (const auto base_offset = ParseSegmentFileName(name, kLogSuffix)) {
      auto segment =
          Segment::Open(fs_, open_.directory, *base_offset, options_.index_interval_bytes);
      if (!segment.ok()) return segment.status();
      log_.segments[*base_offset] = *std::move(segment);
    } else if (const auto offset = ParseSegmentFileName(name, kSnapshotSuffix)) {
      log_.snapshots.insert(*offset);
    } else if (name.ends_with(".tmp") || name.ends_with(".deleted")) {
      if (absl::Status status = fs_.Remove(PathOf(name)); !status.ok()) return status;
    } else if (name.ends_with(kOffsetIndexSuffix) || name.ends_with(kTimeIndexSuffix)) {
      index_names.push_back(entry.name);
    }
  }
  for (const std::string& name : index_names) {
    const auto base_offset = ParseSegmentFileName(
        name, name.ends_with(kTimeIndexSuffix) ? kTimeIndexSuffix : kOffsetIndexSuffix);
    if (!base_offset || log_.segments.contains(*base_offset)) continue;
    if (absl::Status status = fs_.Remove(PathOf(name)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Recovery::DropBelowLogStart() {
  // Also closes gaps that a crash in the middle of deleting old segments leaves.
  while (log_.segments.size() > 1 &&
         std::next(log_.segments.begin())->first <= log_.log_start_offset) {
    const auto oldest = log_.segments.begin();
    if (absl::Status status = oldest->second->RemoveFiles(); !status.ok()) return status;
    log_.segments.erase(oldest);
  }
  return absl::OkStatus();
}

// ---- taking segments ----

absl::Status Recovery::TakeDurable(Segment& segment) {
  absl::Status status = segment.LoadIndexFiles();
  if (status.ok()) {
    segment.IndexFilesWritten();
    return status;
  }
  if (absl::IsNotFound(status)) status = segment.Rebuild(segment.file()->size_bytes());
  return IsDamage(status) ? LostPromise(status, segment.end_offset()) : status;
}

absl::Status Recovery::LostPromise(const absl::Status& why, int64_t offset) const {
  return absl::DataLossError(fmt::format("{} (log offset {}; records up to {} were durable)",
                                         std::string(why.message()), offset,
                                         point_.durable_end_offset));
}

absl::StatusOr<bool> Recovery::TakeCleanly() {
  if (!open_.clean_shutdown || !had_point_ || log_.segments.empty()) return false;
  const auto& [active_base, active] = *log_.segments.rbegin();
  if (active_base != point_.active_base_offset ||
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
  scanned_from_offset_ = expected_offset;
  return expected_offset == point_.durable_end_offset;
}

absl::Status Recovery::TakeByScan() {
  if (log_.segments.empty()) {
    auto segment =
        Segment::Create(fs_, open_.directory, log_.log_start_offset, options_.index_interval_bytes);
    if (!segment.ok()) return segment.status();
    log_.segments[log_.log_start_offset] = *std::move(segment);
  }
  int64_t expected_offset = log_.segments.begin()->first;
  scanned_from_offset_ = expected_offset;
  bool ended = false;
  bool scanning = false;
  for (auto it = log_.segments.begin(); it != log_.segments.end() && !ended; ++it) {
    const auto next = std::next(it);
    if (it->first != expected_offset) {
      const auto previous = std::prev(it);
      return EndLogAt(expected_offset, previous,
                      absl::DataLossError(
                          fmt::format("{} begins at offset {}, but the segment before ends at {}",
                                      it->second->file()->path(), it->first, expected_offset)));
    }
    if (!scanning && next != log_.segments.end() && next->first <= point_.durable_end_offset) {
      const absl::Status status = TakeDurable(*it->second);
      if (!status.ok()) return status;  // damage below the durable end included
      scanned_from_offset_ = it->second->end_offset();
    } else {
      scanning = true;
      if (absl::Status status = ScanSegment(it, &ended); !status.ok()) return status;
    }
    expected_offset = it->second->end_offset();
  }
  log_.log_end_offset = expected_offset;
  if (ended) return absl::OkStatus();
  if (expected_offset < point_.durable_end_offset &&
      point_.durable_end_offset > log_.log_start_offset) {
    return absl::DataLossError(
        fmt::format("{} ends at offset {}, but records up to {} were durable", open_.directory,
                    expected_offset, point_.durable_end_offset));
  }
  return absl::OkStatus();
}

absl::Status Recovery::ScanSegment(SegmentMap::iterator it, bool* ended) {
  Segment& segment = *it->second;
  const int64_t file_bytes = segment.file()->size_bytes();
  segment.BeginScan();
  BatchScanner scanner(*segment.file(), 0, file_bytes, BatchScanner::Depth::kChecksums,
                       BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    absl::Status damage;
    if (!more.ok()) {
      if (!IsDamage(more.status())) return more.status();
      damage = more.status();
    } else if (!*more) {
      return absl::OkStatus();
    } else {
      const kafka::RecordBatchHeader batch = scanner.header();
      const int32_t least_epoch =
          scanned_epochs_.empty() ? -1 : scanned_epochs_.back().leader_epoch;
      if (batch.base_offset() != segment.end_offset() || batch.leader_epoch() < least_epoch) {
        damage = absl::DataLossError(
            fmt::format("{} at byte {}: batch at offset {} of epoch {} does not follow on offset "
                        "{} of epoch {}",
                        segment.file()->path(), scanner.position(), batch.base_offset(),
                        batch.leader_epoch(), segment.end_offset(), least_epoch));
      } else {
        if (batch.leader_epoch() > least_epoch) {
          scanned_epochs_.push_back({batch.leader_epoch(), batch.base_offset()});
        }
        segment.AddScanned(batch, scanner.position());
        continue;
      }
    }
    *ended = true;
    return EndLogAt(segment.end_offset(), it, std::move(damage));
  }
}

absl::Status Recovery::EndLogAt(int64_t offset, SegmentMap::iterator segment, absl::Status why) {
  // Records below the log start are gone anyway, so nothing promised ends before it.
  if (offset < point_.durable_end_offset && point_.durable_end_offset > log_.log_start_offset) {
    return LostPromise(why, offset);
  }
  log_.log_end_offset = offset;
  if (absl::Status status = segment->second->CutToScanned(); !status.ok()) return status;
  return RemoveSegmentsAfter(segment);
}

absl::Status Recovery::RemoveSegmentsAfter(SegmentMap::iterator it) {
  // Newest first, so that a crash here leaves one piece.
  while (std::prev(log_.segments.end()) != it) {
    const auto newest = std::prev(log_.segments.end());
    if (absl::Status status = newest->second->RemoveFiles(); !status.ok()) return status;
    log_.segments.erase(newest);
  }
  return absl::OkStatus();
}

absl::Status Recovery::StartAnewIfBelowLogStart() {
  if (log_.log_end_offset >= log_.log_start_offset) return absl::OkStatus();
  while (!log_.segments.empty()) {
    if (absl::Status status = log_.segments.begin()->second->RemoveFiles(); !status.ok()) {
      return status;
    }
    log_.segments.erase(log_.segments.begin());
  }
  scanned_epochs_.clear();
  return TakeByScan();  // of an empty folder: creates the first segment
}

// ---- derived state ----

absl::Status Recovery::RemoveUntrustedSnapshots() {
  for (auto it =
           log_.snapshots.upper_bound(std::min(point_.durable_end_offset, log_.log_end_offset));
       it != log_.snapshots.end();) {
    const std::string path = PathOf(SegmentFileName(*it, kSnapshotSuffix));
    if (absl::Status status = fs_.Remove(path); !status.ok()) return status;
    it = log_.snapshots.erase(it);
  }
  return absl::OkStatus();
}

absl::Status Recovery::AddEpochsOf(const Segment& segment) {
  BatchScanner scanner(*segment.file(), 0, segment.size_bytes(), BatchScanner::Depth::kHeaders,
                       BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    if (scanner.header().leader_epoch() > log_.epochs.LatestEpoch()) {
      log_.epochs.Assign(scanner.header().leader_epoch(), scanner.header().base_offset());
    }
  }
}

absl::Status Recovery::RecoverEpochs() {
  const std::string path = PathOf(kEpochCheckpointName);
  bool usable = false;
  if (fs_.Exists(path)) {
    const auto text = ReadFile(fs_, path);
    if (!text.ok()) return text.status();
    auto decoded = LeaderEpochCache::Decode(*text);
    if (decoded.ok()) {
      usable = true;
      log_.epochs = *std::move(decoded);
    }
  }
  if (usable) {
    // The file may be older or (after a truncation) newer than the batches read: they decide.
    log_.epochs.TruncateFromEnd(scanned_from_offset_);
    for (const LeaderEpochCache::Entry& entry : scanned_epochs_) {
      if (entry.leader_epoch > log_.epochs.LatestEpoch()) {
        log_.epochs.Assign(entry.leader_epoch, entry.start_offset);
      }
    }
  } else {
    for (const auto& [base_offset, segment] : log_.segments) {
      if (absl::Status status = AddEpochsOf(*segment); !status.ok()) return status;
    }
  }
  log_.epochs.TruncateFromEnd(log_.log_end_offset);
  log_.epochs.TruncateFromStart(log_.log_start_offset);
  return absl::OkStatus();
}

absl::Status Recovery::MakeDurable() {
  const Segment& active = *log_.segments.rbegin()->second;
  const bool is_new = !had_point_ && log_.segments.size() == 1 && active.empty() &&
                      active.base_offset() == 0 && !fs_.Exists(PathOf(kEpochCheckpointName));
  if (is_new) return fs_.SyncDirectory(open_.directory);
  for (const auto& [base_offset, segment] : log_.segments) {
    if (segment->end_offset() > point_.durable_end_offset || segment.get() == &active) {
      if (absl::Status status = segment->file()->Sync(); !status.ok()) return status;
    }
    if (segment.get() == &active) {
      if (absl::Status status = segment->RemoveIndexFiles(); !status.ok()) return status;
      continue;
    }
    if (segment->index_files_written()) continue;
    for (const FlushTicket::SideFile& side_file : segment->IndexFiles()) {
      absl::Status status = WriteFileAtomically(fs_, side_file.path, side_file.content);
      if (!status.ok()) return status;
    }
    segment->IndexFilesWritten();
  }
  absl::Status status =
      WriteFileAtomically(fs_, PathOf(kEpochCheckpointName), log_.epochs.Encode());
  if (!status.ok()) return status;
  if (status = fs_.SyncDirectory(open_.directory); !status.ok()) return status;
  return log_.recovery_point.AppendDurably({.durable_end_offset = log_.log_end_offset,
                                            .log_start_offset = log_.log_start_offset,
                                            .active_base_offset = active.base_offset(),
                                            .active_size_bytes = active.size_bytes()});
}

}  // namespace

absl::StatusOr<RecoveredLog> RecoverLog(FileSystem& fs, const Clock& clock,
                                        const LogOptions& options, const OpenOptions& open) {
  if (!fs.Exists(open.directory)) {
    if (absl::Status status = fs.CreateDirectories(open.directory); !status.ok()) return status;
  }
  // A crash may have left the folder without its name being durable.
  if (absl::Status status = fs.SyncDirectory(DirectoryOf(open.directory)); !status.ok()) {
    return status;
  }
  auto point = RecoveryPointFile::Open(fs, open.directory);
  if (!point.ok()) return point.status();
  return Recovery(fs, clock, options, open, *std::move(point)).Run();
}

}  // namespace soliton::segment
