// The record batch v2 (magic 2): layout, header getters and the in-place setters of the partition
// leader.
//
// RecordBatchHeader reads the 61 header bytes and does not own them. RecordBatchView adds the bytes
// of one whole batch in a Buffer: copying a view copies a reference, never bytes. Getters may run
// on any thread; setters belong to the one holder of the bytes (the leader's shard before the batch
// is visible, or whoever built it).
//
// Base offset and leader epoch lie outside the CRC, so stamping them costs two stores. Every setter
// below the CRC line recomputes it over the whole batch. Source: Kafka message format v2 (KIP-98);
// with bit 6 set the base timestamp holds a delete horizon (KIP-534).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/record/codec.h"
#include "runtime/base/buffer.h"
#include "runtime/base/endian.h"

namespace soliton::kafka {

// Byte offsets of the header fields.
namespace batch_layout {
inline constexpr size_t kBaseOffset = 0;
inline constexpr size_t kBatchLength = kBaseOffset + 8;
inline constexpr size_t kLeaderEpoch = kBatchLength + 4;
inline constexpr size_t kMagic = kLeaderEpoch + 4;
inline constexpr size_t kCrc = kMagic + 1;
inline constexpr size_t kAttributes = kCrc + 4;  // the CRC covers [kAttributes, end)
inline constexpr size_t kLastOffsetDelta = kAttributes + 2;
inline constexpr size_t kBaseTimestamp = kLastOffsetDelta + 4;
inline constexpr size_t kMaxTimestamp = kBaseTimestamp + 8;
inline constexpr size_t kProducerId = kMaxTimestamp + 8;
inline constexpr size_t kProducerEpoch = kProducerId + 8;
inline constexpr size_t kBaseSequence = kProducerEpoch + 2;
inline constexpr size_t kRecordsCount = kBaseSequence + 4;
inline constexpr size_t kRecords = kRecordsCount + 4;

static_assert(kMagic == 16 && kCrc == 17 && kAttributes == 21 && kLastOffsetDelta == 23);
static_assert(kBaseTimestamp == 27 && kMaxTimestamp == 35 && kProducerId == 43);
static_assert(kProducerEpoch == 51 && kBaseSequence == 53 && kRecordsCount == 57);
}  // namespace batch_layout

inline constexpr size_t kBatchHeaderBytes = 61;
static_assert(batch_layout::kRecords == kBatchHeaderBytes);
// Base offset and batch length: what `batch_length` does not count.
inline constexpr size_t kBatchPrefixBytes = 12;
inline constexpr int8_t kBatchMagic = 2;

inline constexpr int64_t kNoTimestamp = -1;
inline constexpr int64_t kNoProducerId = -1;
inline constexpr int16_t kNoProducerEpoch = -1;
inline constexpr int32_t kNoSequence = -1;
inline constexpr int32_t kNoLeaderEpoch = -1;

enum class TimestampType : uint8_t { kCreateTime = 0, kLogAppendTime = 1 };

// Attribute bits above the codec.
inline constexpr uint16_t kCodecMask = 0x07;
inline constexpr uint16_t kLogAppendTimeBit = 1 << 3;
inline constexpr uint16_t kTransactionalBit = 1 << 4;
inline constexpr uint16_t kControlBit = 1 << 5;
inline constexpr uint16_t kDeleteHorizonBit = 1 << 6;

// Producer sequences are 31 bits and wrap from 2^31-1 to 0.
constexpr int32_t SequenceAfter(int32_t sequence, int64_t increment) {
  return static_cast<int32_t>((static_cast<int64_t>(sequence) + increment) & 0x7fffffff);
}

// Reads a header in place. The bytes must outlive it and hold at least kBatchHeaderBytes.
class RecordBatchHeader {
 public:
  explicit RecordBatchHeader(const uint8_t* bytes) : bytes_(bytes) {}

  int64_t base_offset() const { return Load<int64_t>(batch_layout::kBaseOffset); }
  int32_t batch_length() const { return Load<int32_t>(batch_layout::kBatchLength); }
  // The whole batch with its prefix. Meaningful once batch_length() >= 0 is known.
  int64_t size_bytes() const { return int64_t{batch_length()} + int64_t{kBatchPrefixBytes}; }
  int32_t leader_epoch() const { return Load<int32_t>(batch_layout::kLeaderEpoch); }
  int8_t magic() const { return static_cast<int8_t>(bytes_[batch_layout::kMagic]); }
  uint32_t crc() const { return Load<uint32_t>(batch_layout::kCrc); }
  uint16_t attributes() const { return Load<uint16_t>(batch_layout::kAttributes); }
  // May be a number that no codec has: compare with kCodecCount before trusting it.
  Codec codec() const { return static_cast<Codec>(attributes() & kCodecMask); }
  TimestampType timestamp_type() const {
    return (attributes() & kLogAppendTimeBit) != 0 ? TimestampType::kLogAppendTime
                                                   : TimestampType::kCreateTime;
  }
  bool is_transactional() const { return (attributes() & kTransactionalBit) != 0; }
  bool is_control() const { return (attributes() & kControlBit) != 0; }
  bool has_delete_horizon() const { return (attributes() & kDeleteHorizonBit) != 0; }
  int32_t last_offset_delta() const { return Load<int32_t>(batch_layout::kLastOffsetDelta); }
  int64_t last_offset() const { return base_offset() + last_offset_delta(); }
  int64_t next_offset() const { return last_offset() + 1; }
  int64_t base_timestamp() const { return Load<int64_t>(batch_layout::kBaseTimestamp); }
  int64_t max_timestamp() const { return Load<int64_t>(batch_layout::kMaxTimestamp); }
  int64_t producer_id() const { return Load<int64_t>(batch_layout::kProducerId); }
  bool has_producer_id() const { return producer_id() >= 0; }
  int16_t producer_epoch() const { return Load<int16_t>(batch_layout::kProducerEpoch); }
  int32_t base_sequence() const { return Load<int32_t>(batch_layout::kBaseSequence); }
  // kNoSequence when there is no base sequence.
  int32_t last_sequence() const {
    const int32_t base = base_sequence();
    return base < 0 ? kNoSequence : SequenceAfter(base, last_offset_delta());
  }
  int32_t records_count() const { return Load<int32_t>(batch_layout::kRecordsCount); }

 protected:
  template <typename T>
  T Load(size_t position) const {
    return LoadBigEndian<T>(bytes_ + position);
  }

  const uint8_t* bytes_;
};

// One whole batch. Parse() has checked: 61 bytes or more, magic 2, batch_length equal to the bytes
// held, last_offset_delta >= 0, records_count >= 0, and that base_offset + last_offset_delta does
// not overflow. Not checked: CRC, codec, records.
class RecordBatchView : public RecordBatchHeader {
 public:
  // `buffer` must begin with a batch; what follows it is left out of the view.
  //   kOutOfRange     the buffer ends before the batch does (a cut tail)
  //   kUnimplemented  message format 0 or 1
  //   kDataLoss       cannot be a batch
  static absl::StatusOr<RecordBatchView> Parse(Buffer buffer);

  const Buffer& buffer() const { return buffer_; }
  std::span<const uint8_t> bytes() const { return buffer_.span(); }
  // The records as stored, compressed when codec() says so.
  std::span<const uint8_t> records() const { return bytes().subspan(kBatchHeaderBytes); }
  Buffer records_buffer() const { return buffer_.Slice(kBatchHeaderBytes); }

  uint32_t ComputeCrc() const;
  bool CrcMatches() const { return crc() == ComputeCrc(); }

  // Outside the CRC.
  void SetBaseOffset(int64_t base_offset);
  void SetLeaderEpoch(int32_t leader_epoch);

  // Inside the CRC, which is recomputed.
  // Marks the batch as LogAppendTime: every record's timestamp is then `timestamp_ms`.
  void SetLogAppendTime(int64_t timestamp_ms);
  void SetMaxTimestamp(int64_t timestamp_ms);
  // For a producer that sends a batch again under a new incarnation.
  void SetProducer(int64_t producer_id, int16_t producer_epoch, int32_t base_sequence);

 private:
  explicit RecordBatchView(Buffer buffer);

  template <typename T>
  void Store(size_t position, T value) {
    StoreBigEndian(buffer_.mutable_data() + position, value);
  }
  void StoreCrc() { Store(batch_layout::kCrc, ComputeCrc()); }

  Buffer buffer_;
};

}  // namespace soliton::kafka
