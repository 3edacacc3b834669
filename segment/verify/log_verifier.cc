#include "segment/verify/log_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "segment/batch_scanner.h"
#include "segment/checkpoint_file.h"
#include "segment/damage_mark.h"
#include "segment/failed_sync.h"
#include "segment/log_recovery.h"
#include "segment/recovery_point_file.h"
#include "segment/segment_recovery.h"
#include "segment/state/leader_epoch_cache.h"
#include "segment/verify/checkpoint_check.h"
#include "segment/verify/index_check.h"
#include "segment/verify/snapshot_check.h"

namespace soliton::segment {
namespace {

constexpr std::string_view kPartitionMetadataName = "partition.metadata";

bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsOutOfRange(status);
}

// A scanner's message without the file and the place, which a finding has by itself.
std::string WhatOf(const absl::Status& status) {
  const std::string message(status.message());
  const size_t at = message.find(" at byte ");
  const size_t colon = at == std::string::npos ? at : message.find(": ", at);
  return colon == std::string::npos ? message : message.substr(colon + 2);
}

class LogVerifier {
 public:
  LogVerifier(FileSystem& fs, std::string directory)
      : fs_(fs), directory_(std::move(directory)), snapshots_(fs, report_.findings) {
    report_.directory = directory_;
  }

  absl::StatusOr<LogReport> RunAll();
  absl::StatusOr<LogReport> RunOne(int64_t base_offset);

 private:
  std::string PathOf(std::string_view name) const { return JoinPath(directory_, name); }
  void Add(Finding::Kind kind, std::string path, int64_t position, int64_t offset,
           std::string what) {
    report_.findings.push_back({kind, std::move(path), position, offset, std::move(what)});
  }

  absl::Status ReadNames();
  absl::Status ReadPoint();
  // Whether the segment goes on where the log has come to; says so when it does not.
  void CheckPlace(int64_t base_offset, const std::string& path);
  absl::Status CheckSegment(int64_t base_offset, bool is_last);
  absl::Status CheckBatch(const BatchScanner& scanner, const std::string& path) const;
  void Take(const kafka::RecordBatchHeader& batch);
  // The log, or this segment, ends at `position` of `path` because of `why`.
  void EndsBadly(const std::string& path, int64_t position, int64_t file_bytes, bool is_last,
                 const absl::Status& why);
  void CheckEnd();
  void CheckEpochs();
  void CompareEpochs(const LeaderEpochCache& checkpoint, const std::string& path);
  void CheckTopicId();

  FileSystem& fs_;
  const std::string directory_;
  LogReport report_;
  SnapshotCheck snapshots_;
  std::vector<int64_t> base_offsets_;
  bool has_point_ = false;
  bool hole_ = false;     // the segment before was damaged
  bool ended_ = false;    // a torn tail: what comes later goes with it
  bool all_good_ = true;  // no batch was missing or refused
  std::vector<LeaderEpochCache::Entry> epochs_;
  std::optional<CheckpointCheck> checkpoint_;
};

absl::StatusOr<LogReport> LogVerifier::RunAll() {
  if (absl::Status status = ReadNames(); !status.ok()) return status;
  if (absl::Status status = ReadPoint(); !status.ok()) return status;
  for (size_t i = 0; i < base_offsets_.size(); ++i) {
    const bool is_last = i + 1 == base_offsets_.size();
    // Segments wholly below the log start are on their way out.
    if (!is_last && base_offsets_[i + 1] <= report_.log_start_offset) {
      Add(Finding::Kind::kNote, PathOf(SegmentFileName(base_offsets_[i], kLogSuffix)), -1, -1,
          "lies below the log start; the next start removes it");
      continue;
    }
    if (absl::Status status = CheckSegment(base_offsets_[i], is_last); !status.ok()) return status;
  }
  CheckEnd();
  snapshots_.Finish(report_.log_end_offset, report_.durable_end_offset);
  CheckEpochs();
  CheckTopicId();
  return std::move(report_);
}

absl::StatusOr<LogReport> LogVerifier::RunOne(int64_t base_offset) {
  if (absl::Status status = ReadNames(); !status.ok()) return status;
  if (absl::Status status = ReadPoint(); !status.ok()) return status;
  const bool is_last = !base_offsets_.empty() && base_offset == base_offsets_.back();
  report_.log_start_offset = report_.log_end_offset = base_offset;
  if (absl::Status status = CheckSegment(base_offset, is_last); !status.ok()) return status;
  return std::move(report_);
}

absl::Status LogVerifier::ReadNames() {
  const auto entries = fs_.List(directory_);
  if (!entries.ok()) return entries.status();
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory) continue;
    if (const auto base_offset = ParseSegmentFileName(entry.name, kLogSuffix)) {
      base_offsets_.push_back(*base_offset);
    } else if (const auto offset = ParseSegmentFileName(entry.name, kSnapshotSuffix)) {
      snapshots_.Expect(*offset, PathOf(entry.name));
    } else if (entry.name == kSyncFailedName) {
      Add(Finding::Kind::kNote, PathOf(entry.name), -1, -1,
          "a sync failed: bytes that read well now may be missing on the disk; the next start "
          "copies the files that this concerns");
    } else if (entry.name == kDamagedName) {
      const auto text = ReadFile(fs_, PathOf(entry.name));
      Add(Finding::Kind::kNote, PathOf(entry.name), -1, -1,
          fmt::format("brokers do not use this folder since they met damage: {}",
                      text.ok() ? *text : std::string(text.status().message())));
    } else if (entry.name.ends_with(".tmp") || entry.name.ends_with(".deleted")) {
      Add(Finding::Kind::kNote, PathOf(entry.name), -1, -1,
          "is left over from interrupted work; the next start removes it");
    }
  }
  return absl::OkStatus();
}

absl::Status LogVerifier::ReadPoint() {
  const auto file = RecoveryPointFile::Open(fs_, directory_);
  if (!file.ok()) return file.status();
  has_point_ = file->last().has_value();
  if (has_point_) {
    report_.log_start_offset = file->last()->log_start_offset;
    report_.durable_end_offset = file->last()->durable_end_offset;
  } else if (!base_offsets_.empty()) {
    report_.log_start_offset = base_offsets_.front();
  }
  report_.log_end_offset = report_.log_start_offset;
  checkpoint_.emplace(fs_, directory_, report_.durable_end_offset, report_.findings);
  return absl::OkStatus();
}

void LogVerifier::CheckPlace(int64_t base_offset, const std::string& path) {
  if (report_.segments == 0) {
    if (base_offset > report_.log_start_offset) {
      all_good_ = false;
      Add(Finding::Kind::kDamaged, path, -1, base_offset,
          fmt::format("is the first segment, but the log starts at offset {}",
                      report_.log_start_offset));
    }
  } else if (std::exchange(hole_, false) && base_offset > report_.log_end_offset) {
    // Known already.
  } else if (base_offset != report_.log_end_offset) {
    all_good_ = false;
    const bool promised = !has_point_ || report_.log_end_offset < report_.durable_end_offset;
    Add(promised ? Finding::Kind::kDamaged : Finding::Kind::kTornTail, path, -1, base_offset,
        fmt::format("does not follow on offset {}", report_.log_end_offset));
    ended_ = !promised;
  }
  report_.log_end_offset = base_offset;
}

absl::Status LogVerifier::CheckSegment(int64_t base_offset, bool is_last) {
  const std::string path = PathOf(SegmentFileName(base_offset, kLogSuffix));
  if (ended_) {
    Add(Finding::Kind::kTornTail, path, -1, base_offset,
        "comes behind the end of the log; the next start removes it");
    return absl::OkStatus();
  }
  const auto file = fs_.Open(path, OpenMode::kReadOnly);
  if (!file.ok()) return file.status();
  CheckPlace(base_offset, path);
  if (ended_) return absl::OkStatus();
  ++report_.segments;
  const int64_t file_bytes = (*file)->size_bytes();
  IndexCheck indexes(fs_, path, base_offset, file_bytes, is_last, report_.findings);
  BatchScanner scanner(**file, 0, file_bytes, BatchScanner::Depth::kChecksums,
                       BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (more.ok() && !*more) break;
    const absl::Status status = more.ok() ? CheckBatch(scanner, path) : more.status();
    if (!status.ok()) {
      if (!IsDamage(status)) return status;
      EndsBadly(path, scanner.position(), file_bytes, is_last, status);
      indexes.Finish(/*whole=*/false);
      return absl::OkStatus();
    }
    snapshots_.Add(scanner.header());
    indexes.Add(scanner.header(), scanner.position());
    checkpoint_->Add(base_offset, scanner.header(), scanner.position());
    Take(scanner.header());
  }
  indexes.Finish(/*whole=*/true);
  checkpoint_->FinishSegment(base_offset);
  return absl::OkStatus();
}

// Base offset and leader epoch are outside the CRC.
absl::Status LogVerifier::CheckBatch(const BatchScanner& scanner, const std::string& path) const {
  const kafka::RecordBatchHeader batch = scanner.header();
  const int32_t least_epoch = epochs_.empty() ? -1 : epochs_.back().leader_epoch;
  if (batch.base_offset() != report_.log_end_offset || batch.leader_epoch() < least_epoch) {
    return absl::DataLossError(
        fmt::format("{} at byte {}: batch at offset {} of epoch {} does not follow on offset {} of "
                    "epoch {}",
                    path, scanner.position(), batch.base_offset(), batch.leader_epoch(),
                    report_.log_end_offset, least_epoch));
  }
  return absl::OkStatus();
}

void LogVerifier::Take(const kafka::RecordBatchHeader& batch) {
  if (epochs_.empty() || batch.leader_epoch() > epochs_.back().leader_epoch) {
    epochs_.push_back({batch.leader_epoch(), batch.base_offset()});
  }
  ++report_.batches;
  report_.records += batch.records_count();
  report_.bytes += batch.size_bytes();
  report_.log_end_offset = batch.next_offset();
}

void LogVerifier::EndsBadly(const std::string& path, int64_t position, int64_t file_bytes,
                            bool is_last, const absl::Status& why) {
  all_good_ = false;
  // Without a mark only a batch that the file cuts off is known to be a write that was interrupted.
  const bool torn = has_point_ ? report_.log_end_offset >= report_.durable_end_offset
                               : is_last && absl::IsOutOfRange(why);
  if (torn) {
    ended_ = true;
    Add(Finding::Kind::kTornTail, path, position, report_.log_end_offset,
        fmt::format("{}; the next start cuts {} bytes", WhatOf(why), file_bytes - position));
    return;
  }
  hole_ = true;
  snapshots_.OnHole();
  Add(Finding::Kind::kDamaged, path, position, report_.log_end_offset, WhatOf(why));
}

void LogVerifier::CheckEnd() {
  if (report_.log_end_offset >= report_.durable_end_offset ||
      report_.durable_end_offset <= report_.log_start_offset) {
    return;
  }
  Add(Finding::Kind::kDamaged, directory_, -1, report_.log_end_offset,
      fmt::format("the log ends here; records up to offset {} were durable",
                  report_.durable_end_offset));
}

void LogVerifier::CheckEpochs() {
  const std::string path = PathOf(kEpochCheckpointName);
  if (!fs_.Exists(path)) {
    if (report_.batches > 0) {
      Add(Finding::Kind::kNote, path, -1, -1, "is missing; the next start makes it anew");
    }
    return;
  }
  const auto text = ReadFile(fs_, path);
  const auto checkpoint =
      text.ok() ? LeaderEpochCache::Decode(*text) : absl::StatusOr<LeaderEpochCache>(text.status());
  if (!checkpoint.ok()) {
    return Add(Finding::Kind::kDamaged, path, -1, -1, std::string(checkpoint.status().message()));
  }
  if (all_good_) CompareEpochs(*checkpoint, path);
}

void LogVerifier::CompareEpochs(const LeaderEpochCache& checkpoint, const std::string& path) {
  // It is written with every flush, so it may lack what is not durable, or know what was truncated.
  const auto differs = [&](int64_t offset, std::string what) {
    const bool promised = has_point_ && offset < report_.durable_end_offset;
    Add(promised ? Finding::Kind::kDamaged : Finding::Kind::kNote, path, -1, offset,
        std::move(what));
  };
  for (const LeaderEpochCache::Entry& run : epochs_) {
    const int64_t offset = std::max(run.start_offset, report_.log_start_offset);
    if (checkpoint.EpochOf(offset) == run.leader_epoch) continue;
    differs(offset, fmt::format("has epoch {} there, the batch has epoch {}",
                                checkpoint.EpochOf(offset), run.leader_epoch));
  }
  for (const LeaderEpochCache::Entry& entry : checkpoint.entries()) {
    if (entry.start_offset <= report_.log_start_offset) continue;
    if (entry.start_offset > report_.log_end_offset) {
      differs(entry.start_offset, fmt::format("epoch {} begins beyond the log's end, {}",
                                              entry.leader_epoch, report_.log_end_offset));
    } else if (entry.start_offset < report_.log_end_offset &&
               std::find(epochs_.begin(), epochs_.end(), entry) == epochs_.end()) {
      differs(entry.start_offset,
              fmt::format("epoch {} begins there, but no batch does", entry.leader_epoch));
    }
  }
}

void LogVerifier::CheckTopicId() {
  const std::string path = PathOf(kPartitionMetadataName);
  if (!fs_.Exists(path)) return;  // the controller's log has none
  const auto text = ReadFile(fs_, path);
  const auto topic_id =
      text.ok() ? ParsePartitionMetadata(*text) : absl::StatusOr<Uuid>(text.status());
  if (topic_id.ok()) return;
  Add(Finding::Kind::kDamaged, path, -1, -1, std::string(topic_id.status().message()));
}

}  // namespace

absl::StatusOr<LogReport> VerifyLog(FileSystem& fs, const std::string& directory) {
  return LogVerifier(fs, directory).RunAll();
}

absl::StatusOr<LogReport> VerifySegmentFile(FileSystem& fs, const std::string& path) {
  const size_t slash = path.rfind('/');
  const auto base_offset =
      ParseSegmentFileName(slash == std::string::npos ? path : path.substr(slash + 1), kLogSuffix);
  if (!base_offset) {
    return absl::InvalidArgumentError(
        fmt::format("{} is not named like a segment: 00000000000000000000.log", path));
  }
  return LogVerifier(fs, DirectoryOf(path)).RunOne(*base_offset);
}

}  // namespace soliton::segment
