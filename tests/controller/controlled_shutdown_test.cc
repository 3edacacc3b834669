// When a broker that shuts down may go (S27).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class ControlledShutdownTest : public ::testing::Test {
 protected:
  CoreHarness harness_;
};

TEST_F(ControlledShutdownTest, LeavesNoLeaderBehind) {
  for (int id = 1; id <= 3; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3}, {2, 1, 3}, {3, 2, 1}});
  const Uuid alone = harness_.CreateAssigned("alone", {{1}});
  const auto ask = [&](int64_t applied) {
    return harness_.Heartbeat(1, harness_.EpochOf(1), applied, false, true).heartbeat().may_stop();
  };
  EXPECT_FALSE(ask(0));
  for (int p = 0; p < 3; ++p) {
    EXPECT_NE(harness_.Partition(topic, p).leader, 1);
    EXPECT_THAT(harness_.Partition(topic, p).isr, Not(Contains(1)));
  }
  EXPECT_EQ(harness_.Partition(alone).leader, kNoLeader);
  EXPECT_THAT(harness_.Partition(alone).isr, ElementsAre(1)) << "it alone has the data";
  EXPECT_FALSE(ask(0)) << "2 and 3 do not know yet";
  const auto end = static_cast<int64_t>(harness_.log().size()) - 1;
  harness_.Heartbeat(2, harness_.EpochOf(2), end);
  EXPECT_FALSE(ask(0));
  harness_.Heartbeat(3, harness_.EpochOf(3), end);
  EXPECT_TRUE(ask(0));
  EXPECT_EQ(harness_.log().size(), static_cast<size_t>(end) + 1) << "asking again adds nothing";
}

}  // namespace
}  // namespace soliton::controller
