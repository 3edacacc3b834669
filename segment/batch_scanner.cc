#include "segment/batch_scanner.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/crc32c.h"

namespace soliton::segment {
namespace {

using kafka::kBatchHeaderBytes;

absl::Status Damaged(const File& file, int64_t position, std::string_view what) {
  return absl::DataLossError(fmt::format("{} at byte {}: {}", file.path(), position, what));
}

}  // namespace

absl::Status BatchScanner::Load(int64_t size_bytes) {
  if (position_ >= window_position_ && position_ + size_bytes <= window_position_ + window_bytes_) {
    return absl::OkStatus();
  }
  // Among large batches reading ahead would read the bodies that a header scan skips.
  const bool skips_bodies = depth_ == Depth::kHeaders && last_batch_bytes_ > kLargeBatchBytes;
  const int64_t chunk_bytes = skips_bodies ? size_bytes : static_cast<int64_t>(chunk_bytes_);
  const int64_t wanted_bytes =
      std::min(std::max(size_bytes, chunk_bytes), end_position_ - position_);
  if (static_cast<int64_t>(window_.size()) < wanted_bytes) {
    window_ = Buffer::Allocate(static_cast<size_t>(wanted_bytes));
  }
  window_position_ = position_;
  window_bytes_ = 0;
  const absl::StatusOr<size_t> count = file_->ReadAt(
      position_, std::span(window_.mutable_data(), static_cast<size_t>(wanted_bytes)));
  if (!count.ok()) return count.status();
  window_bytes_ = static_cast<int64_t>(*count);
  if (window_bytes_ < size_bytes) return Damaged(*file_, position_, "the file ends inside a batch");
  return absl::OkStatus();
}

absl::StatusOr<bool> BatchScanner::Next() {
  position_ = next_position_;
  if (position_ >= end_position_) return false;
  if (end_position_ - position_ < static_cast<int64_t>(kBatchHeaderBytes)) {
    return absl::OutOfRangeError(
        fmt::format("{} at byte {}: batch header is cut", file_->path(), position_));
  }
  if (absl::Status status = Load(kBatchHeaderBytes); !status.ok()) return status;
  const kafka::RecordBatchHeader batch = header();
  if (batch.magic() != kafka::kBatchMagic) return Damaged(*file_, position_, "magic is not 2");
  const int64_t size_bytes = batch.size_bytes();
  if (size_bytes < static_cast<int64_t>(kBatchHeaderBytes)) {
    return Damaged(*file_, position_, fmt::format("batch length {} is too small", size_bytes));
  }
  if (batch.base_offset() < 0 || batch.last_offset_delta() < 0) {
    return Damaged(*file_, position_, "negative offset");
  }
  if (size_bytes > end_position_ - position_) {
    return absl::OutOfRangeError(fmt::format("{} at byte {}: batch of {} bytes is cut",
                                             file_->path(), position_, size_bytes));
  }
  if (depth_ == Depth::kChecksums) {
    if (absl::Status status = Load(size_bytes); !status.ok()) return status;
    const std::span<const uint8_t> bytes(window_.data() + (position_ - window_position_),
                                         static_cast<size_t>(size_bytes));
    if (Crc32c(bytes.subspan(kafka::batch_layout::kAttributes)) != header().crc()) {
      return Damaged(*file_, position_,
                     fmt::format("CRC mismatch in the batch at offset {}", header().base_offset()));
    }
  }
  next_position_ = position_ + size_bytes;
  last_batch_bytes_ = size_bytes;
  return true;
}

absl::StatusOr<kafka::RecordBatchView> ReadBatch(const File& file, int64_t position,
                                                 int64_t size_bytes) {
  Buffer bytes = Buffer::Allocate(static_cast<size_t>(size_bytes));
  const absl::StatusOr<size_t> count =
      file.ReadAt(position, std::span(bytes.mutable_data(), bytes.size()));
  if (!count.ok()) return count.status();
  if (*count != bytes.size()) return Damaged(file, position, "the file ends inside a batch");
  absl::StatusOr<kafka::RecordBatchView> batch = kafka::RecordBatchView::Parse(std::move(bytes));
  if (!batch.ok()) return Damaged(file, position, std::string(batch.status().message()));
  if (!batch->CrcMatches()) return Damaged(file, position, "CRC mismatch");
  return batch;
}

}  // namespace soliton::segment
