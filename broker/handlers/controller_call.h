// What requests share that the controller answers.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "controller/client/cluster_requests.h"
#include "protocol/wire/error_code.h"
#include "runtime/loop/clock.h"

namespace soliton::broker {

// What a client is told when the controller was not reached, or did not answer: that it may try
// again, or that nobody knows what became of it.
inline kafka::ErrorCode ControllerCallError(const absl::Status& why) {
  return absl::IsDeadlineExceeded(why) ? kafka::ErrorCode::REQUEST_TIMED_OUT
                                       : kafka::ErrorCode::NOT_CONTROLLER;
}

// The answer to a request that is answered as a whole.
template <typename Response>
Response WholeResponse(const absl::StatusOr<controller::WholeResult>& result) {
  Response response;
  response.error_code = result.ok() ? result->error : ControllerCallError(result.status());
  response.error_message = std::nullopt;
  if (response.error_code != kafka::ErrorCode::NONE) {
    response.error_message =
        result.ok() ? result->error_message : std::string(result.status().message());
  }
  return response;
}

// How long a request that says so may take.
inline Duration ControllerCallTimeout(int32_t timeout_ms) {
  return milliseconds(std::clamp(timeout_ms, 100, 300000));
}

}  // namespace soliton::broker
