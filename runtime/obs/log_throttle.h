// Bounds the lines that strangers can make this process log. Pure: the time comes in. One owner.
#pragma once

#include <cstdint>
#include <optional>

#include "runtime/loop/clock.h"

namespace soliton {

class LogThrottle {
 public:
  // At most `lines` per `period`.
  LogThrottle(int32_t lines, Duration period) : lines_(lines), period_(period) {}

  // nullopt: this line is not to be written. Otherwise how many were left out before it.
  std::optional<int64_t> Admit(MonotonicTime now) {
    if (!begun_ || now - *begun_ >= period_) {
      begun_ = now;
      used_ = 0;
    }
    if (used_ >= lines_) {
      ++left_out_;
      return std::nullopt;
    }
    ++used_;
    const int64_t left_out = left_out_;
    left_out_ = 0;
    return left_out;
  }

 private:
  const int32_t lines_;
  const Duration period_;
  std::optional<MonotonicTime> begun_;
  int32_t used_ = 0;
  int64_t left_out_ = 0;
};

}  // namespace soliton
