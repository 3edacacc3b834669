#include "cli/setting_changes.h"

#include <gtest/gtest.h>

#include "config/config_table.h"
#include "tests/cli/fixture.h"

namespace soliton::cli {
namespace {

TEST(SettingChanges, UnitsBecomeTheNumbersThatTheClusterWants) {
  const std::vector<std::array<const char*, 3>> cases = {
      {"retention.ms=7d", "retention.ms", "604800000"},
      {"retention.ms=-1", "retention.ms", "-1"},
      {"segment.bytes=64MiB", "segment.bytes", "67108864"},
      {"cleanup.policy=compact,delete", "cleanup.policy", "compact,delete"},
      {"min.insync.replicas=2", "min.insync.replicas", "2"},
      {"a.newer.setting=7d", "a.newer.setting", "7d"},
      {"retention.ms=soon", "retention.ms", "soon"},  // the broker says what is wrong
      {"retention.ms=", "retention.ms", ""},
  };
  for (const auto& [text, name, value] : cases) {
    const auto argument = ParseSettingArgument(text, config::kTopicScope);
    ASSERT_TRUE(argument.ok()) << text;
    EXPECT_EQ(argument->name, name);
    EXPECT_EQ(argument->value, value);
  }
  for (const char* text : {"", "=", "=5", "retention.ms"}) {
    EXPECT_FALSE(ParseSettingArgument(text, config::kTopicScope).ok()) << text;
  }
}

TEST(SettingChanges, RequestAndItsText) {
  const auto request =
      ToAlterRequest(kTopicResource, "orders", {"retention.ms=7d"}, {"segment.ms"});
  ASSERT_TRUE(request.ok());
  ASSERT_EQ(request->resources.size(), 1u);
  EXPECT_EQ(request->resources[0].resource_name, "orders");
  EXPECT_EQ(request->resources[0].configs.size(), 2u);
  EXPECT_EQ(ChangesText(*request), "retention.ms=604800000, segment.ms back to its default");
  EXPECT_FALSE(ToAlterRequest(kTopicResource, "o", {"a=1", "a=2"}, {}).ok());
  EXPECT_FALSE(ToAlterRequest(kTopicResource, "o", {"a=1"}, {"a"}).ok());
}

TEST(SettingChanges, ARefusalPointsToTheNearestName) {
  const auto request = ToAlterRequest(kTopicResource, "orders", {"retention.mss=7"}, {});
  const CliError error = SettingsRefused("cannot alter topic 'orders'", "localhost:9092",
                                         kafka::ErrorCode::INVALID_CONFIG,
                                         "Unknown topic config name: retention.mss", *request);
  EXPECT_EQ(FormatError(error),
            "error: cannot alter topic 'orders'\n"
            "  at: localhost:9092\n"
            "  cause: INVALID_CONFIG (40): Unknown topic config name: retention.mss\n"
            "  hint: did you mean 'retention.ms'?\n");
  EXPECT_EQ(error.code, ExitCode::kFailed);
  const auto value = ToAlterRequest(kTopicResource, "orders", {"segment.bytes=1"}, {});
  EXPECT_EQ(SettingsRefused("x", "", kafka::ErrorCode::INVALID_CONFIG, "too small", *value).hint,
            "see: soliton config explain segment.bytes");
}

struct UsageCase {
  std::vector<std::string> words;
  std::string expected;  // in the error
};

TEST(SettingChanges, MistakesAreUsageErrorsBeforeAnythingIsDialled) {
  const UsageCase cases[] = {
      {{"topic", "alter"}, "NAME"},
      {{"topic", "alter", "t"}, "nothing to change"},
      {{"topic", "alter", "t", "--set", "x"}, "expected NAME=VALUE"},
      {{"topic", "alter", "t", "--set", "x=1", "--delete", "x"}, "more than once"},
      {{"topic", "alter", "t", "-p", "0"}, "partitions"},
      {{"topic", "alter", "t", "--sett", "x=1"}, "--set"},
      {{"config", "set"}, "nothing to change"},
      {{"config", "set", "x"}, "expected NAME=VALUE"},
      {{"config", "set", "x=1", "--topic", "t", "--broker", "1"}, "exclude each other"},
      {{"config", "get", "--topic", "t", "--broker", "1"}, "exclude each other"},
      {{"config", "get", "--broker", "-1"}, "broker"},
  };
  for (const UsageCase& each : cases) {
    const Ran ran = RunWords(each.words);
    EXPECT_EQ(ran.code, ExitCode::kUsage) << ran.err;
    EXPECT_NE(ran.err.find(each.expected), std::string::npos) << ran.err;
    EXPECT_EQ(ran.out, "") << "stdout is for data";
  }
}

TEST(SettingChanges, OutputHelpNeedsNoBroker) {
  const Ran ran = RunWords({"config", "get", "-o", "help"});
  EXPECT_EQ(ran.code, ExitCode::kOk);
  for (const char* key : {"name", "value", "source", "read_only", "doc"}) {
    EXPECT_NE(ran.out.find(key), std::string::npos) << ran.out;
  }
}

}  // namespace
}  // namespace soliton::cli
