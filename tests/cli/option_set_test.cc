#include "cli/option_set.h"

#include <gtest/gtest.h>

namespace soliton::cli {
namespace {

TEST(OptionSet, NamesAreUniqueAndWellFormed) {
  bool flag = false;
  std::string text;
  OptionSet options;
  options.Flag("-a,--all", &flag, "all");
  EXPECT_DEATH(options.Flag("--all", &flag, "again"), "declared twice");
  EXPECT_DEATH(options.Flag("all", &flag, "no dashes"), "malformed option name");
  EXPECT_DEATH(options.Flag("-all", &flag, "one dash"), "malformed option name");
  EXPECT_DEATH(options.Value("--x", "", &text, "no value name"), "value name");
}

TEST(OptionSet, FindAndGiven) {
  int32_t number = 0;
  OptionSet options;
  options.Value("-n,--number", "N", &number, "how many");
  ASSERT_NE(options.Find("-n"), nullptr);
  EXPECT_EQ(options.Find("-n"), options.Find("--number"));
  EXPECT_EQ(options.Find("--numbers"), nullptr);
  EXPECT_EQ(options.Find("-n")->display_name(), "--number");
  EXPECT_FALSE(options.Given("--number"));
  options.Find("-n")->times_given = 1;
  EXPECT_TRUE(options.Given("-n"));
  EXPECT_FALSE(options.Given("--nothing"));
}

TEST(OptionSet, FailedParsesLeaveTheTarget) {
  int32_t number = 7;
  EXPECT_FALSE(ParseOptionValue("5000000000", &number).ok());
  EXPECT_FALSE(ParseOptionValue("x", &number).ok());
  EXPECT_EQ(number, 7);
  Duration duration = seconds(1);
  EXPECT_FALSE(ParseOptionValue("soon", &duration).ok());
  EXPECT_EQ(duration, seconds(1));
  ByteCount size{3};
  EXPECT_FALSE(ParseOptionValue("big", &size).ok());
  EXPECT_EQ(size.bytes, 3);
  double real = 0.25;
  EXPECT_FALSE(ParseOptionValue("half", &real).ok());
  EXPECT_EQ(real, 0.25);
}

TEST(OptionSet, RangeKeepsTheTypesMessage) {
  int32_t number = 0;
  OptionSet options;
  OptionSpec& spec = options.Value("--n", "N", &number, "n").Range(1, 3);
  EXPECT_TRUE(spec.set("3").ok());
  EXPECT_EQ(number, 3);
  EXPECT_EQ(std::string(spec.set("4").message()), "expected 1 to 3");
  EXPECT_EQ(std::string(spec.set("x").message()), "expected a whole number");
  EXPECT_EQ(number, 3);
}

}  // namespace
}  // namespace soliton::cli
