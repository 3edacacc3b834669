// How a command fails: what is wrong, where, why, and one command that helps. Printed to stderr as
//   error: unknown topic 'order'
//     at: localhost:9092
//     cause: UNKNOWN_TOPIC_OR_PARTITION (3)
//     hint: did you mean 'orders'? List them with: soliton topic list
// Empty parts are left out. Never a stack trace. Programs ask for one line of JSON instead, with
// --errors json, or by wanting the data as JSON:
//   {"version":1,"error":{"exit_code":6,"exit_meaning":"not found","what":"unknown topic 'order'",
//    "at":"localhost:9092","cause":"UNKNOWN_TOPIC_OR_PARTITION (3)","hint":"did you mean ...",
//    "kafka_error":"UNKNOWN_TOPIC_OR_PARTITION","kafka_error_code":3,"findings":[]}}
// All keys are always there, null where there is nothing to say; new ones may come.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cli/exit_code.h"
#include "config/diagnostics.h"
#include "protocol/wire/error_code.h"

namespace soliton::cli {

struct CliError {
  ExitCode code = ExitCode::kFailed;
  std::string what;   // no full stop, lower case start
  std::string at;     // file:line:column or host:port
  std::string cause;  // Kafka's error name and code, or the system's words
  std::string hint;
  // All that is wrong with a configuration, for programs; people get Diagnostics::Render.
  std::vector<config::Diagnostic> findings = {};
};

// The lines above, each ended by a newline.
std::string FormatError(const CliError& error);
// The line of JSON, ended by a newline. Kafka's error is the one that the cause names.
std::string FormatErrorAsJson(const CliError& error);
// Whether a command line wants its errors as JSON. Asked of the words, because what is wrong may be
// the words themselves.
bool WantsJsonErrors(const std::vector<std::string>& words);

// "NOT_LEADER_OR_FOLLOWER (6)", for CliError::cause.
std::string CauseOf(kafka::ErrorCode code);
// The first of Kafka's errors that a cause names so.
std::optional<kafka::ErrorCode> KafkaErrorIn(std::string_view cause);

// Exit code that fits a status: kUnavailable = cannot connect, kNotFound, kDeadlineExceeded =
// timeout, kPermissionDenied and kUnauthenticated = refused, kDataLoss = corrupt, kCancelled =
// interrupted, else failed.
ExitCode ExitCodeOf(const absl::Status& status);
// The exit code that fits an error a broker answered with.
ExitCode ExitCodeOf(kafka::ErrorCode code);

// A CliError with the code of `status` and its message as the cause.
CliError ErrorFromStatus(std::string what, const absl::Status& status);

}  // namespace soliton::cli
