#include "runtime/loop/native_clock.h"

namespace soliton {

// libstdc++ reads CLOCK_MONOTONIC and CLOCK_REALTIME here.
MonotonicTime NativeClock::Now() const {
  return MonotonicTime(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

int64_t NativeClock::WallMs() const {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace soliton
