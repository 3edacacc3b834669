// How long to wait before the next connection attempt: not at all at first, then 10 ms doubling up
// to 1 s, each with up to 20 % of jitter so that brokers do not come back in step.
#pragma once

#include <algorithm>

#include "runtime/base/random.h"
#include "runtime/loop/clock.h"

namespace soliton::controller {

class ReconnectBackoff {
 public:
  Duration Next(Random& random) {
    if (failures_++ == 0) return Duration::zero();
    const int doublings = std::min(failures_ - 2, 7);
    const Duration base = std::min<Duration>(milliseconds(10) * (1 << doublings), seconds(1));
    return base + base * random.Between(-20, 20) / 100;
  }
  void Reset() { failures_ = 0; }

 private:
  int failures_ = 0;
};

}  // namespace soliton::controller
