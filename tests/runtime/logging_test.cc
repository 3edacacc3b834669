#include "runtime/obs/logging.h"

#include <gtest/gtest.h>

#include <vector>

#include "runtime/base/check.h"

namespace soliton {
namespace {

TEST(JsonLogLineTest, Shape) {
  EXPECT_EQ(JsonLogLine(1'700'000'000'123, LogLevel::kInfo, "broker-1", "hello"),
            R"({"ts":"2023-11-14T22:13:20.123Z","level":"info","node":"broker-1","msg":"hello"})");
  EXPECT_EQ(JsonLogLine(0, LogLevel::kError, "", ""),
            R"({"ts":"1970-01-01T00:00:00.000Z","level":"error","node":"","msg":""})");
}

std::string Escaped(std::string_view text) {
  const std::string line = JsonLogLine(0, LogLevel::kWarn, "", text);
  const std::string_view head =
      R"({"ts":"1970-01-01T00:00:00.000Z","level":"warn","node":"","msg":")";
  CHECK(std::string_view(line).starts_with(head), "{}", line);
  return line.substr(head.size(), line.size() - head.size() - 2);
}

TEST(JsonLogLineTest, Escaping) {
  using namespace std::string_view_literals;
  EXPECT_EQ(Escaped(R"(say "hi" to C:\x)"), R"(say \"hi\" to C:\\x)");
  EXPECT_EQ(Escaped("a\nb\rc\td"), R"(a\nb\rc\td)");
  EXPECT_EQ(Escaped("\0\x01\x1f\x7f"sv), R"(\u0000\u0001\u001f\u007f)");
  EXPECT_EQ(Escaped("Grüße €😀"), "Grüße €😀");
}

TEST(JsonLogLineTest, InvalidUtf8IsReplaced) {
  EXPECT_EQ(Escaped("a\xFF"
                    "b"),
            R"(a\ufffdb)");
  EXPECT_EQ(Escaped("\xC3"), R"(\ufffd)");                                // cut short
  EXPECT_EQ(Escaped("\xC0\xAF"), R"(\ufffd\ufffd)");                      // overlong '/'
  EXPECT_EQ(Escaped("\xED\xA0\x80"), R"(\ufffd\ufffd\ufffd)");            // surrogate
  EXPECT_EQ(Escaped("\xF4\x90\x80\x80"), R"(\ufffd\ufffd\ufffd\ufffd)");  // above U+10FFFF
}

class LogSinkTest : public testing::Test {
 protected:
  LogSinkTest() {
    SetLogSink([this](LogLevel level, std::string_view message) {
      lines_.emplace_back(level, std::string(message));
    });
  }
  ~LogSinkTest() override {
    SetLogSink({});
    SetLogLevel(LogLevel::kInfo);
  }
  std::vector<std::pair<LogLevel, std::string>> lines_;
};

TEST_F(LogSinkTest, LevelsFilter) {
  SetLogLevel(LogLevel::kWarn);
  LogInfo("not this {}", 1);
  LogWarn("this {}", 2);
  LogError("and {}", "that");
  SetLogLevel(LogLevel::kOff);
  LogError("nor this");
  ASSERT_EQ(lines_.size(), 2u);
  EXPECT_EQ(lines_[0], (std::pair{LogLevel::kWarn, std::string("this 2")}));
  EXPECT_EQ(lines_[1], (std::pair{LogLevel::kError, std::string("and that")}));
}

TEST_F(LogSinkTest, FailedDataChecksAreLoggedAndReturnFalse) {
  EXPECT_TRUE(DataCheck(true, "unused"));
  EXPECT_FALSE(DataCheck(false, "bad magic {}", 7));
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_EQ(lines_[0].second, "data check failed: bad magic 7");
}

TEST(LogLevelTest, NamesRoundTrip) {
  for (std::string_view name : {"debug", "info", "warn", "error", "off"}) {
    ASSERT_TRUE(ParseLogLevel(name).has_value());
    EXPECT_EQ(LogLevelName(*ParseLogLevel(name)), name);
  }
  EXPECT_FALSE(ParseLogLevel("loud").has_value());
}

TEST(LogOutputDeathTest, JsonLinesGoToStderr) {
  EXPECT_EXIT(
      {
        InitLogging({.level = LogLevel::kInfo, .json = true, .node = "node \"1\""});
        LogInfo("100% of {}", "it\n");
        std::exit(0);
      },
      testing::ExitedWithCode(0), R"("node":"node \\"1\\"","msg":"100% of it\\n")");
}

TEST(LogOutputDeathTest, TextGoesToStderr) {
  EXPECT_EXIT(
      {
        InitLogging({.level = LogLevel::kInfo, .json = false, .node = "b%v1"});
        LogWarn("careful");
        std::exit(0);
      },
      testing::ExitedWithCode(0), "warn.*b%v1  careful");
}

TEST(CheckDeathTest, MessageTellsExpressionPlaceAndText) {
  const int left = 1;
  EXPECT_DEATH(CHECK(left == 2, "left is {}", left),
               "CHECK failed: left == 2 at .*logging_test.cc:[0-9]+: left is 1");
  EXPECT_DEATH(
      {
        SetDataChecksFatal(true);
        (void)DataCheck(false, "rotten");
      },
      "rotten");
}

}  // namespace
}  // namespace soliton
