#include "segment/find_loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "segment/batch_scanner.h"
#include "segment/damage_mark.h"
#include "segment/recovery_point_file.h"
#include "segment/segment.h"

namespace soliton::segment {
namespace {

std::string PathOfSegment(const std::string& directory, int64_t base_offset) {
  return JoinPath(directory, SegmentFileName(base_offset, kLogSuffix));
}

// Follows the batches from the first segment on, to where they are not right any more.
class LossFinder {
 public:
  LossFinder(FileSystem& fs, const std::string& directory) : fs_(fs), directory_(directory) {}

  absl::StatusOr<std::optional<Loss>> Run();

 private:
  absl::Status ReadNames();
  absl::Status ReadPoint();
  // Where the log begins; a hole at its start is a loss by itself.
  void TakeStart();
  absl::Status Scan(int64_t base_offset);
  absl::Status CheckBatch(const BatchScanner& scanner) const;
  void EndsAt(std::string path, int64_t position, std::string why);
  // The log ends, although a segment that begins among durable records comes after. Also when it
  // ends right there: then the segment before goes on with something else.
  bool EndsBeforeDurableSegment() const;
  absl::StatusOr<std::optional<Loss>> Verdict();

  FileSystem& fs_;
  const std::string& directory_;
  std::vector<int64_t> base_offsets_;  // ascending
  bool has_point_ = false;
  bool hole_at_start_ = false;
  bool ended_ = false;
  int32_t leader_epoch_ = -1;
  Loss loss_;
};

absl::StatusOr<std::optional<Loss>> LossFinder::Run() {
  if (absl::Status status = ReadNames(); !status.ok()) return status;
  if (absl::Status status = ReadPoint(); !status.ok()) return status;
  TakeStart();
  for (const int64_t base_offset : base_offsets_) {
    if (ended_) break;
    if (absl::Status status = Scan(base_offset); !status.ok()) return status;
  }
  return Verdict();
}

absl::Status LossFinder::ReadNames() {
  const auto entries = fs_.List(directory_);
  if (!entries.ok()) return entries.status();
  for (const DirectoryEntry& entry : *entries) {
    const auto base_offset = ParseSegmentFileName(entry.name, kLogSuffix);
    if (base_offset && !entry.is_directory) base_offsets_.push_back(*base_offset);
  }
  return absl::OkStatus();
}

absl::Status LossFinder::ReadPoint() {
  const auto file = RecoveryPointFile::Open(fs_, directory_);
  if (!file.ok()) return file.status();
  has_point_ = file->last().has_value();
  if (has_point_) {
    loss_.log_start_offset = file->last()->log_start_offset;
    loss_.durable_end_offset = file->last()->durable_end_offset;
  }
  return absl::OkStatus();
}

void LossFinder::TakeStart() {
  // Segments wholly below the log start are on their way out.
  while (base_offsets_.size() > 1 && base_offsets_[1] <= loss_.log_start_offset) {
    base_offsets_.erase(base_offsets_.begin());
  }
  if (base_offsets_.empty()) {
    loss_.log_end_offset = loss_.log_start_offset;
    return;
  }
  const int64_t first_offset = base_offsets_.front();
  if (has_point_ && first_offset > loss_.log_start_offset) {
    hole_at_start_ = true;
    loss_.path = PathOfSegment(directory_, first_offset);
    loss_.why = fmt::format("is the first segment, but the log starts at offset {}",
                            loss_.log_start_offset);
  }
  if (!has_point_ || hole_at_start_) loss_.log_start_offset = first_offset;
  loss_.log_end_offset = first_offset;
}

absl::Status LossFinder::Scan(int64_t base_offset) {
  const std::string path = PathOfSegment(directory_, base_offset);
  if (base_offset != loss_.log_end_offset) {
    EndsAt(path, -1, fmt::format("does not follow on offset {}", loss_.log_end_offset));
    return absl::OkStatus();
  }
  const auto file = fs_.Open(path, OpenMode::kReadOnly);
  if (!file.ok()) return file.status();
  loss_.base_offset = base_offset;
  loss_.size_bytes = 0;
  BatchScanner scanner(**file, 0, (*file)->size_bytes(), BatchScanner::Depth::kChecksums,
                       BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (more.ok() && !*more) return absl::OkStatus();
    const absl::Status status = more.ok() ? CheckBatch(scanner) : more.status();
    if (!status.ok()) {
      if (!absl::IsDataLoss(status) && !absl::IsOutOfRange(status)) return status;
      EndsAt(path, loss_.size_bytes, std::string(status.message()));
      return absl::OkStatus();
    }
    loss_.log_end_offset = scanner.header().last_offset() + 1;
    loss_.size_bytes = scanner.position() + scanner.size_bytes();
    leader_epoch_ = scanner.header().leader_epoch();
  }
}

absl::Status LossFinder::CheckBatch(const BatchScanner& scanner) const {
  const kafka::RecordBatchHeader batch = scanner.header();
  if (batch.base_offset() == loss_.log_end_offset && batch.leader_epoch() >= leader_epoch_) {
    return absl::OkStatus();
  }
  return absl::DataLossError(
      fmt::format("batch at offset {} of epoch {} does not follow on offset {} of epoch {}",
                  batch.base_offset(), batch.leader_epoch(), loss_.log_end_offset, leader_epoch_));
}

void LossFinder::EndsAt(std::string path, int64_t position, std::string why) {
  ended_ = true;
  if (hole_at_start_) return;  // that was first
  loss_.path = std::move(path);
  loss_.position = position;
  loss_.why = std::move(why);
}

bool LossFinder::EndsBeforeDurableSegment() const {
  const auto next = std::upper_bound(base_offsets_.begin(), base_offsets_.end(), loss_.base_offset);
  return ended_ && next != base_offsets_.end() && *next <= loss_.durable_end_offset;
}

absl::StatusOr<std::optional<Loss>> LossFinder::Verdict() {
  const bool promise_broken =
      (loss_.log_end_offset < loss_.durable_end_offset || EndsBeforeDurableSegment()) &&
      loss_.durable_end_offset > loss_.log_start_offset;
  if (promise_broken && loss_.why.empty()) {
    loss_.path = directory_;
    loss_.why = "ends too early";
  }
  const std::string mark_path = JoinPath(directory_, kDamagedName);
  const bool marked = fs_.Exists(mark_path);
  if (marked && loss_.why.empty()) {
    const auto text = ReadFile(fs_, mark_path);
    if (!text.ok()) return text.status();
    loss_.path = mark_path;
    loss_.why = *text + "; every batch is right now";
  }
  if (!promise_broken && !hole_at_start_ && !marked) return std::nullopt;
  if (loss_.log_end_offset < loss_.log_start_offset) {
    // What is right had been deleted: the log is empty at its start.
    loss_.log_end_offset = loss_.log_start_offset;
    loss_.base_offset = -1;
    loss_.size_bytes = 0;
  }
  return std::move(loss_);
}

}  // namespace

absl::StatusOr<std::optional<Loss>> FindLoss(FileSystem& fs, const std::string& directory) {
  return LossFinder(fs, directory).Run();
}

}  // namespace soliton::segment
