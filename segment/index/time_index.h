// Sparse map of one segment from time to offset: "up to `offset` no record is newer than
// `timestamp_ms`". Kept in memory while the segment grows, like offset_index.h, and written out
// when it is rolled or closed.
//
// File: Kafka's `.timeindex`, 12-byte big-endian entries {int64 timestamp_ms, int32 offset -
// base_offset}: the largest timestamp so far and the last offset of the batch that holds it.
// Invariant: timestamps increase strictly, offsets do not decrease. Pure value; owned by its
// segment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace soliton::segment {

class TimeIndex {
 public:
  static constexpr int64_t kEntryBytes = 12;

  struct Entry {
    int64_t timestamp_ms = -1;
    int64_t offset = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  explicit TimeIndex(int64_t base_offset) : base_offset_(base_offset) {}

  // Adds (largest timestamp so far, last offset of its batch) unless the timestamp is not above the
  // last entry's. CHECKs that the offset does not go back and fits 31 bits relative to the base.
  void MaybeAppend(int64_t timestamp_ms, int64_t offset);

  // The entry with the greatest timestamp <= `timestamp_ms`; nullopt when all are newer.
  std::optional<Entry> FloorTimestamp(int64_t timestamp_ms) const;
  // The newest entry with an offset <= `offset`.
  std::optional<Entry> FloorOffset(int64_t offset) const;

  // The segment now ends at `end_offset`, exclusive: drops entries at or above it.
  void TruncateTo(int64_t end_offset);

  bool empty() const { return entries_.empty(); }
  size_t entry_count() const { return entries_.size(); }
  int64_t size_bytes() const { return static_cast<int64_t>(entries_.size()) * kEntryBytes; }
  std::optional<Entry> last() const;
  // 0 is the first one.
  const Entry& entry(size_t index) const { return entries_[index]; }
  int64_t base_offset() const { return base_offset_; }

  // The file's content, and back. kDataLoss when the size is no multiple of an entry, the order is
  // broken, or an offset is not in [base_offset, end_offset).
  std::string Encode() const;
  static absl::StatusOr<TimeIndex> Decode(int64_t base_offset, std::string_view bytes,
                                          int64_t end_offset);

  friend bool operator==(const TimeIndex&, const TimeIndex&) = default;

 private:
  int64_t base_offset_;
  std::vector<Entry> entries_;
};

}  // namespace soliton::segment
