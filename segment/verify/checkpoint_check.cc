#include "segment/verify/checkpoint_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace soliton::segment {

CheckpointCheck::CheckpointCheck(const FileSystem& fs, const std::string& directory,
                                 int64_t durable_end_offset, std::vector<Finding>& findings)
    : path_(JoinPath(directory, kSegmentCheckpointName)), findings_(findings) {
  if (!fs.Exists(path_)) return;
  const auto bytes = ReadFile(fs, path_);
  auto checkpoint = bytes.ok() ? SegmentCheckpoint::Decode(*bytes)
                               : absl::StatusOr<SegmentCheckpoint>(bytes.status());
  if (!checkpoint.ok()) {
    findings_.push_back(
        {Finding::Kind::kDamaged, path_, -1, -1, std::string(checkpoint.status().message())});
    return;
  }
  if (checkpoint->end_offset > durable_end_offset) kind_ = Finding::Kind::kNote;
  checkpoint_ = *std::move(checkpoint);
  indexes_.emplace(path_, checkpoint_->offset_index, checkpoint_->time_index, kind_, findings_);
}

void CheckpointCheck::Add(int64_t base_offset, const kafka::RecordBatchHeader& batch,
                          int64_t position) {
  if (!checkpoint_ || checkpoint_->base_offset != base_offset) return;
  if (position >= checkpoint_->end_position) return Compare(batch.base_offset(), position);
  max_timestamp_ms_ = std::max(max_timestamp_ms_, batch.max_timestamp());
  indexes_->Add(batch, position);
  const int64_t end_position = position + batch.size_bytes();
  if (end_position >= checkpoint_->end_position) Compare(batch.next_offset(), end_position);
}

void CheckpointCheck::Compare(int64_t offset, int64_t position) {
  indexes_->Finish(/*whole=*/true);
  if (position != checkpoint_->end_position || offset != checkpoint_->end_offset ||
      max_timestamp_ms_ != checkpoint_->max_timestamp_ms) {
    findings_.push_back(
        {kind_, path_, -1, checkpoint_->end_offset,
         fmt::format("says that offset {} begins at byte {}, behind records up to {} ms; offset {} "
                     "begins at byte {}, behind records up to {} ms",
                     checkpoint_->end_offset, checkpoint_->end_position,
                     checkpoint_->max_timestamp_ms, offset, position, max_timestamp_ms_)});
  }
  checkpoint_.reset();
}

void CheckpointCheck::FinishSegment(int64_t base_offset) {
  if (!checkpoint_ || checkpoint_->base_offset != base_offset) return;
  if (checkpoint_->end_position > 0) {
    findings_.push_back(
        {kind_, path_, -1, checkpoint_->end_offset,
         fmt::format("lies beyond the segment's end: byte {}", checkpoint_->end_position)});
  }
  checkpoint_.reset();
}

}  // namespace soliton::segment
