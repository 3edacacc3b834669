// The end of a batch's story.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/wire/error_code.h"

namespace soliton::producer {

using BatchId = uint64_t;

struct Completion {
  BatchId batch = 0;
  bool acked = false;
  // Why it was not acknowledged; NONE when the delivery timeout ended before any answer.
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  int64_t base_offset = -1;
  int64_t log_append_time_ms = -1;
  bool timed_out = false;       // the delivery timeout ended; `error` is the last one seen
  bool maybe_appended = false;  // not acked, but it may be in the log all the same
  std::string message;          // from the broker, may be empty
};

}  // namespace soliton::producer
