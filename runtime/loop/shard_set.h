// The shards of one process (or of one simulated node). Fixed at start.
#pragma once

#include <cstdint>

#include "runtime/loop/shard.h"

namespace soliton {

class ShardSet {
 public:
  virtual ~ShardSet() = default;
  virtual int size() const = 0;
  virtual Shard& shard(int index) = 0;

  // The shard that owns whatever hashes to `key_hash`. The same key always has the same owner
  // within one run.
  Shard& OwnerOf(uint64_t key_hash) {
    return shard(
        static_cast<int>((key_hash * 0x9E3779B97F4A7C15ull >> 33) % static_cast<uint64_t>(size())));
  }
};

}  // namespace soliton
