#include "cli/errors.h"

#include <fmt/format.h>

namespace soliton::cli {

std::string FormatError(const CliError& error) {
  std::string text = fmt::format("error: {}\n", error.what);
  if (!error.at.empty()) text += fmt::format("  at: {}\n", error.at);
  if (!error.cause.empty()) text += fmt::format("  cause: {}\n", error.cause);
  if (!error.hint.empty()) text += fmt::format("  hint: {}\n", error.hint);
  return text;
}

std::string CauseOf(kafka::ErrorCode code) {
  return fmt::format("{} ({})", kafka::ErrorName(code), static_cast<int>(code));
}

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kOk;
    case absl::StatusCode::kUnavailable:
      return ExitCode::kCannotConnect;
    case absl::StatusCode::kNotFound:
      return ExitCode::kNotFound;
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kTimeout;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kRefused;
    case absl::StatusCode::kDataLoss:
      return ExitCode::kDataCorrupt;
    case absl::StatusCode::kCancelled:
      return ExitCode::kInterrupted;
    default:
      return ExitCode::kFailed;
  }
}

ExitCode ExitCodeOf(kafka::ErrorCode code) {
  // By name, so that this list reads like the documentation; it runs once per failed command.
  const std::string name = kafka::ErrorName(code);
  const std::string_view view = name;
  if (view == "NONE") return ExitCode::kOk;
  if (view.ends_with("AUTHORIZATION_FAILED") || view == "SASL_AUTHENTICATION_FAILED" ||
      view == "SECURITY_DISABLED") {
    return ExitCode::kRefused;
  }
  if (view.starts_with("UNKNOWN_TOPIC") || view == "GROUP_ID_NOT_FOUND" ||
      view == "RESOURCE_NOT_FOUND") {
    return ExitCode::kNotFound;
  }
  if (view == "REQUEST_TIMED_OUT") return ExitCode::kTimeout;
  if (view == "CORRUPT_MESSAGE") return ExitCode::kDataCorrupt;
  return ExitCode::kFailed;
}

CliError ErrorFromStatus(std::string what, const absl::Status& status) {
  return {
      .code = ExitCodeOf(status), .what = std::move(what), .cause = std::string(status.message())};
}

}  // namespace soliton::cli
