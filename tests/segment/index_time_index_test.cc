#include "segment/index/time_index.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "runtime/base/random.h"

namespace soliton::segment {
namespace {

using Entry = TimeIndex::Entry;

TEST(TimeIndex, KeepsOnlyNewMaxima) {
  TimeIndex index(50);
  index.MaybeAppend(1000, 60);
  index.MaybeAppend(1000, 70);
  index.MaybeAppend(900, 80);
  index.MaybeAppend(1001, 80);
  EXPECT_EQ(index.entry_count(), 2u);
  EXPECT_EQ(index.last(), (Entry{1001, 80}));
  EXPECT_EQ(index.FloorTimestamp(999), std::nullopt);
  EXPECT_EQ(index.FloorTimestamp(1000), (Entry{1000, 60}));
  EXPECT_EQ(index.FloorTimestamp(5000), (Entry{1001, 80}));
  EXPECT_EQ(index.FloorOffset(59), std::nullopt);
  EXPECT_EQ(index.FloorOffset(79), (Entry{1000, 60}));
  EXPECT_EQ(index.FloorOffset(80), (Entry{1001, 80}));
}

TEST(TimeIndex, WritesKafkasBytes) {
  TimeIndex index(10);
  index.MaybeAppend(0x0102030405060708, 12);
  EXPECT_EQ(index.Encode(), std::string("\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x02", 12));
}

TEST(TimeIndex, Truncates) {
  TimeIndex index(0);
  for (int i = 1; i <= 5; ++i) index.MaybeAppend(i * 100, i * 10);
  index.TruncateTo(31);
  EXPECT_EQ(index.last(), (Entry{300, 30}));
  index.TruncateTo(30);
  EXPECT_EQ(index.last(), (Entry{200, 20}));
  index.TruncateTo(0);
  EXPECT_TRUE(index.empty());
}

TEST(TimeIndex, RandomOnesRoundTripAndFindWhatALinearSearchFinds) {
  Random random(32);
  for (int round = 0; round < 200; ++round) {
    const int64_t base = random.Between(0, 1'000'000);
    TimeIndex index(base);
    std::vector<Entry> model;
    int64_t offset = base;
    for (uint64_t i = random.Below(50); i > 0; --i) {
      offset += random.Between(0, 100);
      const int64_t timestamp_ms = random.Between(0, 100000);
      index.MaybeAppend(timestamp_ms, offset);
      if (model.empty() || timestamp_ms > model.back().timestamp_ms) {
        model.push_back({timestamp_ms, offset});
      }
    }
    ASSERT_EQ(index.entry_count(), model.size());
    const auto decoded = TimeIndex::Decode(base, index.Encode(), offset + 1);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(*decoded, index);
    for (int i = 0; i < 50; ++i) {
      const int64_t wanted_ms = random.Between(-10, 100010);
      const int64_t wanted_offset = random.Between(base - 10, offset + 10);
      std::optional<Entry> by_time;
      std::optional<Entry> by_offset;
      for (const Entry& entry : model) {
        if (entry.timestamp_ms <= wanted_ms) by_time = entry;
        if (entry.offset <= wanted_offset) by_offset = entry;
      }
      ASSERT_EQ(index.FloorTimestamp(wanted_ms), by_time);
      ASSERT_EQ(index.FloorOffset(wanted_offset), by_offset);
    }
  }
}

TEST(TimeIndex, RefusesFilesThatCannotBeRight) {
  TimeIndex index(0);
  index.MaybeAppend(1000, 10);
  index.MaybeAppend(2000, 20);
  const std::string good = index.Encode();
  ASSERT_TRUE(TimeIndex::Decode(0, good, 21).ok());
  const auto refused = [](std::string_view bytes, int64_t end_offset) {
    return absl::IsDataLoss(TimeIndex::Decode(0, bytes, end_offset).status());
  };
  EXPECT_TRUE(refused(good, 20)) << "offset beyond the end";
  EXPECT_TRUE(refused(good.substr(0, 23), 100)) << "cut inside an entry";
  EXPECT_TRUE(refused(good + std::string(12, '\0'), 100)) << "preallocated zeros";
  EXPECT_TRUE(refused(good.substr(0, 12) + good.substr(0, 12), 100)) << "repeats";
  EXPECT_TRUE(refused(std::string(8, '\0') + "\xff\xff\xff\xff", 100)) << "negative offset";
  const int64_t top = std::numeric_limits<int64_t>::max();
  EXPECT_TRUE(absl::IsDataLoss(TimeIndex::Decode(top - 5, good, top).status()));
}

TEST(TimeIndexDeathTest, OffsetsMustNotGoBack) {
  TimeIndex index(100);
  index.MaybeAppend(1000, 110);
  EXPECT_DEATH(index.MaybeAppend(1001, 109), "follows");
  EXPECT_DEATH(index.MaybeAppend(1001, 99), "in segment");
}

}  // namespace
}  // namespace soliton::segment
