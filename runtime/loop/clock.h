// Time as the rest of the program sees it. Nothing outside runtime/ asks the operating system; the
// simulator provides its own Clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace soliton {

using Duration = std::chrono::nanoseconds;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Tag for the monotonic timeline: it starts at an arbitrary point, never goes back, and is
// comparable only within one process (or one simulated world).
struct MonotonicTimeline {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  static constexpr bool is_steady = true;
};
using MonotonicTime = std::chrono::time_point<MonotonicTimeline, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  // For timeouts and measuring. Any thread.
  virtual MonotonicTime Now() const = 0;
  // Milliseconds since the Unix epoch: record timestamps and retention only; may jump either way.
  // Any thread.
  virtual int64_t WallMs() const = 0;
};

}  // namespace soliton
