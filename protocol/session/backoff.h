// Exponential back-off with jitter: the first retry is immediate, the following wait `initial`,
// twice that, ... up to `max`, each shortened by up to a fifth so that clients do not march in
// step. Pure; one owner.
#pragma once

#include <algorithm>

#include "runtime/base/random.h"
#include "runtime/loop/clock.h"

namespace soliton::kafka {

class Backoff {
 public:
  Backoff(Duration initial, Duration max) : initial_(initial), max_(max) {}

  Duration Next(Random& random) {
    const int failures = failures_++;
    if (failures == 0) return Duration::zero();
    const Duration full = std::min(max_, initial_ * (int64_t{1} << std::min(failures - 1, 20)));
    return full - Duration(random.Between(0, full.count() / 5));
  }
  void Reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  Duration initial_;
  Duration max_;
  int failures_ = 0;
};

}  // namespace soliton::kafka
