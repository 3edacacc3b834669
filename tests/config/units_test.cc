#include "config/units.h"

#include <gtest/gtest.h>

namespace soliton::config {
namespace {

TEST(Units, Durations) {
  const std::pair<const char*, int64_t> kGood[] = {{"0", 0},           {"1ns", 1},
                                                   {"3us", 3'000},     {"500ms", 500'000'000},
                                                   {"30s", 30e9},      {"1.5s", 1'500'000'000},
                                                   {"15m", 900e9},     {"12h", 43200e9},
                                                   {"7d", 604800e9},   {"1w", 604800e9},
                                                   {" 2 s ", 2e9},     {"-5m", -300e9},
                                                   {"+5ms", 5'000'000}};
  for (const auto& [text, nanoseconds] : kGood) {
    const absl::StatusOr<Duration> duration = ParseDuration(text);
    ASSERT_TRUE(duration.ok()) << text;
    EXPECT_EQ(duration->count(), nanoseconds) << text;
  }
  for (const char* text : {"", "5", "s", "5x", "5 days", "1h30m", "1e3s", "--5s", "9999999999d",
                           "nan", "0x5s", "5S"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(Units, ByteCounts) {
  const std::pair<const char*, int64_t> kGood[] = {
      {"0", 0},       {"4096", 4096},      {"4096B", 4096},    {"64KiB", 65536},
      {"64k", 65536}, {"10MiB", 10 << 20}, {"1 GiB", 1 << 30}, {"1.5KiB", 1536},
      {"1kB", 1000},  {"2MB", 2'000'000},  {"2M", 2 << 20},    {"1TiB", int64_t{1} << 40}};
  for (const auto& [text, bytes] : kGood) {
    const absl::StatusOr<int64_t> count = ParseByteCount(text);
    ASSERT_TRUE(count.ok()) << text;
    EXPECT_EQ(*count, bytes) << text;
  }
  for (const char* text : {"", "-1", "KiB", "1 PB", "1kib", "99999999999TiB", "1..5KiB"}) {
    EXPECT_FALSE(ParseByteCount(text).ok()) << text;
  }
}

TEST(Units, Numbers) {
  EXPECT_EQ(*ParseInteger("-7"), -7);
  EXPECT_EQ(*ParseInteger("+7"), 7);
  for (const char* text : {"", "+", "7 ", "7x", "0x7", "1.0", "9223372036854775808"}) {
    EXPECT_FALSE(ParseInteger(text).ok()) << text;
  }
  EXPECT_EQ(*ParseDouble("0.5"), 0.5);
  for (const char* text : {"", "nan", "inf", "1,5"}) EXPECT_FALSE(ParseDouble(text).ok()) << text;
}

TEST(Units, FormattingIsReadBack) {
  for (int64_t ns : {int64_t{0}, int64_t{1}, int64_t{1'500'000}, int64_t{500'000'000},
                     int64_t{604'800'000'000'000}}) {
    EXPECT_EQ(*ParseDuration(FormatDuration(Duration(ns))), Duration(ns));
  }
  EXPECT_EQ(FormatDuration(milliseconds(604800000)), "7d");
  EXPECT_EQ(FormatDuration(milliseconds(1500)), "1500ms");
  EXPECT_EQ(FormatByteCount(1 << 30), "1GiB");
  EXPECT_EQ(FormatByteCount(1000), "1000B");
}

TEST(Units, Trim) {
  EXPECT_EQ(Trim("  a b\t\n"), "a b");
  EXPECT_EQ(Trim(" \t"), "");
}

}  // namespace
}  // namespace soliton::config
