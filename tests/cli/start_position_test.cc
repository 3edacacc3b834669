#include "cli/start_position.h"

#include <gtest/gtest.h>

namespace soliton::cli {
namespace {

using Kind = consumer::StartPosition::Kind;

constexpr int64_t kNow = 1'000'000'000;

void ExpectFrom(std::string_view text, Kind kind, int64_t value) {
  const auto from = ParseFrom(text, kNow);
  ASSERT_TRUE(from.ok()) << from.status().ToString();
  EXPECT_EQ(from->position.kind, kind) << text;
  EXPECT_EQ(from->position.value, value) << text;
  EXPECT_EQ(from->last_records, 0) << text;
}

TEST(StartPositionTest, TakesEveryForm) {
  ExpectFrom("start", Kind::kEarliest, 0);
  ExpectFrom("beginning", Kind::kEarliest, 0);
  ExpectFrom("end", Kind::kLatest, 0);
  ExpectFrom("@1234", Kind::kOffset, 1234);
  ExpectFrom("1234", Kind::kOffset, 1234);
  ExpectFrom("-5m", Kind::kTimestamp, kNow - 300'000);
  ExpectFrom("-1.5s", Kind::kTimestamp, kNow - 1500);
  ExpectFrom("-100000d", Kind::kTimestamp, 0);
  ExpectFrom("@2026-01-31T12:00:00.123Z", Kind::kTimestamp, 1769860800123);
  ExpectFrom("@2026-01-31", Kind::kTimestamp, 1769817600000);
  EXPECT_EQ(ParseFrom("-100", kNow)->last_records, 100);
}

TEST(StartPositionTest, RefusesTheRest) {
  for (const char* text : {"", "x", "-", "-0", "-5x", "@", "@-1", "--5m", "@2026-13-01",
                           "99999999999999999999", "2026-01-31"}) {
    EXPECT_FALSE(ParseFrom(text, kNow).ok()) << text;
  }
}

TEST(StartPositionTest, TimesAreCheckedAndUtc) {
  EXPECT_EQ(*ParseIsoTime("1970-01-01T00:00:01"), 1000);
  EXPECT_EQ(*ParseIsoTime("2024-02-29 23:59"), 1709251140000);
  for (const char* text : {"2023-02-29", "2024-01-01T", "2024-01-01T24:00", "2024-01-01T12",
                           "2024-01-01T12:00:00.1", "2024-1-1", "2024-01-01T12:00+01:00"}) {
    EXPECT_FALSE(ParseIsoTime(text).ok()) << text;
  }
}

TEST(StartPositionTest, PartitionLists) {
  EXPECT_EQ(*ParsePartitions("0,2,5-7"), (std::vector<int32_t>{0, 2, 5, 6, 7}));
  EXPECT_EQ(*ParsePartitions("3,3,1"), (std::vector<int32_t>{1, 3}));
  for (const char* text : {"", "a", "1,", "-1", "5-3", "1-", "0-99999999", "1;2"}) {
    EXPECT_FALSE(ParsePartitions(text).ok()) << text;
  }
}

}  // namespace
}  // namespace soliton::cli
