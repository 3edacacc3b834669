// Walks the concatenated batches of a Fetch answer, a Produce field or a piece of a segment file.
// Zero copy.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/buffer.h"

namespace soliton::kafka {

class BatchIterator {
 public:
  explicit BatchIterator(Buffer buffer) : buffer_(std::move(buffer)) {}

  // The next whole batch, or nullopt when none is left. A batch cut by the end of the buffer counts
  // as the end: a Fetch answer may be cut there. An error (kDataLoss, kUnimplemented) repeats on
  // every further call.
  absl::StatusOr<std::optional<RecordBatchView>> Next();

  // Where the next batch would begin.
  size_t position() const { return position_; }
  // Bytes not yet walked; after Next() returned nullopt, the size of the cut tail.
  size_t remaining_bytes() const { return buffer_.size() - position_; }

 private:
  Buffer buffer_;
  size_t position_ = 0;
};

struct SplitBatchesResult {
  std::vector<RecordBatchView> batches;
  size_t cut_tail_bytes = 0;
};

// All whole batches of `buffer`. An error when some bytes before the cut tail are no batch.
absl::StatusOr<SplitBatchesResult> SplitBatches(const Buffer& buffer);

}  // namespace soliton::kafka
