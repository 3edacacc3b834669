#include "controller/quorum_description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/metadata/convert.h"
#include "tests/controller/quorum/quorum_world.h"

namespace soliton::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kWallMs = 1'700'000'000'000;

class QuorumDescriptionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(world_.Timeout(0));
    world_.RunFor(milliseconds(200));
    ASSERT_EQ(world_.leader(), 0);
    ASSERT_TRUE(world_.Propose(0, 5));
    world_.RunFor(milliseconds(50));
  }
  pb::DescribeQuorumResponse Describe(const std::vector<BrokerProgress>& followers = {}) {
    return DescribeQuorum(world_.core(0), endpoints_, followers,
                          {.now = world_.now(), .wall_ms = kWallMs});
  }
  const pb::QuorumReplicaState& Of(const pb::DescribeQuorumResponse& response, int node) {
    for (const auto& voter : response.voters()) {
      if (voter.node_id() == world_.voter(node).node_id) return voter;
    }
    ADD_FAILURE() << "node " << node << " is not listed";
    return response.voters(0);
  }

  QuorumWorld world_{{}, 1};
  std::map<int32_t, Endpoint> endpoints_ = {{1, {"c1", 9093}}, {2, {"c2", 9093}}};
};

TEST_F(QuorumDescriptionTest, VotersAndHowFarTheyAre) {
  const auto response = Describe();
  EXPECT_EQ(response.leader_id(), world_.voter(0).node_id);
  EXPECT_EQ(response.leader_epoch(), world_.core(0).epoch());
  EXPECT_EQ(response.high_watermark(), world_.core(0).committed_end());
  ASSERT_EQ(response.voters_size(), 3);
  for (int node = 0; node < 3; ++node) {
    const auto& voter = Of(response, node);
    EXPECT_EQ(FromPb(voter.directory_id()), world_.voter(node).directory_id);
    EXPECT_EQ(voter.log_end_offset(), world_.core(0).log().end_offset());
    EXPECT_GE(voter.last_fetch_ms(), kWallMs - 100);
    EXPECT_LE(voter.last_fetch_ms(), kWallMs);
    EXPECT_GE(voter.last_caught_up_ms(), kWallMs - 100);
  }
  ASSERT_EQ(response.nodes_size(), 2) << "where the third is reached is not known";
  EXPECT_EQ(response.nodes(1).host(), "c2");
  EXPECT_EQ(response.nodes(1).port(), 9093u);
}

TEST_F(QuorumDescriptionTest, AVoterThatIsAwayFallsBehind) {
  const int64_t end_before = world_.core(0).log().end_offset();
  ASSERT_TRUE(world_.Crash(2, 100, true));
  world_.RunFor(milliseconds(300));
  ASSERT_TRUE(world_.Propose(0, 3));
  world_.RunFor(milliseconds(50));
  const auto response = Describe();
  EXPECT_EQ(Of(response, 1).log_end_offset(), end_before + 3);
  const auto& away = Of(response, 2);
  EXPECT_EQ(away.log_end_offset(), end_before);
  EXPECT_LE(away.last_fetch_ms(), kWallMs - 300);
  EXPECT_LE(away.last_caught_up_ms(), kWallMs - 300);
}

TEST_F(QuorumDescriptionTest, BrokersThatFollowAreObservers) {
  const int64_t end = world_.core(0).committed_end();
  const MonotonicTime heard = world_.now() - milliseconds(20);
  const int32_t votes_too = world_.voter(1).node_id;
  const auto response =
      Describe({{.broker_id = votes_too, .applied_offset = end - 1},
                {.broker_id = 70, .applied_offset = end - 1, .last_contact = heard},
                {.broker_id = 71, .applied_offset = 0, .last_contact = heard},
                {.broker_id = 72, .applied_offset = -1, .last_contact = heard}});
  ASSERT_EQ(response.observers_size(), 3) << "a combined node is listed once";
  EXPECT_EQ(response.observers(0).log_end_offset(), end);
  EXPECT_EQ(response.observers(0).last_fetch_ms(), kWallMs - 20);
  EXPECT_EQ(response.observers(0).last_caught_up_ms(), kWallMs - 20);
  EXPECT_EQ(response.observers(1).log_end_offset(), 1);
  EXPECT_EQ(response.observers(1).last_caught_up_ms(), -1);
  EXPECT_EQ(response.observers(2).log_end_offset(), -1) << "it has said nothing yet";
}

TEST(QuorumObservers, AControllerWithoutAVoteIsOne) {
  QuorumWorld world({.spares = 1}, 1);
  world.RunFor(seconds(1));
  const int leader = world.leader();
  ASSERT_GE(leader, 0);
  ASSERT_TRUE(world.AddLearner(leader, 3));
  world.RunFor(milliseconds(100));
  const Voter spare = world.voter(3);
  const int64_t end = world.core(leader).committed_end();
  const auto response = DescribeQuorum(world.core(leader), {{spare.node_id, {"c4", 9093}}},
                                       {{.broker_id = spare.node_id, .applied_offset = 0}},
                                       {.now = world.now(), .wall_ms = kWallMs});
  EXPECT_EQ(response.voters_size(), 3);
  ASSERT_EQ(response.observers_size(), 1) << "its broker is not listed beside it";
  EXPECT_EQ(response.observers(0).node_id(), spare.node_id);
  EXPECT_EQ(FromPb(response.observers(0).directory_id()), spare.directory_id);
  EXPECT_EQ(response.observers(0).log_end_offset(), end);
  EXPECT_GE(response.observers(0).last_caught_up_ms(), kWallMs - 100);
  ASSERT_EQ(response.nodes_size(), 1);
  EXPECT_EQ(response.nodes(0).host(), "c4");
}

}  // namespace
}  // namespace soliton::controller
