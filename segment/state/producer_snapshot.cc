// The `.snapshot` file of ProducerStateTable:
//   int16 version = 1 | uint32 CRC-32C over the rest | int32 count | count x entry
//   entry: int64 producer_id | int16 epoch | int32 last_sequence | int64 last_offset | int32
//   offset_delta |
//          int64 timestamp | int32 coordinator_epoch | int64 current_txn_first_offset (-1: none)
// An entry without a batch has last_offset -1.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "runtime/base/crc32c.h"
#include "runtime/base/endian.h"
#include "segment/state/producer_state.h"

namespace soliton::segment {
namespace {

using Batch = ProducerStateTable::Batch;
using Producer = ProducerStateTable::Producer;

constexpr int16_t kVersion = 1;
constexpr size_t kCrcPosition = 2;
constexpr size_t kCountPosition = 6;
constexpr size_t kHeaderBytes = 10;
constexpr size_t kEntryBytes = 46;

struct EntryLayout {
  static constexpr size_t kProducerId = 0;
  static constexpr size_t kEpoch = 8;
  static constexpr size_t kLastSequence = 10;
  static constexpr size_t kLastOffset = 14;
  static constexpr size_t kOffsetDelta = 22;
  static constexpr size_t kTimestamp = 26;
  static constexpr size_t kCoordinatorEpoch = 34;
  static constexpr size_t kTxnFirstOffset = 38;
};
static_assert(EntryLayout::kTxnFirstOffset + 8 == kEntryBytes);

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void AppendEntry(std::string& out, int64_t producer_id, const Producer& producer,
                 const Batch& batch, int64_t timestamp_ms) {
  using At = EntryLayout;
  uint8_t entry[kEntryBytes];
  StoreBigEndian(entry + At::kProducerId, producer_id);
  StoreBigEndian(entry + At::kEpoch, producer.epoch);
  StoreBigEndian(entry + At::kLastSequence, batch.last_sequence);
  StoreBigEndian(entry + At::kLastOffset, batch.last_offset);
  StoreBigEndian(entry + At::kOffsetDelta, batch.offset_delta);
  StoreBigEndian(entry + At::kTimestamp, timestamp_ms);
  StoreBigEndian(entry + At::kCoordinatorEpoch, producer.coordinator_epoch);
  StoreBigEndian(entry + At::kTxnFirstOffset,
                 producer.current_txn_first_offset.value_or(int64_t{-1}));
  out.append(reinterpret_cast<const char*>(entry), kEntryBytes);
}

}  // namespace

std::string ProducerStateTable::Encode() const {
  std::string out(kHeaderBytes, '\0');
  for (const int64_t id : Ids()) {
    const Producer& producer = producers_.at(id);
    if (producer.batch_count == 0) {
      AppendEntry(out, id, producer, Batch{}, producer.last_append_ms);
    }
    for (size_t i = 0; i < producer.batch_count; ++i) {
      // The newest entry's time also stands for the producer's last append, a marker's for
      // instance.
      const bool newest = i + 1 == producer.batch_count;
      AppendEntry(out, id, producer, producer.batches[i],
                  newest ? producer.last_append_ms : producer.batches[i].append_time_ms);
    }
  }
  auto* bytes = reinterpret_cast<uint8_t*>(out.data());
  StoreBigEndian(bytes, kVersion);
  StoreBigEndian(bytes + kCountPosition,
                 static_cast<int32_t>((out.size() - kHeaderBytes) / kEntryBytes));
  StoreBigEndian(bytes + kCrcPosition, Crc32c(AsBytes(out).subspan(kCountPosition)));
  return out;
}

absl::StatusOr<ProducerStateTable> ProducerStateTable::Decode(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) {
    return absl::DataLossError(fmt::format("producer snapshot of {} bytes", bytes.size()));
  }
  const uint8_t* from = AsBytes(bytes).data();
  if (const auto version = LoadBigEndian<int16_t>(from); version != kVersion) {
    return absl::DataLossError(fmt::format("producer snapshot has version {}", version));
  }
  if (LoadBigEndian<uint32_t>(from + kCrcPosition) !=
      Crc32c(AsBytes(bytes).subspan(kCountPosition))) {
    return absl::DataLossError("producer snapshot does not match its checksum");
  }
  const auto count = LoadBigEndian<int32_t>(from + kCountPosition);
  if (count < 0 || static_cast<size_t>(count) != (bytes.size() - kHeaderBytes) / kEntryBytes ||
      (bytes.size() - kHeaderBytes) % kEntryBytes != 0) {
    return absl::DataLossError(
        fmt::format("producer snapshot of {} bytes claims {} entries", bytes.size(), count));
  }
  using At = EntryLayout;
  ProducerStateTable table;
  from += kHeaderBytes;
  for (int32_t i = 0; i < count; ++i, from += kEntryBytes) {
    const auto producer_id = LoadBigEndian<int64_t>(from + At::kProducerId);
    const Batch batch{.last_sequence = LoadBigEndian<int32_t>(from + At::kLastSequence),
                      .offset_delta = LoadBigEndian<int32_t>(from + At::kOffsetDelta),
                      .last_offset = LoadBigEndian<int64_t>(from + At::kLastOffset),
                      .append_time_ms = LoadBigEndian<int64_t>(from + At::kTimestamp)};
    const bool has_batch = batch.last_offset >= 0;
    if (producer_id < 0 || (has_batch && (batch.last_sequence < 0 || batch.offset_delta < 0 ||
                                          batch.offset_delta > batch.last_offset))) {
      return absl::DataLossError(
          fmt::format("producer snapshot entry {}: producer {} sequence {} offset {} delta {}", i,
                      producer_id, batch.last_sequence, batch.last_offset, batch.offset_delta));
    }
    Producer& producer = table.producers_[producer_id];
    const auto epoch = LoadBigEndian<int16_t>(from + At::kEpoch);
    if (producer.epoch != epoch) producer = Producer{.epoch = epoch};
    producer.coordinator_epoch = LoadBigEndian<int32_t>(from + At::kCoordinatorEpoch);
    producer.last_append_ms = batch.append_time_ms;
    const auto txn_first_offset = LoadBigEndian<int64_t>(from + At::kTxnFirstOffset);
    producer.current_txn_first_offset =
        txn_first_offset >= 0 ? std::optional(txn_first_offset) : std::nullopt;
    if (!has_batch) continue;
    if (producer.batch_count == kRememberedBatches) {
      return absl::DataLossError(
          fmt::format("producer snapshot has too many entries of producer {}", producer_id));
    }
    producer.batches[producer.batch_count++] = batch;
  }
  return table;
}

}  // namespace soliton::segment
