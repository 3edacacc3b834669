// How a failed batch is told to the application. Pure.
#pragma once

#include "absl/status/status.h"
#include "producer/sender_core.h"
#include "protocol/wire/error_code.h"

namespace soliton::producer {

// "NOT_ENOUGH_REPLICAS (19): fewer replicas ...", with the status code that fits.
absl::Status StatusOfError(kafka::ErrorCode error, const std::string& broker_message = "");

// Of a completion that is no success.
absl::Status StatusOf(const Completion& completion, Duration delivery_timeout);

}  // namespace soliton::producer
