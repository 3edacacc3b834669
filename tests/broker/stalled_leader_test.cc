// S61: a leader whose disk does not move. Others lead as long as it lasts.
#include "tests/broker/broker_lifecycle_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class StalledLeaderTest : public BrokerLifecycleTest {
 protected:
  StalledLeaderTest() {
    adjust_ = [](BrokerOptions& options) { options.stall_timeout = seconds(2); };
  }
};

TEST_F(StalledLeaderTest, HandsOverAndComesBack) {
  Start();
  const Uuid id = CreateTopic("t");
  const int stalled = LeaderOf("t");
  ASSERT_EQ(Produce(stalled, id, 0, "before"), ErrorCode::NONE);
  node(stalled).StallDisk(seconds(15));
  // Something must be flushed for the stall to be seen.
  const ErrorCode answer = Produce(stalled, id, 0, "during");
  EXPECT_NE(answer, ErrorCode::NONE) << "nothing is acknowledged that is not on disk";
  const int leader = WaitForLeaderOtherThan(stalled, "t");
  ASSERT_GT(leader, 0);
  ASSERT_EQ(Produce(leader, id, 0, "by another"), ErrorCode::NONE);
  EXPECT_FALSE(Replica(stalled, "t")->leader);
  world_.RunFor(seconds(15));
  ASSERT_TRUE(WaitForIsr(CurrentLeader("t"), "t", 3, seconds(20))) << "it moves again";
}

TEST_F(StalledLeaderTest, AShortStallChangesNothing) {
  Start();
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  node(leader).StallDisk(milliseconds(1500));
  EXPECT_EQ(Produce(leader, id, 0, "slow"), ErrorCode::NONE);
  EXPECT_EQ(CurrentLeader("t"), leader);
}

}  // namespace
}  // namespace soliton::broker
