#include "segment/index/time_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "runtime/base/check.h"
#include "runtime/base/endian.h"

namespace soliton::segment {

void TimeIndex::MaybeAppend(int64_t timestamp_ms, int64_t offset) {
  CHECK(offset >= base_offset_ && offset - base_offset_ <= std::numeric_limits<int32_t>::max(),
        "offset {} in segment {}", offset, base_offset_);
  if (!entries_.empty()) {
    if (timestamp_ms <= entries_.back().timestamp_ms) return;
    CHECK(offset >= entries_.back().offset, "offset {} follows {}", offset, entries_.back().offset);
  }
  entries_.push_back({timestamp_ms, offset});
}

std::optional<TimeIndex::Entry> TimeIndex::FloorTimestamp(int64_t timestamp_ms) const {
  const auto above = std::upper_bound(
      entries_.begin(), entries_.end(), timestamp_ms,
      [](int64_t wanted, const Entry& entry) { return wanted < entry.timestamp_ms; });
  if (above == entries_.begin()) return std::nullopt;
  return *std::prev(above);
}

std::optional<TimeIndex::Entry> TimeIndex::FloorOffset(int64_t offset) const {
  const auto above =
      std::upper_bound(entries_.begin(), entries_.end(), offset,
                       [](int64_t wanted, const Entry& entry) { return wanted < entry.offset; });
  if (above == entries_.begin()) return std::nullopt;
  return *std::prev(above);
}

void TimeIndex::TruncateTo(int64_t end_offset) {
  while (!entries_.empty() && entries_.back().offset >= end_offset) entries_.pop_back();
}

std::optional<TimeIndex::Entry> TimeIndex::last() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back();
}

std::string TimeIndex::Encode() const {
  std::string bytes(entries_.size() * kEntryBytes, '\0');
  auto* to = reinterpret_cast<uint8_t*>(bytes.data());
  for (const Entry& entry : entries_) {
    StoreBigEndian(to, entry.timestamp_ms);
    StoreBigEndian(to + 8, static_cast<int32_t>(entry.offset - base_offset_));
    to += kEntryBytes;
  }
  return bytes;
}

absl::StatusOr<TimeIndex> TimeIndex::Decode(int64_t base_offset, std::string_view bytes,
                                            int64_t end_offset) {
  if (bytes.size() % kEntryBytes != 0) {
    return absl::DataLossError(
        fmt::format("time index of {} bytes ends inside an entry", bytes.size()));
  }
  TimeIndex index(base_offset);
  index.entries_.reserve(bytes.size() / kEntryBytes);
  const auto* from = reinterpret_cast<const uint8_t*>(bytes.data());
  for (size_t i = 0; i < bytes.size() / kEntryBytes; ++i, from += kEntryBytes) {
    // Judged before it is added to the base, which may lie near the end of the range.
    const int64_t relative_offset = LoadBigEndian<int32_t>(from + 8);
    if (relative_offset < 0 || relative_offset >= end_offset - base_offset) {
      return absl::DataLossError(fmt::format("time index entry {} = +{} is not in [{}, {})", i,
                                             relative_offset, base_offset, end_offset));
    }
    const Entry entry{LoadBigEndian<int64_t>(from), base_offset + relative_offset};
    if (!index.entries_.empty() && (entry.timestamp_ms <= index.entries_.back().timestamp_ms ||
                                    entry.offset < index.entries_.back().offset)) {
      return absl::DataLossError(fmt::format("time index entry {} = ({} ms, offset {}) goes back",
                                             i, entry.timestamp_ms, entry.offset));
    }
    index.entries_.push_back(entry);
  }
  return index;
}

}  // namespace soliton::segment
