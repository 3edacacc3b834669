#include "producer/partitioner.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/check.h"

namespace soliton::producer {

int32_t Murmur2(std::string_view data) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  constexpr int kShift = 24;

  const auto* bytes = reinterpret_cast<const uint8_t*>(data.data());
  size_t length = data.size();
  uint32_t hash = kSeed ^ static_cast<uint32_t>(length);
  for (; length >= 4; length -= 4, bytes += 4) {
    uint32_t word;  // little endian, as this whole program assumes (runtime/base/endian.h)
    std::memcpy(&word, bytes, 4);
    word *= kMultiplier;
    word ^= word >> kShift;
    word *= kMultiplier;
    hash *= kMultiplier;
    hash ^= word;
  }
  if (length >= 3) hash ^= static_cast<uint32_t>(bytes[2]) << 16;
  if (length >= 2) hash ^= static_cast<uint32_t>(bytes[1]) << 8;
  if (length >= 1) {
    hash ^= bytes[0];
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return static_cast<int32_t>(hash);
}

int32_t PartitionOfKey(std::string_view key, int32_t partition_count) {
  CHECK(partition_count > 0);
  return (Murmur2(key) & 0x7fffffff) % partition_count;
}

int32_t StickyPartition::Choose(const std::vector<int32_t>& available, int32_t partition_count,
                                int64_t record_bytes, Random& random) {
  CHECK(partition_count > 0);
  const auto usable = [&](int32_t partition) {
    if (partition >= partition_count) return false;
    return available.empty() || std::binary_search(available.begin(), available.end(), partition);
  };
  if (!current_.has_value() || bytes_on_current_ >= stick_bytes_ || !usable(*current_)) {
    const uint64_t count =
        available.empty() ? static_cast<uint64_t>(partition_count) : available.size();
    const uint64_t pick = random.Below(count);
    current_ = available.empty() ? static_cast<int32_t>(pick) : available[pick];
    bytes_on_current_ = 0;
  }
  bytes_on_current_ += record_bytes;
  return *current_;
}

}  // namespace soliton::producer
