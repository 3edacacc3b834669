#include "protocol/record/batch_builder.h"

#include <algorithm>
#include <cstring>

#include "protocol/record/varint.h"
#include "runtime/base/check.h"
#include "runtime/base/crc32c.h"

namespace soliton::kafka {
namespace {

constexpr size_t kMaxBatchBytes = std::numeric_limits<int32_t>::max();

using Bytes = std::optional<std::string_view>;

size_t NullableSize(const Bytes& value) {
  if (!value.has_value()) return VarintSize(-1);
  CHECK(value->size() < kMaxBatchBytes, "{} bytes in one field", value->size());
  return VarintSize(static_cast<int32_t>(value->size())) + value->size();
}

// Bytes after the length field.
size_t BodySize(int64_t timestamp_delta, int32_t offset_delta, const Bytes& key, const Bytes& value,
                std::span<const RecordHeader> headers) {
  size_t size_bytes = 1 + VarlongSize(timestamp_delta) + VarintSize(offset_delta) +
                      NullableSize(key) + NullableSize(value) +
                      VarintSize(static_cast<int32_t>(headers.size()));
  for (const RecordHeader& header : headers) {
    size_bytes += NullableSize(header.key) + NullableSize(header.value);
  }
  return size_bytes;
}

uint8_t* PutNullable(uint8_t* to, const Bytes& value) {
  if (!value.has_value()) return EncodeVarint(to, -1);
  to = EncodeVarint(to, static_cast<int32_t>(value->size()));
  return std::copy(value->begin(), value->end(), to);
}

// Wraps like the reader's addition, so that any pair of timestamps round-trips.
int64_t TimestampDelta(int64_t timestamp_ms, int64_t base_ms) {
  return static_cast<int64_t>(static_cast<uint64_t>(timestamp_ms) - static_cast<uint64_t>(base_ms));
}

}  // namespace

BatchBuilder::BatchBuilder(const BatchOptions& options) : options_(options) {}

size_t BatchBuilder::SizeOf(int64_t timestamp_ms, Bytes key, Bytes value,
                            std::span<const RecordHeader> headers) const {
  const int64_t base = empty() ? timestamp_ms : base_timestamp_;
  const size_t body_bytes =
      BodySize(TimestampDelta(timestamp_ms, base), count_, key, value, headers);
  return VarintSize(static_cast<int32_t>(std::min(body_bytes, kMaxBatchBytes))) + body_bytes;
}

void BatchBuilder::Append(int64_t timestamp_ms, Bytes key, Bytes value,
                          std::span<const RecordHeader> headers) {
  if (empty()) {
    base_timestamp_ = timestamp_ms;
    max_timestamp_ = timestamp_ms;
  }
  max_timestamp_ = std::max(max_timestamp_, timestamp_ms);
  const int64_t delta = TimestampDelta(timestamp_ms, base_timestamp_);
  const size_t body_bytes = BodySize(delta, count_, key, value, headers);
  CHECK(body_bytes < kMaxBatchBytes, "a record of {} bytes", body_bytes);
  const size_t size_bytes = VarintSize(static_cast<int32_t>(body_bytes)) + body_bytes;
  CHECK(uncompressed_size_bytes() + size_bytes <= kMaxBatchBytes, "the batch exceeds 2 GiB");

  const size_t begin = payload_.size();
  payload_.resize(begin + size_bytes);
  uint8_t* to = EncodeVarint(payload_.data() + begin, static_cast<int32_t>(body_bytes));
  *to++ = 0;  // record attributes: none defined
  to = EncodeVarlong(to, delta);
  to = EncodeVarint(to, count_);
  to = PutNullable(to, key);
  to = PutNullable(to, value);
  to = EncodeVarint(to, static_cast<int32_t>(headers.size()));
  for (const RecordHeader& header : headers) {
    to = PutNullable(to, header.key);
    to = PutNullable(to, header.value);
  }
  DCHECK(to == payload_.data() + payload_.size());
  ++count_;
}

void BatchBuilder::SetProducer(int64_t producer_id, int16_t producer_epoch, int32_t base_sequence) {
  options_.producer_id = producer_id;
  options_.producer_epoch = producer_epoch;
  options_.base_sequence = base_sequence;
}

Buffer BatchBuilder::Build() const {
  CHECK(!empty(), "a batch needs a record");
  Buffer whole =
      Buffer::Allocate(kBatchHeaderBytes + CompressBound(options_.codec, payload_.size()));
  uint8_t* const bytes = whole.mutable_data();
  const size_t records_bytes =
      CompressTo(options_.codec, options_.level, payload_,
                 {bytes + kBatchHeaderBytes, whole.size() - kBatchHeaderBytes});
  const size_t size_bytes = kBatchHeaderBytes + records_bytes;
  CHECK(size_bytes <= kMaxBatchBytes, "the batch exceeds 2 GiB");

  const bool log_append_time = options_.timestamp_type == TimestampType::kLogAppendTime;
  uint16_t attributes = static_cast<uint16_t>(options_.codec);
  if (log_append_time) attributes |= kLogAppendTimeBit;
  if (options_.transactional) attributes |= kTransactionalBit;
  if (options_.control) attributes |= kControlBit;

  namespace at = batch_layout;
  StoreBigEndian(bytes + at::kBaseOffset, options_.base_offset);
  StoreBigEndian(bytes + at::kBatchLength, static_cast<int32_t>(size_bytes - kBatchPrefixBytes));
  StoreBigEndian(bytes + at::kLeaderEpoch, options_.leader_epoch);
  bytes[at::kMagic] = kBatchMagic;
  StoreBigEndian(bytes + at::kAttributes, attributes);
  StoreBigEndian(bytes + at::kLastOffsetDelta, count_ - 1);
  StoreBigEndian(bytes + at::kBaseTimestamp, base_timestamp_);
  StoreBigEndian(bytes + at::kMaxTimestamp,
                 log_append_time ? options_.log_append_time_ms : max_timestamp_);
  StoreBigEndian(bytes + at::kProducerId, options_.producer_id);
  StoreBigEndian(bytes + at::kProducerEpoch, options_.producer_epoch);
  StoreBigEndian(bytes + at::kBaseSequence, options_.base_sequence);
  StoreBigEndian(bytes + at::kRecordsCount, count_);
  StoreBigEndian(bytes + at::kCrc, Crc32c({bytes + at::kAttributes, size_bytes - at::kAttributes}));
  return whole.Slice(0, size_bytes);
}

}  // namespace soliton::kafka
