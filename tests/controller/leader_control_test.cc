#include "controller/core/leader_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::ElementsAre;
using ::testing::Pair;

class LeaderControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int id = 1; id <= 3; ++id) harness_.Join(id);
    topic_ = harness_.CreateAssigned("t", {{1, 2, 3}, {2, 3, 1}, {3, 1, 2}}, 1);
  }
  // Broker 1 dies, comes back and is in sync again; others lead its partitions.
  void BounceBroker1() {
    harness_.Kill(1);
    harness_.Join(1, 2, harness_.EpochOf(1));
    for (int32_t p = 0; p < 3; ++p) {
      ASSERT_EQ(harness_.ChangeIsr(topic_, p, {1, 2, 3}).error(), 0);
    }
  }
  using Results = std::vector<std::pair<int32_t, ErrorCode>>;
  Results Elect(int32_t type, const std::vector<int32_t>& partitions, bool all = false) {
    pb::ControlRequest request;
    pb::ElectLeadersRequest* body = request.mutable_elect_leaders();
    body->set_election_type(type);
    body->set_all(all);
    for (const int32_t p : partitions) {
      pb::TopicPartitionName* asked = body->add_partitions();
      asked->set_topic("t");
      asked->set_partition(p);
    }
    Results results;
    const pb::ControlResponse response = harness_.Handle(request);
    for (const auto& result : response.partitions().results()) {
      results.emplace_back(result.partition(), ErrorFromPb(result.error()));
    }
    return results;
  }
  std::vector<int32_t> Leaders() {
    std::vector<int32_t> leaders;
    for (int32_t p = 0; p < 3; ++p) leaders.push_back(harness_.Partition(topic_, p).leader);
    return leaders;
  }

  CoreHarness harness_;
  Uuid topic_;
};

TEST_F(LeaderControlTest, PreferredElectionGivesLeadershipBack) {
  BounceBroker1();
  EXPECT_THAT(Leaders(), ElementsAre(2, 2, 3));
  EXPECT_THAT(Elect(kPreferredElection, {0, 1, 9}),
              ElementsAre(Pair(0, ErrorCode::NONE), Pair(1, ErrorCode::ELECTION_NOT_NEEDED),
                          Pair(9, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)));
  EXPECT_THAT(Leaders(), ElementsAre(1, 2, 3));
  const PartitionInfo& partition = harness_.Partition(topic_, 0);
  EXPECT_THAT(partition.isr, ElementsAre(1, 2, 3)) << "nobody loses its place";
  ASSERT_EQ(harness_.last().leader_changes.size(), 1u);
  EXPECT_EQ(harness_.last().leader_changes[0].election, ElectionKind::kPreferred);
}

TEST_F(LeaderControlTest, APreferredReplicaMustBeAliveAndInSync) {
  harness_.Kill(1);
  EXPECT_THAT(Elect(kPreferredElection, {0}),
              ElementsAre(Pair(0, ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE)));
  harness_.Join(1, 2, harness_.EpochOf(1));
  EXPECT_THAT(Elect(kPreferredElection, {0}),
              ElementsAre(Pair(0, ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE)))
      << "it is back, but not in sync";
  EXPECT_TRUE(harness_.last().records.empty());
}

TEST_F(LeaderControlTest, AllPartitionsAreAskedForButThoseInOrderAreNotAnswered) {
  BounceBroker1();
  EXPECT_THAT(Elect(kPreferredElection, {}, true), ElementsAre(Pair(0, ErrorCode::NONE)));
  EXPECT_THAT(Elect(kPreferredElection, {}, true), ElementsAre());
}

TEST_F(LeaderControlTest, UncleanElectionIsForPartitionsThatNobodyLeads) {
  ASSERT_EQ(harness_.ChangeIsr(topic_, 0, {1}).error(), 0);
  EXPECT_THAT(Elect(kUncleanElection, {0}), ElementsAre(Pair(0, ErrorCode::ELECTION_NOT_NEEDED)));
  harness_.Kill(1);
  EXPECT_THAT(Leaders(), ElementsAre(kNoLeader, 2, 3));
  EXPECT_THAT(Elect(kPreferredElection, {0}),
              ElementsAre(Pair(0, ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE)));
  EXPECT_THAT(Elect(kUncleanElection, {0}), ElementsAre(Pair(0, ErrorCode::NONE)));
  EXPECT_THAT(Leaders(), ElementsAre(2, 2, 3));
  EXPECT_THAT(harness_.Partition(topic_, 0).isr, ElementsAre(2));
  ASSERT_EQ(harness_.last().leader_changes.size(), 1u);
  EXPECT_EQ(harness_.last().leader_changes[0].election, ElectionKind::kUnclean);
}

TEST_F(LeaderControlTest, UncleanElectionNeedsSomebodyAlive) {
  for (const int32_t id : {1, 2, 3}) harness_.Kill(id);
  EXPECT_THAT(Elect(kUncleanElection, {0}),
              ElementsAre(Pair(0, ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE)));
}

TEST_F(LeaderControlTest, BadRequests) {
  EXPECT_THAT(
      Elect(kPreferredElection, {0, 0}),
      ElementsAre(Pair(0, ErrorCode::ELECTION_NOT_NEEDED), Pair(0, ErrorCode::INVALID_REQUEST)));
  pb::ControlRequest request;
  request.mutable_elect_leaders()->set_election_type(7);
  EXPECT_EQ(harness_.Error(harness_.Handle(request)), ErrorCode::INVALID_REQUEST);
}

TEST_F(LeaderControlTest, BalanceGivesLeadershipsBackWhereTooManyAreElsewhere) {
  EXPECT_TRUE(harness_.core().BalanceLeaders().records.empty());
  BounceBroker1();
  harness_.Perform(harness_.core().BalanceLeaders());
  EXPECT_THAT(Leaders(), ElementsAre(1, 2, 3));
  EXPECT_TRUE(harness_.core().BalanceLeaders().records.empty());
}

TEST_F(LeaderControlTest, BalanceLeavesThoseAloneThatLackOnlyFew) {
  std::vector<std::vector<int32_t>> replicas(20, {1, 2});
  const Uuid many = harness_.CreateAssigned("many", replicas, 1);
  BounceBroker1();
  for (int32_t p = 0; p < 20; ++p) {
    ASSERT_EQ(harness_.ChangeIsr(many, p, {1, 2}).error(), 0);
  }
  // 21 partitions prefer broker 1; after this it lacks 2 of them, which is less than a tenth.
  CoreOptions options = CoreHarness::DefaultOptions();
  const ControllerResult some = BalanceLeaders(harness_.core().state(), options, 19);
  EXPECT_EQ(some.records.size(), 19u) << "no more than the limit";
  harness_.Perform(some);
  EXPECT_TRUE(BalanceLeaders(harness_.core().state(), options, 100).records.empty());
  options.leader_imbalance_percentage = 0;
  EXPECT_EQ(BalanceLeaders(harness_.core().state(), options, 100).records.size(), 2u);
}

TEST_F(LeaderControlTest, BalanceWaitsForThePreferredReplica) {
  harness_.Kill(1);
  EXPECT_TRUE(harness_.core().BalanceLeaders().records.empty());
  harness_.Join(1, 2, harness_.EpochOf(1));
  EXPECT_TRUE(harness_.core().BalanceLeaders().records.empty()) << "not in sync yet";
}

}  // namespace
}  // namespace soliton::controller
