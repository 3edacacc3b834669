// The only source of randomness: seeded, injected, deterministic (xoshiro256**). One per shard; not
// thread-safe.
#pragma once

#include <cstdint>

namespace soliton {

class Random {
 public:
  explicit Random(uint64_t seed);

  uint64_t Next();
  // Uniform in [0, bound). CHECKs bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform in [low, high], both inclusive.
  int64_t Between(int64_t low, int64_t high);
  // True with probability numerator/denominator.
  bool Chance(uint64_t numerator, uint64_t denominator);

 private:
  uint64_t state_[4];
};

}  // namespace soliton
