#include "protocol/record/record_batch.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/base/crc32c.h"

namespace soliton::kafka {

RecordBatchView::RecordBatchView(Buffer buffer)
    : RecordBatchHeader(buffer.data()), buffer_(std::move(buffer)) {}

absl::StatusOr<RecordBatchView> RecordBatchView::Parse(Buffer buffer) {
  // The prefix and the magic byte lie at the same place in every format.
  if (buffer.size() <= batch_layout::kMagic) {
    return absl::OutOfRangeError(fmt::format("{} bytes end inside a batch prefix", buffer.size()));
  }
  const RecordBatchHeader header(buffer.data());
  if (header.magic() == 0 || header.magic() == 1) {
    return absl::UnimplementedError(
        fmt::format("message format v{} is not supported", header.magic()));
  }
  if (header.magic() != kBatchMagic) {
    return absl::DataLossError(fmt::format("batch has unknown magic {}", header.magic()));
  }
  if (header.size_bytes() < static_cast<int64_t>(kBatchHeaderBytes)) {
    return absl::DataLossError(
        fmt::format("batch length {} is smaller than a header", header.batch_length()));
  }
  if (header.size_bytes() > static_cast<int64_t>(buffer.size())) {
    return absl::OutOfRangeError(
        fmt::format("batch of {} bytes is cut after {}", header.size_bytes(), buffer.size()));
  }
  if (header.last_offset_delta() < 0 || header.records_count() < 0) {
    return absl::DataLossError(fmt::format("batch has last offset delta {} and {} records",
                                           header.last_offset_delta(), header.records_count()));
  }
  // One less than the maximum, so that next_offset() cannot overflow either.
  if (header.base_offset() < 0 ||
      header.base_offset() >= std::numeric_limits<int64_t>::max() - header.last_offset_delta()) {
    return absl::DataLossError(fmt::format("batch has base offset {} and last offset delta {}",
                                           header.base_offset(), header.last_offset_delta()));
  }
  const auto size_bytes = static_cast<size_t>(header.size_bytes());
  return RecordBatchView(std::move(buffer).Slice(0, size_bytes));
}

uint32_t RecordBatchView::ComputeCrc() const {
  return Crc32c(bytes().subspan(batch_layout::kAttributes));
}

void RecordBatchView::SetBaseOffset(int64_t base_offset) {
  Store(batch_layout::kBaseOffset, base_offset);
}

void RecordBatchView::SetLeaderEpoch(int32_t leader_epoch) {
  Store(batch_layout::kLeaderEpoch, leader_epoch);
}

void RecordBatchView::SetLogAppendTime(int64_t timestamp_ms) {
  Store(batch_layout::kAttributes, static_cast<uint16_t>(attributes() | kLogAppendTimeBit));
  Store(batch_layout::kMaxTimestamp, timestamp_ms);
  StoreCrc();
}

void RecordBatchView::SetMaxTimestamp(int64_t timestamp_ms) {
  Store(batch_layout::kMaxTimestamp, timestamp_ms);
  StoreCrc();
}

void RecordBatchView::SetProducer(int64_t producer_id, int16_t producer_epoch,
                                  int32_t base_sequence) {
  Store(batch_layout::kProducerId, producer_id);
  Store(batch_layout::kProducerEpoch, producer_epoch);
  Store(batch_layout::kBaseSequence, base_sequence);
  StoreCrc();
}

}  // namespace soliton::kafka
