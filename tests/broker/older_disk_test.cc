// S59: the data directory of a broker is put back to an older copy of itself while nobody looks.
#include "tests/broker/broker_lifecycle_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class OlderDiskTest : public BrokerLifecycleTest {
 protected:
  // A topic on two brokers, a record on both of them, and a copy of the follower's disk from before
  // it.
  void Prepare() {
    Start();
    id_ = CreateTopic("t", 1, 2);
    leader_ = CurrentLeader("t");
    for (int id = 1; id <= 3; ++id) {
      if (id != leader_ && Replica(id, "t")) follower_ = id;
    }
    ASSERT_GT(follower_, 0);
    ASSERT_EQ(Produce(leader_, id_, 0, "before"), ErrorCode::NONE);
    copy_ = node(follower_).files().Copy();
    ASSERT_EQ(Produce(leader_, id_, 0, "acknowledged"), ErrorCode::NONE);
    world_.RunFor(seconds(7));  // its life goes on, and is heard of
  }
  // The follower dies, then the leader; the follower comes back first.
  void DieInTurn(const std::function<void()>& meanwhile) {
    node(follower_).Crash({.lose_unsynced = false});
    world_.RunFor(seconds(1));
    node(leader_).Crash({.lose_unsynced = false});
    world_.RunFor(seconds(1));
    meanwhile();
    node(follower_).Restart();
    world_.RunFor(seconds(3));
  }
  bool Leads(int id) {
    const auto replica = Replica(id, "t");
    return replica && replica->leader;
  }

  Uuid id_;
  int leader_ = -1;
  int follower_ = -1;
  sim::SimNamespace copy_;
};

TEST_F(OlderDiskTest, DoesNotLeadBeforeItHasCaughtUp) {
  Prepare();
  DieInTurn([&] { node(follower_).files().Restore(copy_); });
  EXPECT_FALSE(Leads(follower_)) << "without what was acknowledged";
  node(leader_).Restart();
  ASSERT_TRUE(WaitForIsr(leader_, "t", 2, seconds(20)));
  EXPECT_EQ(Replica(follower_, "t")->log_end_offset, 2);
}

TEST_F(OlderDiskTest, TheSameDiskLeads) {
  Prepare();
  DieInTurn([] {});
  EXPECT_TRUE(Leads(follower_));
  EXPECT_EQ(Replica(follower_, "t")->log_end_offset, 2);
}

// What is declared as lost by a process that runs is no older copy for it.
TEST_F(OlderDiskTest, ALostFolderIsAnotherMatter) {
  Prepare();
  const Uuid whole = CreateTopic("whole", 1, 3);
  ASSERT_EQ(Produce(LeaderOf("whole"), whole, 0, "kept"), ErrorCode::NONE);
  node(follower_).Crash({.lose_unsynced = false});
  ASSERT_TRUE(node(follower_).files().RemoveTree("/data/t-0").ok());
  RestartAndServe(follower_);
  ASSERT_TRUE(WaitForIsr(CurrentLeader("t"), "t", 2, seconds(20)));
  world_.RunFor(seconds(7));
  node(follower_).Crash({.lose_unsynced = false});
  RestartAndServe(follower_);
  ASSERT_TRUE(WaitForIsr(CurrentLeader("whole"), "whole", 3, seconds(20)));
  EXPECT_EQ(fatal_.size(), 0u);
}

}  // namespace
}  // namespace soliton::broker
