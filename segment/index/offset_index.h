// Sparse map of one segment from offset to file position. Entries are added in memory while the
// segment grows and written out as a whole when it is rolled or closed: one entry at a time would
// cost a system call each, and after an unclean stop indexes are rebuilt from the data anyway. No
// mmap, no preallocation.
//
// File: Kafka's `.index`, 8-byte big-endian entries {int32 offset - base_offset, int32 position}.
// The offset is the *last* one of the batch that begins at `position`. Invariant: both increase
// strictly from entry to entry. Pure value; owned by its segment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace soliton::segment {

class OffsetIndex {
 public:
  static constexpr int64_t kEntryBytes = 8;

  struct Entry {
    int64_t offset = 0;
    int64_t position = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  explicit OffsetIndex(int64_t base_offset) : base_offset_(base_offset) {}

  // CHECKs that both lie above the last entry's (the first offset may equal the base offset) and
  // fit 31 bits.
  void Append(int64_t last_offset, int64_t position);

  // Where a forward scan for `offset` may begin: the entry with the greatest offset <= `offset`, or
  // {base_offset, 0}.
  Entry FloorOffset(int64_t offset) const;
  // Likewise for the batch boundary with the greatest known position <= `position`.
  Entry FloorPosition(int64_t position) const;

  // The segment now ends at `end_offset`, exclusive: drops entries at or above it.
  void TruncateTo(int64_t end_offset);

  bool empty() const { return slots_.empty(); }
  size_t entry_count() const { return slots_.size(); }
  int64_t size_bytes() const { return static_cast<int64_t>(slots_.size()) * kEntryBytes; }
  std::optional<Entry> last() const;
  // 0 is the first one.
  Entry entry(size_t index) const { return ToEntry(slots_[index]); }
  int64_t base_offset() const { return base_offset_; }

  // The file's content, and back. kDataLoss when the size is no multiple of an entry, the order is
  // broken or an entry does not fit a segment of `segment_size_bytes`. Zero entries at the end, as
  // Kafka's preallocation leaves them after a crash, break the order.
  std::string Encode() const;
  static absl::StatusOr<OffsetIndex> Decode(int64_t base_offset, std::string_view bytes,
                                            int64_t segment_size_bytes);

  friend bool operator==(const OffsetIndex&, const OffsetIndex&) = default;

 private:
  // As in the file: half the memory of Entry, and what is decoded needs no second form.
  struct Slot {
    int32_t relative_offset;
    int32_t position;
    friend bool operator==(const Slot&, const Slot&) = default;
  };
  Entry ToEntry(const Slot& slot) const {
    return {base_offset_ + slot.relative_offset, slot.position};
  }

  int64_t base_offset_;
  std::vector<Slot> slots_;
};

}  // namespace soliton::segment
