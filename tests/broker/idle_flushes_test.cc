#include "broker/partition/idle_flushes.h"

#include <gtest/gtest.h>

#include <vector>

namespace soliton::broker {
namespace {

TopicPartition Id(int32_t partition) { return {{1, 1}, partition}; }

TEST(IdleFlushesTest, AFewAtATimeInTurnsAndEachOnce) {
  constexpr int32_t kMany = 10;
  IdleFlushes flushes;
  for (int round = 0; round < 3; ++round) {
    for (int32_t i = 0; i < kMany; ++i) flushes.Add(Id(i));
  }
  std::vector<int32_t> flushed;
  for (int under_way = 0; auto id = flushes.Next();) {
    flushed.push_back(id->partition);
    if (++under_way < IdleFlushes::kAtOnce) continue;
    EXPECT_FALSE(flushes.Next()) << "enough are under way";
    flushes.OnDone();
    --under_way;
  }
  for (int i = 0; i < IdleFlushes::kAtOnce; ++i) {
    flushes.OnDone();
    while (auto id = flushes.Next()) flushed.push_back(id->partition);
  }
  EXPECT_EQ(flushed, (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(IdleFlushesTest, OneThatIsUnderWayMayWaitAgain) {
  IdleFlushes flushes;
  flushes.Add(Id(0));
  ASSERT_TRUE(flushes.Next());
  flushes.Add(Id(0));
  EXPECT_TRUE(flushes.Next()) << "what came up meanwhile is not in the first one";
}

}  // namespace
}  // namespace soliton::broker
