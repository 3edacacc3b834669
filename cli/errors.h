// How a command fails: what is wrong, where, why, and one command that helps. Printed to stderr as
//   error: unknown topic 'order'
//     at: localhost:9092
//     cause: UNKNOWN_TOPIC_OR_PARTITION (3)
//     hint: did you mean 'orders'? List them with: soliton topic list
// Empty parts are left out. Never a stack trace.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cli/exit_code.h"
#include "protocol/wire/error_code.h"

namespace soliton::cli {

struct CliError {
  ExitCode code = ExitCode::kFailed;
  std::string what;   // no full stop, lower case start
  std::string at;     // file:line:column or host:port
  std::string cause;  // Kafka's error name and code, or the system's words
  std::string hint;
};

// The lines above, each ended by a newline.
std::string FormatError(const CliError& error);

// "NOT_LEADER_OR_FOLLOWER (6)", for CliError::cause.
std::string CauseOf(kafka::ErrorCode code);

// Exit code that fits a status: kUnavailable = cannot connect, kNotFound, kDeadlineExceeded =
// timeout, kPermissionDenied and kUnauthenticated = refused, kDataLoss = corrupt, kCancelled =
// interrupted, else failed.
ExitCode ExitCodeOf(const absl::Status& status);
// The exit code that fits an error a broker answered with.
ExitCode ExitCodeOf(kafka::ErrorCode code);

// A CliError with the code of `status` and its message as the cause.
CliError ErrorFromStatus(std::string what, const absl::Status& status);

}  // namespace soliton::cli
