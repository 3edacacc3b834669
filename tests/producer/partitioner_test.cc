#include "producer/partitioner.h"

#include <gtest/gtest.h>

#include <map>

namespace soliton::producer {
namespace {

// Values of the Java client's Utils.murmur2.
TEST(PartitionerTest, Murmur2IsJavas) {
  EXPECT_EQ(Murmur2("21"), -973932308);
  EXPECT_EQ(Murmur2("foobar"), -790332482);
  EXPECT_EQ(Murmur2("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(Murmur2("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(Murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(Murmur2("abc"), 479470107);
}

TEST(PartitionerTest, KeysGoToPositiveHashModuloCount) {
  EXPECT_EQ(PartitionOfKey("21", 7), (-973932308 & 0x7fffffff) % 7);
  EXPECT_EQ(PartitionOfKey("abc", 5), 479470107 % 5);
  EXPECT_EQ(PartitionOfKey("", 1), 0);
}

TEST(PartitionerTest, SticksUntilABatchWorthOfBytes) {
  Random random(7);
  StickyPartition sticky(100);
  const int32_t first = sticky.Choose({0, 1, 2, 3}, 4, 60, random);
  EXPECT_EQ(sticky.Choose({0, 1, 2, 3}, 4, 60, random), first);
  std::map<int32_t, int> used;
  for (int i = 0; i < 400; ++i) ++used[sticky.Choose({0, 1, 2, 3}, 4, 100, random)];
  ASSERT_EQ(used.size(), 4u);
  for (const auto& [partition, times] : used) EXPECT_GT(times, 50) << partition;
}

TEST(PartitionerTest, LeavesAPartitionThatLostItsLeader) {
  Random random(7);
  StickyPartition sticky(1'000'000);
  const int32_t first = sticky.Choose({0, 1}, 2, 1, random);
  EXPECT_EQ(sticky.Choose({1 - first}, 2, 1, random), 1 - first);
}

TEST(PartitionerTest, WithoutAnyLeaderAnyPartitionWillDo) {
  Random random(7);
  StickyPartition sticky(1);
  for (int i = 0; i < 50; ++i) {
    const int32_t partition = sticky.Choose({}, 3, 1, random);
    EXPECT_TRUE(partition >= 0 && partition < 3);
  }
}

}  // namespace
}  // namespace soliton::producer
