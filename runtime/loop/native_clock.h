// The operating system's clocks: CLOCK_BOOTTIME and CLOCK_REALTIME. Stateless; any thread.
#pragma once

#include "runtime/loop/clock.h"

namespace soliton {

class NativeClock final : public Clock {
 public:
  MonotonicTime Now() const override;
  int64_t WallMs() const override;
};

}  // namespace soliton
