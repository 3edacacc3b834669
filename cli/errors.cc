#include "cli/errors.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/output.h"

namespace soliton::cli {
namespace {

std::string_view MeaningOf(ExitCode code) {
  for (const ExitCodeInfo& info : AllExitCodes()) {
    if (info.code == code) return info.meaning;
  }
  return "";
}

std::string QuoteOrNull(std::string_view text) { return text.empty() ? "null" : JsonQuote(text); }

std::string FindingAsJson(const config::Diagnostic& finding) {
  const bool is_error = finding.severity == config::Diagnostic::Severity::kError;
  return fmt::format(R"({{"severity":"{}","what":{},"at":{},"hint":{}}})",
                     is_error ? "error" : "warning", JsonQuote(finding.message),
                     QuoteOrNull(finding.location ? finding.location->ToString() : ""),
                     QuoteOrNull(finding.note));
}

bool IsUpperName(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

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

std::optional<kafka::ErrorCode> KafkaErrorIn(std::string_view cause) {
  for (size_t at = cause.find(" ("); at != cause.npos; at = cause.find(" (", at + 1)) {
    size_t begin = at;
    while (begin > 0 && IsUpperName(cause[begin - 1])) --begin;
    const auto code = kafka::ErrorFromName(cause.substr(begin, at - begin));
    if (code && cause.substr(begin).starts_with(CauseOf(*code))) return code;
  }
  return std::nullopt;
}

std::string FormatErrorAsJson(const CliError& error) {
  const std::optional<kafka::ErrorCode> kafka_error = KafkaErrorIn(error.cause);
  std::vector<std::string> findings;
  for (const config::Diagnostic& each : error.findings) findings.push_back(FindingAsJson(each));
  return fmt::format(
      R"({{"version":1,"error":{{"exit_code":{},"exit_meaning":{},"what":{},"at":{},"cause":{},)"
      R"("hint":{},"kafka_error":{},"kafka_error_code":{},"findings":[{}]}}}})"
      "\n",
      static_cast<int>(error.code), JsonQuote(MeaningOf(error.code)), JsonQuote(error.what),
      QuoteOrNull(error.at), QuoteOrNull(error.cause), QuoteOrNull(error.hint),
      QuoteOrNull(kafka_error ? kafka::ErrorName(*kafka_error) : ""),
      kafka_error ? std::to_string(static_cast<int>(*kafka_error)) : "null",
      fmt::join(findings, ","));
}

bool WantsJsonErrors(const std::vector<std::string>& words) {
  bool data_is_json = false;
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    std::string_view word = words[i];
    // "--errors json", "--errors=json" and "-ojson" are one option and one value.
    std::string_view value;
    if (const size_t equals = word.find('='); word.starts_with("--") && equals != word.npos) {
      value = word.substr(equals + 1);
      word = word.substr(0, equals);
    } else if (word.starts_with("-o") && word.size() > 2) {
      value = word.substr(2);
      word = word.substr(0, 2);
    } else if (i + 1 < words.size()) {
      value = words[i + 1];
    }
    if (word == "--errors") return value == "json";
    if (word == "-o" || word == "--output") data_is_json = value == "json" || value == "jsonl";
  }
  return data_is_json;
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
