// Record batches whose checksums were made right, so that what lies behind a checksum is reached.
#pragma once

#include <cstdint>
#include <span>

#include "protocol/record/record_batch.h"
#include "runtime/base/buffer.h"
#include "runtime/base/endian.h"

namespace soliton::fuzz {

// `bytes` with the CRC of every batch that can be walked to made to match.
inline Buffer WithRightChecksums(std::span<const uint8_t> bytes) {
  const Buffer all = Buffer::CopyOf(bytes);
  size_t at = 0;
  while (all.size() - at >= kafka::kBatchHeaderBytes) {
    const auto length = LoadBigEndian<int32_t>(all.data() + at + kafka::batch_layout::kBatchLength);
    const int64_t batch_bytes = int64_t{kafka::kBatchPrefixBytes} + length;
    if (batch_bytes < static_cast<int64_t>(kafka::kBatchHeaderBytes) ||
        batch_bytes > static_cast<int64_t>(all.size() - at)) {
      break;
    }
    auto batch = kafka::RecordBatchView::Parse(all.Slice(at, static_cast<size_t>(batch_bytes)));
    if (batch.ok()) batch->SetMaxTimestamp(batch->max_timestamp());  // recomputes the CRC
    at += static_cast<size_t>(batch_bytes);
  }
  return all;
}

}  // namespace soliton::fuzz
