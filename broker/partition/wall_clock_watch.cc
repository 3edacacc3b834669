#include "broker/partition/wall_clock_watch.h"

#include <algorithm>
#include <utility>

namespace soliton::broker {

int64_t WallClockWatch::Look(MonotonicTime now, int64_t wall_ms) {
  const int64_t wall_before_ms = std::exchange(wall_ms_, wall_ms);
  if (!looked_at_) {
    looked_at_ = now;
    return 0;
  }
  const int64_t passed_ms = (now - *looked_at_) / milliseconds(1);
  looked_at_ = now;
  const int64_t step_ms = wall_ms - wall_before_ms - passed_ms;
  if (excess_ms_ > 0 && now >= believed_from_) excess_ms_ = 0;
  if (step_ms >= kStepMs) {
    excess_ms_ += step_ms;
    believed_from_ = now + kPatience;
    return step_ms;
  }
  if (step_ms <= -kStepMs) excess_ms_ = std::max<int64_t>(0, excess_ms_ + step_ms);
  return 0;
}

}  // namespace soliton::broker
