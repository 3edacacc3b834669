#include "cli/errors.h"

#include <fmt/format.h>
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

TEST(Errors, AsJson) {
  const std::string bare =
      R"~({"version":1,"error":{"exit_code":2,"exit_meaning":"wrong usage",)~"
      R"~("what":"no \"cup\"\n","at":null,"cause":null,"hint":null,"kafka_error":null,)~"
      R"~("kafka_error_code":null,"findings":[]}})~";
  EXPECT_EQ(FormatErrorAsJson({.code = ExitCode::kUsage, .what = "no \"cup\"\n"}), bare + "\n");
  const std::string full =
      R"~({"version":1,"error":{"exit_code":6,"exit_meaning":"not found",)~"
      R"~("what":"unknown topic 'order'","at":"localhost:9092",)~"
      R"~("cause":"UNKNOWN_TOPIC_OR_PARTITION (3)","hint":"look",)~"
      R"~("kafka_error":"UNKNOWN_TOPIC_OR_PARTITION","kafka_error_code":3,"findings":[]}})~";
  EXPECT_EQ(FormatErrorAsJson({ExitCode::kNotFound, "unknown topic 'order'", "localhost:9092",
                               CauseOf(kafka::ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), "look"}),
            full + "\n");
}

TEST(Errors, ACauseNamesKafkasError) {
  using kafka::ErrorCode;
  EXPECT_EQ(KafkaErrorIn("INVALID_CONFIG (40): retention.ms: no number"),
            ErrorCode::INVALID_CONFIG);
  EXPECT_EQ(KafkaErrorIn("not acknowledged in 5 ms (or so), last error NOT_ENOUGH_REPLICAS (19)"),
            ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(KafkaErrorIn("INVALID_CONFIG (3)"), std::nullopt);  // a coincidence
  EXPECT_EQ(KafkaErrorIn("EIO (5)"), std::nullopt);
  EXPECT_EQ(KafkaErrorIn(" ("), std::nullopt);
  EXPECT_EQ(KafkaErrorIn(""), std::nullopt);
}

TEST(Errors, WhichWordsAskForJson) {
  using Words = std::vector<std::string>;
  for (const Words& words :
       {Words{"topic", "list", "-o", "json"}, Words{"topic", "list", "-ojson"},
        Words{"topic", "list", "-o", "jsonl"}, Words{"topic", "list", "--output=json"},
        Words{"topic", "list", "--output", "json"}, Words{"--errors", "json"},
        Words{"consume", "t", "-o", "raw", "--errors=json"}, Words{"tpoic", "-o", "json"}}) {
    EXPECT_TRUE(WantsJsonErrors(words)) << fmt::format("{}", fmt::join(words, " "));
  }
  for (const Words& words :
       {Words{}, Words{"topic", "list"}, Words{"topic", "list", "-o"},
        Words{"topic", "list", "-o", "csv"}, Words{"topic", "list", "-o", "json", "--errors=text"},
        Words{"produce", "t", "--", "-o", "json"},
        Words{"topic", "list", "-o", "json", "-o", "csv"}, Words{"topic", "list", "--errors"}}) {
    EXPECT_FALSE(WantsJsonErrors(words)) << fmt::format("{}", fmt::join(words, " "));
  }
}

}  // namespace
}  // namespace soliton::cli
