// How far the wall clock has jumped ahead, so that a wrong clock does not delete what should be
// kept: pure. Against the monotonic clock a step is seen at once; what it means is not. It may be a
// repair, or the error that is repaired in an hour. So for a day deletions by time are made as if
// it had not happened (S57): records that are too old by both reckonings go, the others wait for
// somebody to look. A step back takes the excess back. A clock that is wrong from the start is not
// noticed.
#pragma once

#include <cstdint>
#include <optional>

#include "runtime/loop/clock.h"

namespace soliton::broker {

class WallClockWatch {
 public:
  // Smaller steps are what clocks are set by; also less than any sensible retention time.
  static constexpr int64_t kStepMs = 3600 * int64_t{1000};
  static constexpr Duration kPatience = seconds(24 * 3600);

  // Looks at both clocks; call often. The step ahead that was seen now, 0 mostly.
  int64_t Look(MonotonicTime now, int64_t wall_ms);
  // How far the wall clock is ahead of what is believed.
  int64_t excess_ms() const { return excess_ms_; }

 private:
  std::optional<MonotonicTime> looked_at_;
  int64_t wall_ms_ = 0;
  int64_t excess_ms_ = 0;
  MonotonicTime believed_from_;
};

}  // namespace soliton::broker
