#include "segment/recent_batches.h"

#include <gtest/gtest.h>

namespace soliton::segment {
namespace {

TEST(RecentBatches, KnowsTheNewestOnes) {
  RecentBatches recent;
  EXPECT_FALSE(recent.FloorOffset(0));
  EXPECT_FALSE(recent.FloorPosition(0));
  const auto kCount = static_cast<int64_t>(RecentBatches::kCapacity) * 3 + 7;
  for (int64_t i = 0; i < kCount; ++i) {
    recent.Add(100 + i * 3, i * 50);
    const int64_t oldest =
        std::max<int64_t>(0, i + 1 - static_cast<int64_t>(RecentBatches::kCapacity));
    EXPECT_FALSE(recent.FloorOffset(100 + oldest * 3 - 1));
    EXPECT_FALSE(recent.FloorPosition(oldest * 50 - 1));
    for (const int64_t n : {oldest, (oldest + i) / 2, i}) {
      for (const int64_t inside : {0, 2}) {
        ASSERT_TRUE(recent.FloorOffset(100 + n * 3 + inside));
        EXPECT_EQ(recent.FloorOffset(100 + n * 3 + inside)->position, n * 50);
      }
      ASSERT_TRUE(recent.FloorPosition(n * 50 + 49));
      EXPECT_EQ(recent.FloorPosition(n * 50 + 49)->base_offset, 100 + n * 3);
    }
  }
  recent.Clear();
  EXPECT_FALSE(recent.FloorOffset(100 + kCount * 3));
  recent.Add(5, 0);
  EXPECT_EQ(recent.FloorOffset(9)->base_offset, 5);
}

}  // namespace
}  // namespace soliton::segment
