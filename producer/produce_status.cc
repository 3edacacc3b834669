#include "producer/produce_status.h"

#include <fmt/format.h>

namespace soliton::producer {
namespace {

using kafka::ErrorCode;

absl::StatusCode CodeOf(ErrorCode error) {
  switch (error) {
    case ErrorCode::TOPIC_AUTHORIZATION_FAILED:
    case ErrorCode::CLUSTER_AUTHORIZATION_FAILED:
    case ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return absl::StatusCode::kPermissionDenied;
    case ErrorCode::UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode::UNKNOWN_TOPIC_ID:
      return absl::StatusCode::kNotFound;
    case ErrorCode::MESSAGE_TOO_LARGE:
    case ErrorCode::RECORD_LIST_TOO_LARGE:
    case ErrorCode::INVALID_RECORD:
    case ErrorCode::INVALID_TIMESTAMP:
    case ErrorCode::INVALID_TOPIC_EXCEPTION:
    case ErrorCode::INVALID_REQUIRED_ACKS:
    case ErrorCode::POLICY_VIOLATION:
      return absl::StatusCode::kInvalidArgument;
    case ErrorCode::UNSUPPORTED_VERSION:
    case ErrorCode::UNSUPPORTED_COMPRESSION_TYPE:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::StatusCode::kAborted;
  }
}

}  // namespace

absl::Status StatusOfError(ErrorCode error, const std::string& broker_message) {
  return absl::Status(
      CodeOf(error),
      fmt::format("{} ({}): {}", kafka::ErrorName(error), static_cast<int>(error),
                  broker_message.empty() ? std::string(kafka::ErrorText(error)) : broker_message));
}

absl::Status StatusOf(const Completion& completion, Duration delivery_timeout) {
  const char* doubt = completion.maybe_appended ? "; the records may have been written all the same"
                                                : "; the records were not written";
  if (!completion.timed_out) {
    const absl::Status status = StatusOfError(completion.error, completion.message);
    return absl::Status(status.code(), fmt::format("{}{}", std::string(status.message()), doubt));
  }
  const auto timeout_ms = std::chrono::duration_cast<milliseconds>(delivery_timeout).count();
  const std::string last =
      completion.error == ErrorCode::NONE
          ? std::string("no leader answered")
          : fmt::format("last error {} ({})", kafka::ErrorName(completion.error),
                        static_cast<int>(completion.error));
  return absl::DeadlineExceededError(
      fmt::format("not acknowledged within {} ms, {}{}", timeout_ms, last, doubt));
}

}  // namespace soliton::producer
