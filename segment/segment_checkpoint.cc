#include "segment/segment_checkpoint.h"

#include <fmt/format.h>

#include <span>

#include "runtime/base/crc32c.h"
#include "runtime/base/endian.h"

namespace soliton::segment {
namespace {

constexpr size_t kHeaderBytes = 72;
constexpr uint32_t kMagic = 0x534c5343;  // "SLSC"

uint32_t CrcOf(std::string_view bytes) {
  return Crc32c(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()).subspan(4));
}

}  // namespace

std::string SegmentCheckpoint::Encode() const {
  const std::string offsets = offset_index.Encode();
  const std::string times = time_index.Encode();
  std::string bytes(kHeaderBytes, '\0');
  auto* to = reinterpret_cast<uint8_t*>(bytes.data());
  StoreBigEndian<uint32_t>(to + 4, kMagic);
  StoreBigEndian<int64_t>(to + 8, base_offset);
  StoreBigEndian<int64_t>(to + 16, end_offset);
  StoreBigEndian<int64_t>(to + 24, end_position);
  StoreBigEndian<int64_t>(to + 32, first_timestamp_ms);
  StoreBigEndian<int64_t>(to + 40, max_timestamp_ms);
  StoreBigEndian<int64_t>(to + 48, max_timestamp_offset);
  StoreBigEndian<int64_t>(to + 56, bytes_since_index_entry);
  StoreBigEndian<uint32_t>(to + 64, static_cast<uint32_t>(offsets.size()));
  StoreBigEndian<uint32_t>(to + 68, static_cast<uint32_t>(times.size()));
  bytes += offsets;
  bytes += times;
  StoreBigEndian<uint32_t>(reinterpret_cast<uint8_t*>(bytes.data()), CrcOf(bytes));
  return bytes;
}

absl::StatusOr<SegmentCheckpoint> SegmentCheckpoint::Decode(std::string_view bytes) {
  const auto* from = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() < kHeaderBytes || LoadBigEndian<uint32_t>(from + 4) != kMagic ||
      LoadBigEndian<uint32_t>(from) != CrcOf(bytes)) {
    return absl::DataLossError(
        fmt::format("{} bytes that are no segment checkpoint", bytes.size()));
  }
  SegmentCheckpoint checkpoint;
  checkpoint.base_offset = LoadBigEndian<int64_t>(from + 8);
  checkpoint.end_offset = LoadBigEndian<int64_t>(from + 16);
  checkpoint.end_position = LoadBigEndian<int64_t>(from + 24);
  checkpoint.first_timestamp_ms = LoadBigEndian<int64_t>(from + 32);
  checkpoint.max_timestamp_ms = LoadBigEndian<int64_t>(from + 40);
  checkpoint.max_timestamp_offset = LoadBigEndian<int64_t>(from + 48);
  checkpoint.bytes_since_index_entry = LoadBigEndian<int64_t>(from + 56);
  const size_t offset_bytes = LoadBigEndian<uint32_t>(from + 64);
  const size_t time_bytes = LoadBigEndian<uint32_t>(from + 68);
  if (bytes.size() != kHeaderBytes + offset_bytes + time_bytes || checkpoint.base_offset < 0 ||
      checkpoint.end_offset < checkpoint.base_offset || checkpoint.end_position < 0) {
    return absl::DataLossError("a segment checkpoint that contradicts itself");
  }
  auto offsets = OffsetIndex::Decode(
      checkpoint.base_offset, bytes.substr(kHeaderBytes, offset_bytes), checkpoint.end_position);
  if (!offsets.ok()) return offsets.status();
  auto times = TimeIndex::Decode(checkpoint.base_offset, bytes.substr(kHeaderBytes + offset_bytes),
                                 checkpoint.end_offset);
  if (!times.ok()) return times.status();
  const auto last_place = offsets->last();
  const auto newest = times->last();
  const bool holds_maximum = checkpoint.max_timestamp_offset >= checkpoint.base_offset &&
                             checkpoint.max_timestamp_offset < checkpoint.end_offset;
  if ((checkpoint.max_timestamp_offset != -1 && !holds_maximum) ||
      (last_place && last_place->offset >= checkpoint.end_offset) ||
      (newest && (newest->offset > checkpoint.max_timestamp_offset ||
                  newest->timestamp_ms > checkpoint.max_timestamp_ms)) ||
      checkpoint.bytes_since_index_entry < 0) {
    return absl::DataLossError("a segment checkpoint whose sums do not fit its indexes");
  }
  checkpoint.offset_index = *std::move(offsets);
  checkpoint.time_index = *std::move(times);
  return checkpoint;
}

}  // namespace soliton::segment
