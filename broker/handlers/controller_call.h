// What requests share that the controller answers.
#pragma once

#include <algorithm>

#include "absl/status/status.h"
#include "protocol/wire/error_code.h"
#include "runtime/loop/clock.h"

namespace soliton::broker {

// What a client is told when the controller was not reached, or did not answer: that it may try
// again, or that nobody knows what became of it.
inline kafka::ErrorCode ControllerCallError(const absl::Status& why) {
  return absl::IsDeadlineExceeded(why) ? kafka::ErrorCode::REQUEST_TIMED_OUT
                                       : kafka::ErrorCode::NOT_CONTROLLER;
}

// How long a request that says so may take.
inline Duration ControllerCallTimeout(int32_t timeout_ms) {
  return milliseconds(std::clamp(timeout_ms, 100, 300000));
}

}  // namespace soliton::broker
