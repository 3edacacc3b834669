// Builds one record batch from records. Used by the producer, by coordinators and by tests. One
// owner; not thread-safe. Records are encoded as they come, so memory is the encoded size; Build()
// compresses once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/record/codec.h"
#include "protocol/record/compression.h"
#include "protocol/record/record_batch.h"
#include "protocol/record/record_iterator.h"
#include "runtime/base/buffer.h"

namespace soliton::kafka {

struct BatchOptions {
  Codec codec = Codec::kNone;
  CompressionLevel level;
  // With kLogAppendTime the batch's max timestamp is `log_append_time_ms`.
  TimestampType timestamp_type = TimestampType::kCreateTime;
  int64_t log_append_time_ms = kNoTimestamp;
  int64_t base_offset = 0;
  int32_t leader_epoch = kNoLeaderEpoch;
  int64_t producer_id = kNoProducerId;
  int16_t producer_epoch = kNoProducerEpoch;
  int32_t base_sequence = kNoSequence;
  bool transactional = false;
  bool control = false;
};

class BatchBuilder {
 public:
  explicit BatchBuilder(const BatchOptions& options = {});

  // Adds a record with the next offset delta. CHECKs that the batch stays below 2^31 bytes: callers
  // bound their records by max.request.size long before.
  void Append(int64_t timestamp_ms, std::optional<std::string_view> key,
              std::optional<std::string_view> value, std::span<const RecordHeader> headers = {});

  int32_t records_count() const { return count_; }
  bool empty() const { return count_ == 0; }
  // Size of the batch before compression: exact for codec none, and an upper bound worth planning
  // with else.
  size_t uncompressed_size_bytes() const { return payload_.size() + kBatchHeaderBytes; }
  // By how much Append of this record would grow uncompressed_size_bytes().
  size_t SizeOf(int64_t timestamp_ms, std::optional<std::string_view> key,
                std::optional<std::string_view> value,
                std::span<const RecordHeader> headers = {}) const;

  // Sequences are known when a batch is sent, not when it is opened.
  void SetProducer(int64_t producer_id, int16_t producer_epoch, int32_t base_sequence);

  // The batch with its CRC. CHECKs that there is a record. The builder keeps its records: building
  // again (say, with another producer epoch) gives another Buffer.
  Buffer Build() const;

 private:
  BatchOptions options_;
  std::vector<uint8_t> payload_;
  int32_t count_ = 0;
  int64_t base_timestamp_ = kNoTimestamp;
  int64_t max_timestamp_ = kNoTimestamp;
};

}  // namespace soliton::kafka
