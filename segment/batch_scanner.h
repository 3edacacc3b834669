// Walks the batches in a piece of a segment file, reading it in chunks: headers only (bodies are
// skipped, or read along when they are small) or whole batches with their CRC. One owner; not
// thread-safe.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/buffer.h"
#include "runtime/file/file_system.h"

namespace soliton::segment {

class BatchScanner {
 public:
  enum class Depth { kHeaders, kChecksums };

  static constexpr size_t kLookupChunkBytes = 8 * 1024;
  static constexpr size_t kScanChunkBytes = 256 * 1024;

  // Over [position, end_position) of `file`, which must outlive the scanner. `position` is a batch
  // boundary.
  BatchScanner(const File& file, int64_t position, int64_t end_position, Depth depth,
               size_t chunk_bytes)
      : file_(&file),
        next_position_(position),
        end_position_(end_position),
        depth_(depth),
        chunk_bytes_(chunk_bytes) {}

  // Moves to the next batch; false at end_position. kDataLoss when the bytes there are no whole,
  // valid batch (position() then says where); kOutOfRange likewise when the batch goes on past
  // end_position.
  absl::StatusOr<bool> Next();

  // Of the batch moved to. Valid until the next call.
  kafka::RecordBatchHeader header() const {
    return kafka::RecordBatchHeader(window_.data() + (position_ - window_position_));
  }
  int64_t position() const { return position_; }
  int64_t size_bytes() const { return next_position_ - position_; }

 private:
  static constexpr int64_t kLargeBatchBytes = 8 * 1024;

  // Makes [position_, position_ + size_bytes) available in window_.
  absl::Status Load(int64_t size_bytes);

  const File* file_;
  int64_t position_ = 0;
  int64_t next_position_;
  int64_t end_position_;
  Depth depth_;
  size_t chunk_bytes_;
  Buffer window_;  // bytes of the file from window_position_ on
  int64_t window_position_ = 0;
  int64_t last_batch_bytes_ = 0;
  int64_t window_bytes_ = 0;  // how many of them are filled
};

// The whole batch at `position`, checked against its CRC.
absl::StatusOr<kafka::RecordBatchView> ReadBatch(const File& file, int64_t position,
                                                 int64_t size_bytes);

}  // namespace soliton::segment
