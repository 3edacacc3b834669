#include "cli/errors.h"

#include <gtest/gtest.h>

namespace soliton::cli {
namespace {

TEST(Errors, EmptyPartsAreLeftOut) {
  EXPECT_EQ(FormatError({.code = ExitCode::kFailed, .what = "no"}), "error: no\n");
  EXPECT_EQ(FormatError({ExitCode::kNotFound, "unknown topic 'order'", "localhost:9092",
                         CauseOf(kafka::ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                         "list them with: soliton topic list"}),
            "error: unknown topic 'order'\n"
            "  at: localhost:9092\n"
            "  cause: UNKNOWN_TOPIC_OR_PARTITION (3)\n"
            "  hint: list them with: soliton topic list\n");
}

TEST(Errors, ExitCodesOfStatuses) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), ExitCode::kOk);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), ExitCode::kCannotConnect);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("")), ExitCode::kTimeout);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), ExitCode::kNotFound);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("")), ExitCode::kDataCorrupt);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(absl::CancelledError("")), ExitCode::kInterrupted);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), ExitCode::kFailed);
}

TEST(Errors, ExitCodesOfKafkasErrors) {
  const std::pair<const char*, ExitCode> kExpected[] = {
      {"NONE", ExitCode::kOk},
      {"UNKNOWN_TOPIC_OR_PARTITION", ExitCode::kNotFound},
      {"UNKNOWN_TOPIC_ID", ExitCode::kNotFound},
      {"TOPIC_AUTHORIZATION_FAILED", ExitCode::kRefused},
      {"SASL_AUTHENTICATION_FAILED", ExitCode::kRefused},
      {"REQUEST_TIMED_OUT", ExitCode::kTimeout},
      {"CORRUPT_MESSAGE", ExitCode::kDataCorrupt},
      {"NOT_ENOUGH_REPLICAS", ExitCode::kFailed},
  };
  for (const auto& [name, code] : kExpected) {
    EXPECT_EQ(ExitCodeOf(*kafka::ErrorFromName(name)), code) << name;
  }
}

TEST(Errors, FromStatus) {
  const CliError error = ErrorFromStatus("cannot list topics", absl::UnavailableError("refused"));
  EXPECT_EQ(error.code, ExitCode::kCannotConnect);
  EXPECT_EQ(FormatError(error), "error: cannot list topics\n  cause: refused\n");
}

}  // namespace
}  // namespace soliton::cli
