#include "segment/recent_batches.h"

namespace soliton::segment {

void RecentBatches::Add(int64_t base_offset, int64_t position) {
  if (ring_.size() < kCapacity) {
    ring_.push_back({base_offset, position});
    return;
  }
  ring_[first_] = {base_offset, position};
  first_ = (first_ + 1) % kCapacity;
}

void RecentBatches::Clear() {
  ring_.clear();
  first_ = 0;
}

template <typename IsAbove>
std::optional<RecentBatches::Place> RecentBatches::Floor(IsAbove is_above) const {
  if (ring_.empty() || is_above(At(0))) return std::nullopt;
  size_t low = 0;  // At(low) is not above
  size_t high = size();
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    (is_above(At(middle)) ? high : low) = middle;
  }
  return At(low);
}

std::optional<RecentBatches::Place> RecentBatches::FloorOffset(int64_t offset) const {
  return Floor([offset](const Place& place) { return place.base_offset > offset; });
}

std::optional<RecentBatches::Place> RecentBatches::FloorPosition(int64_t position) const {
  return Floor([position](const Place& place) { return place.position > position; });
}

}  // namespace soliton::segment
