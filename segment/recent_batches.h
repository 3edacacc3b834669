// Where the newest batches of the active segment lie: base offset -> position, the last `kCapacity`
// of them. Tail reads (followers, live consumers, the high watermark as a bound) find their place
// here without touching the index or the file. Appends allocate only until the ring is full. Owned
// by a Segment.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace soliton::segment {

class RecentBatches {
 public:
  static constexpr size_t kCapacity = 256;

  struct Place {
    int64_t base_offset = 0;
    int64_t position = 0;
  };

  void Add(int64_t base_offset, int64_t position);
  void Clear();

  // The newest known batch that begins at or below `offset`; nullopt when that one is no longer
  // known.
  std::optional<Place> FloorOffset(int64_t offset) const;
  // Likewise by position in the file.
  std::optional<Place> FloorPosition(int64_t position) const;

 private:
  size_t size() const { return ring_.size(); }
  // The i-th oldest.
  const Place& At(size_t i) const { return ring_[(first_ + i) % ring_.size()]; }
  template <typename IsAbove>
  std::optional<Place> Floor(IsAbove is_above) const;

  std::vector<Place> ring_;
  size_t first_ = 0;  // index of the oldest
};

}  // namespace soliton::segment
