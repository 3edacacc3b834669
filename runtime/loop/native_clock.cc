#include "runtime/loop/native_clock.h"

#include <time.h>

#include <chrono>

namespace soliton {

// Unlike CLOCK_MONOTONIC it counts the time in which a machine is suspended: who slept through a
// session must notice. As cheap, both are read without a system call.
MonotonicTime NativeClock::Now() const {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return MonotonicTime(seconds(now.tv_sec) + Duration(now.tv_nsec));
}

// libstdc++ reads CLOCK_REALTIME here.
int64_t NativeClock::WallMs() const {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace soliton
