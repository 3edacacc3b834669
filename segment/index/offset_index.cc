#include "segment/index/offset_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "runtime/base/check.h"
#include "runtime/base/endian.h"

namespace soliton::segment {
namespace {

bool FitsSlot(int64_t value) { return value >= 0 && value <= std::numeric_limits<int32_t>::max(); }

}  // namespace

void OffsetIndex::Append(int64_t last_offset, int64_t position) {
  const int64_t relative_offset = last_offset - base_offset_;
  CHECK(FitsSlot(relative_offset) && FitsSlot(position), "offset {} at byte {} of segment {}",
        last_offset, position, base_offset_);
  CHECK(slots_.empty() ||
            (relative_offset > slots_.back().relative_offset && position > slots_.back().position),
        "offset {} at byte {} does not follow offset {} at byte {}", last_offset, position,
        last()->offset, last()->position);
  slots_.push_back({static_cast<int32_t>(relative_offset), static_cast<int32_t>(position)});
}

OffsetIndex::Entry OffsetIndex::FloorOffset(int64_t offset) const {
  const int64_t relative_offset = offset - base_offset_;
  const auto above = std::upper_bound(
      slots_.begin(), slots_.end(), relative_offset,
      [](int64_t wanted, const Slot& slot) { return wanted < slot.relative_offset; });
  return above == slots_.begin() ? Entry{base_offset_, 0} : ToEntry(*std::prev(above));
}

OffsetIndex::Entry OffsetIndex::FloorPosition(int64_t position) const {
  const auto above =
      std::upper_bound(slots_.begin(), slots_.end(), position,
                       [](int64_t wanted, const Slot& slot) { return wanted < slot.position; });
  return above == slots_.begin() ? Entry{base_offset_, 0} : ToEntry(*std::prev(above));
}

void OffsetIndex::TruncateTo(int64_t end_offset) {
  while (!slots_.empty() && base_offset_ + slots_.back().relative_offset >= end_offset) {
    slots_.pop_back();
  }
}

std::optional<OffsetIndex::Entry> OffsetIndex::last() const {
  if (slots_.empty()) return std::nullopt;
  return ToEntry(slots_.back());
}

std::string OffsetIndex::Encode() const {
  std::string bytes(slots_.size() * kEntryBytes, '\0');
  auto* to = reinterpret_cast<uint8_t*>(bytes.data());
  for (const Slot& slot : slots_) {
    StoreBigEndian(to, slot.relative_offset);
    StoreBigEndian(to + 4, slot.position);
    to += kEntryBytes;
  }
  return bytes;
}

absl::StatusOr<OffsetIndex> OffsetIndex::Decode(int64_t base_offset, std::string_view bytes,
                                                int64_t segment_size_bytes) {
  if (bytes.size() % kEntryBytes != 0) {
    return absl::DataLossError(
        fmt::format("offset index of {} bytes ends inside an entry", bytes.size()));
  }
  OffsetIndex index(base_offset);
  index.slots_.reserve(bytes.size() / kEntryBytes);
  const auto* from = reinterpret_cast<const uint8_t*>(bytes.data());
  Slot previous{-1, -1};
  for (size_t i = 0; i < bytes.size() / kEntryBytes; ++i, from += kEntryBytes) {
    const Slot slot{LoadBigEndian<int32_t>(from), LoadBigEndian<int32_t>(from + 4)};
    if (slot.relative_offset <= previous.relative_offset || slot.position <= previous.position ||
        slot.position >= segment_size_bytes) {
      return absl::DataLossError(
          fmt::format("offset index entry {} = (+{}, byte {}) does not fit after (+{}, byte {}) in "
                      "a segment of {} bytes",
                      i, slot.relative_offset, slot.position, previous.relative_offset,
                      previous.position, segment_size_bytes));
    }
    index.slots_.push_back(slot);
    previous = slot;
  }
  return index;
}

}  // namespace soliton::segment
