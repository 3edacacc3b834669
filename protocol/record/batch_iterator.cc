#include "protocol/record/batch_iterator.h"

#include <utility>

namespace soliton::kafka {

absl::StatusOr<std::optional<RecordBatchView>> BatchIterator::Next() {
  if (position_ == buffer_.size()) return std::optional<RecordBatchView>();
  absl::StatusOr<RecordBatchView> batch = RecordBatchView::Parse(buffer_.Slice(position_));
  if (!batch.ok()) {
    if (absl::IsOutOfRange(batch.status())) return std::optional<RecordBatchView>();
    return batch.status();
  }
  position_ += batch->buffer().size();
  return std::optional<RecordBatchView>(*std::move(batch));
}

absl::StatusOr<SplitBatchesResult> SplitBatches(const Buffer& buffer) {
  SplitBatchesResult result;
  BatchIterator iterator(buffer);
  while (true) {
    absl::StatusOr<std::optional<RecordBatchView>> batch = iterator.Next();
    if (!batch.ok()) return batch.status();
    if (!batch->has_value()) break;
    result.batches.push_back(**std::move(batch));
  }
  result.cut_tail_bytes = iterator.remaining_bytes();
  return result;
}

}  // namespace soliton::kafka
