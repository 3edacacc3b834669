#include "segment/retention_core.h"

#include <gtest/gtest.h>

#include <vector>

namespace soliton::segment {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;

// Three closed segments and an active one, 100 bytes and 10 offsets each, written an hour apart.
class RetentionCore : public testing::Test {
 protected:
  RetentionCore() {
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t written_ms = kNowMs - (4 - i) * kHourMs;
      segments.push_back({i * 10, i * 10 + 10, 100, written_ms, written_ms});
    }
    limits.now_ms = kNowMs;
    limits.limit_offset = 40;
  }
  size_t Count() const { return SegmentsToDelete(segments, limits); }

  static constexpr int64_t kHourMs = 3600 * 1000;
  std::vector<SegmentFacts> segments;
  RetentionLimits limits;
};

TEST_F(RetentionCore, UnlimitedKeepsAll) { EXPECT_EQ(Count(), 0u); }

TEST_F(RetentionCore, ByTime) {
  limits.retention_ms = 2 * kHourMs;
  EXPECT_EQ(Count(), 2u) << "exactly two hours old is not older than two hours";
  limits.retention_ms = 2 * kHourMs - 1;
  EXPECT_EQ(Count(), 3u);
  limits.retention_ms = 0;
  EXPECT_EQ(Count(), 4u) << "the active segment too";
  limits.limit_offset = 39;
  EXPECT_EQ(Count(), 3u) << "never at or above the limit";
  limits.limit_offset = 9;
  EXPECT_EQ(Count(), 0u);
}

TEST_F(RetentionCore, BySize) {
  limits.retention_bytes = 400;
  EXPECT_EQ(Count(), 0u);
  limits.retention_bytes = 300;
  EXPECT_EQ(Count(), 1u);
  limits.retention_bytes = 299;
  EXPECT_EQ(Count(), 1u) << "what stays is at least retention_bytes";
  limits.retention_bytes = 0;
  EXPECT_EQ(Count(), 3u) << "never the active segment";
}

TEST_F(RetentionCore, ByLogStart) {
  limits.log_start_offset = 19;
  EXPECT_EQ(Count(), 1u);
  limits.log_start_offset = 20;
  EXPECT_EQ(Count(), 2u);
  limits.log_start_offset = 40;
  EXPECT_EQ(Count(), 3u);
}

TEST_F(RetentionCore, StopsAtTheFirstThatStays) {
  limits.retention_ms = 2 * kHourMs;
  segments[0].max_timestamp_ms = kNowMs;
  EXPECT_EQ(Count(), 0u);
}

TEST_F(RetentionCore, WildTimestampsNeitherPinNorWipe) {
  limits.retention_ms = 90 * 60 * 1000;
  segments[0].max_timestamp_ms = kNowMs * 1000;  // nanoseconds taken for milliseconds
  segments[1].max_timestamp_ms = -1;
  EXPECT_EQ(Count(), 3u) << "the time of writing decides";
  segments[0].last_write_ms = -1;
  EXPECT_EQ(Count(), 0u) << "nothing known: kept";
}

TEST_F(RetentionCore, RecordsOfLongAgoStayAsLongAsNewOnes) {
  limits.retention_ms = 24 * kHourMs;
  for (SegmentFacts& segment : segments) segment.max_timestamp_ms = 1000;  // a clock at 1970
  EXPECT_EQ(Count(), 0u);
  limits.now_ms += 22 * kHourMs;
  EXPECT_EQ(Count(), 2u) << "more than a day after they were written";
  // Within a year they are what Kafka takes them for.
  for (SegmentFacts& segment : segments) segment.max_timestamp_ms = kNowMs - 300 * 24 * kHourMs;
  EXPECT_EQ(Count(), 4u);
}

TEST_F(RetentionCore, EmptyActiveSegmentStays) {
  limits.retention_ms = 0;
  segments.back() = {30, 30, 0, -1, -1};
  EXPECT_EQ(Count(), 3u);
}

}  // namespace
}  // namespace soliton::segment
