#include "segment/index/offset_index.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "runtime/base/random.h"

namespace soliton::segment {
namespace {

using Entry = OffsetIndex::Entry;

TEST(OffsetIndex, FindsTheFloor) {
  OffsetIndex index(100);
  EXPECT_EQ(index.FloorOffset(100), (Entry{100, 0}));
  EXPECT_EQ(index.FloorPosition(5000), (Entry{100, 0}));
  EXPECT_EQ(index.last(), std::nullopt);
  index.Append(109, 4096);
  index.Append(120, 9000);
  EXPECT_EQ(index.FloorOffset(50), (Entry{100, 0}));
  EXPECT_EQ(index.FloorOffset(108), (Entry{100, 0}));
  EXPECT_EQ(index.FloorOffset(109), (Entry{109, 4096}));
  EXPECT_EQ(index.FloorOffset(119), (Entry{109, 4096}));
  EXPECT_EQ(index.FloorOffset(std::numeric_limits<int64_t>::max()), (Entry{120, 9000}));
  EXPECT_EQ(index.FloorPosition(4095), (Entry{100, 0}));
  EXPECT_EQ(index.FloorPosition(4096), (Entry{109, 4096}));
  EXPECT_EQ(index.FloorPosition(9001), (Entry{120, 9000}));
  EXPECT_EQ(index.last(), (Entry{120, 9000}));
  EXPECT_EQ(index.size_bytes(), 16);
}

TEST(OffsetIndex, WritesKafkasBytes) {
  OffsetIndex index(1000000000000);
  index.Append(1000000000001, 0x01020304);
  index.Append(1000000000000 + 0x7fffffff, 0x7fffffff);
  EXPECT_EQ(index.Encode(),
            std::string("\x00\x00\x00\x01\x01\x02\x03\x04\x7f\xff\xff\xff\x7f\xff\xff\xff", 16));
}

TEST(OffsetIndex, Truncates) {
  OffsetIndex index(0);
  for (int i = 1; i <= 5; ++i) index.Append(i * 10, i * 1000);
  index.TruncateTo(31);
  EXPECT_EQ(index.last(), (Entry{30, 3000}));
  index.TruncateTo(30);
  EXPECT_EQ(index.last(), (Entry{20, 2000})) << "offset 30 itself is cut";
  index.TruncateTo(0);
  EXPECT_TRUE(index.empty());
}

TEST(OffsetIndex, RandomOnesRoundTripAndFindWhatALinearSearchFinds) {
  Random random(31);
  for (int round = 0; round < 200; ++round) {
    const int64_t base = random.Between(0, 1'000'000);
    OffsetIndex index(base);
    std::vector<Entry> model;
    int64_t offset = base;
    int64_t position = 0;
    for (uint64_t i = random.Below(50); i > 0; --i) {
      offset += random.Between(1, 100);
      position += random.Between(61, 10000);
      index.Append(offset, position);
      model.push_back({offset, position});
    }
    const auto decoded = OffsetIndex::Decode(base, index.Encode(), position + 61);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(*decoded, index);
    for (int i = 0; i < 50; ++i) {
      const int64_t wanted_offset = random.Between(base - 10, offset + 10);
      const int64_t wanted_position = random.Between(0, position + 100);
      Entry by_offset{base, 0};
      Entry by_position{base, 0};
      for (const Entry& entry : model) {
        if (entry.offset <= wanted_offset) by_offset = entry;
        if (entry.position <= wanted_position) by_position = entry;
      }
      ASSERT_EQ(index.FloorOffset(wanted_offset), by_offset);
      ASSERT_EQ(index.FloorPosition(wanted_position), by_position);
    }
  }
}

TEST(OffsetIndex, RefusesFilesThatCannotBeRight) {
  OffsetIndex index(0);
  index.Append(10, 1000);
  index.Append(20, 2000);
  const std::string good = index.Encode();
  ASSERT_TRUE(OffsetIndex::Decode(0, good, 2001).ok());
  ASSERT_TRUE(OffsetIndex::Decode(0, "", 0).ok());
  const auto refused = [](std::string_view bytes, int64_t segment_size_bytes) {
    return absl::IsDataLoss(OffsetIndex::Decode(0, bytes, segment_size_bytes).status());
  };
  EXPECT_TRUE(refused(good, 2000)) << "points beyond the data";
  EXPECT_TRUE(refused(good.substr(0, 15), 5000)) << "cut inside an entry";
  EXPECT_TRUE(refused(good + std::string(8, '\0'), 5000)) << "preallocated zeros";
  EXPECT_TRUE(refused(good + good, 5000)) << "goes back";
  EXPECT_TRUE(refused(std::string(8, '\xff'), 5000)) << "negative";
  EXPECT_TRUE(refused(good.substr(0, 8) + good.substr(0, 8), 5000)) << "repeats";
}

TEST(OffsetIndexDeathTest, EntriesMustIncrease) {
  OffsetIndex index(100);
  index.Append(110, 500);
  EXPECT_DEATH(index.Append(110, 600), "does not follow");
  EXPECT_DEATH(index.Append(111, 500), "does not follow");
  EXPECT_DEATH(index.Append(100 + (int64_t{1} << 31), 600), "CHECK failed");
  EXPECT_DEATH(index.Append(99, 600), "CHECK failed");
}

}  // namespace
}  // namespace soliton::segment
