#include "controller/core/reassignment_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ids = std::vector<int32_t>;

class ReassignmentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int id = 1; id <= 6; ++id) harness_.Join(id);
    topic_ = harness_.CreateAssigned("t", {{1, 2, 3}, {2, 3, 1}}, 2);
  }
  ErrorCode Move(std::optional<Ids> replicas, int32_t index = 0) {
    last_ = harness_.Reassign("t", index, replicas);
    return ErrorFromPb(last_.error());
  }
  void InSync(const Ids& isr) {
    ASSERT_EQ(harness_.ChangeIsr(topic_, 0, isr).error(), 0) << harness_.last().cause;
  }
  const PartitionInfo& Now() { return harness_.Partition(topic_, 0); }

  CoreHarness harness_;
  Uuid topic_;
  pb::PartitionResult last_;
};

TEST_F(ReassignmentTest, AddsFirstAndRemovesWhenAllWhoStayAreInSync) {
  EXPECT_EQ(Move(Ids{4, 5, 6}), ErrorCode::NONE);
  EXPECT_THAT(Now().replicas, ElementsAre(4, 5, 6, 1, 2, 3)) << "who goes comes last";
  EXPECT_THAT(Now().adding_replicas, ElementsAre(4, 5, 6));
  EXPECT_THAT(Now().removing_replicas, ElementsAre(1, 2, 3));
  EXPECT_THAT(Now().isr, ElementsAre(1, 2, 3)) << "nobody is in sync by being named";
  EXPECT_EQ(Now().leader, 1);
  EXPECT_EQ(Now().leader_epoch, 0);
  InSync({1, 2, 3, 4});
  InSync({1, 2, 3, 4, 5});
  EXPECT_TRUE(Now().reassigning());
  const int32_t epoch = Now().leader_epoch;
  InSync({1, 2, 3, 4, 5, 6});
  EXPECT_FALSE(Now().reassigning());
  EXPECT_THAT(Now().replicas, ElementsAre(4, 5, 6));
  EXPECT_THAT(Now().isr, ElementsAre(4, 5, 6));
  EXPECT_EQ(Now().leader, 4) << "in the same decision: a removed replica never leads";
  EXPECT_EQ(Now().leader_epoch, epoch + 1);
  EXPECT_EQ(harness_.last().records.size(), 1u);
}

TEST_F(ReassignmentTest, TheLeaderStaysWhereItIsAmongTheNewReplicas) {
  EXPECT_EQ(Move(Ids{4, 1}), ErrorCode::NONE);
  InSync({1, 2, 3, 4});
  EXPECT_THAT(Now().replicas, ElementsAre(4, 1));
  EXPECT_EQ(Now().leader, 1);
  EXPECT_EQ(Now().leader_epoch, 1) << "late fetches of those who left must not count";
}

TEST_F(ReassignmentTest, ReorderingAndRemovingNeedNoWaiting) {
  EXPECT_EQ(Move(Ids{3, 2, 1}), ErrorCode::NONE);
  EXPECT_THAT(Now().replicas, ElementsAre(3, 2, 1));
  EXPECT_FALSE(Now().reassigning());
  EXPECT_EQ(Now().leader, 1);
  EXPECT_EQ(Now().leader_epoch, 0) << "nobody left";
  EXPECT_EQ(Move(Ids{3, 2}), ErrorCode::NONE);
  EXPECT_THAT(Now().replicas, ElementsAre(3, 2));
  EXPECT_EQ(Now().leader, 3);
  EXPECT_EQ(Move(Ids{3, 2}), ErrorCode::NONE);
  EXPECT_TRUE(harness_.last().records.empty()) << "it is so already";
}

TEST_F(ReassignmentTest, ARemovalWaitsForThoseWhoStay) {
  InSync({1, 2});
  EXPECT_EQ(Move(Ids{1, 3}), ErrorCode::NONE);
  EXPECT_THAT(Now().removing_replicas, ElementsAre(2)) << "one copy is not two";
  EXPECT_THAT(Now().isr, ElementsAre(1, 2));
  InSync({1, 2, 3});
  EXPECT_THAT(Now().replicas, ElementsAre(1, 3));
  EXPECT_FALSE(Now().reassigning());
}

TEST_F(ReassignmentTest, MoreReplicasDoNotRaiseTheMinimumBeforeTheyAreThere) {
  const Uuid single = harness_.CreateAssigned("s", {{1}}, 2);
  EXPECT_EQ(harness_.Reassign("s", 0, Ids{1, 2, 3}).error(), 0);
  const PartitionInfo& partition = harness_.Partition(single, 0);
  EXPECT_EQ(partition.replication_factor(), 1u);
  ASSERT_EQ(harness_.ChangeIsr(single, 0, {1, 2}).error(), 0);
  // One of one: what it holds alone is committed, so nobody else is eligible.
  harness_.Kill(2);
  EXPECT_THAT(partition.eligible_leaders, IsEmpty());
  harness_.Join(2, 2, harness_.EpochOf(2));
  ASSERT_EQ(harness_.ChangeIsr(single, 0, {1, 2, 3}).error(), 0);
  EXPECT_EQ(harness_.Partition(single, 0).replication_factor(), 3u);
}

TEST_F(ReassignmentTest, TakenBack) {
  EXPECT_EQ(Move(std::nullopt), ErrorCode::NO_REASSIGNMENT_IN_PROGRESS);
  EXPECT_EQ(Move(Ids{1, 2, 3, 4}), ErrorCode::NONE);
  InSync({1, 2, 3});
  EXPECT_EQ(Move(std::nullopt), ErrorCode::NONE);
  EXPECT_FALSE(Now().reassigning());
  EXPECT_THAT(Now().replicas, ElementsAre(1, 2, 3));
  EXPECT_THAT(Now().isr, ElementsAre(1, 2, 3));
  EXPECT_EQ(Now().leader_epoch, 1) << "4 may come back with an empty log";
}

TEST_F(ReassignmentTest, TakenBackWhileANewReplicaLeads) {
  EXPECT_EQ(Move(Ids{4, 5, 1}), ErrorCode::NONE);
  InSync({1, 4});
  harness_.Kill(1);
  EXPECT_EQ(Now().leader, 4);
  EXPECT_THAT(Now().eligible_leaders, ElementsAre(1));
  // Only 4 is in sync and alive, and it is not among those who were there before.
  EXPECT_EQ(Move(std::nullopt), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_THAT(last_.error_message(), HasSubstr("unclean"));
  EXPECT_EQ(Move(Ids{2, 3, 5}), ErrorCode::INVALID_REPLICA_ASSIGNMENT) << "nor may 4 be dropped so";
  EXPECT_EQ(Now().leader, 4);
  harness_.Join(1, 2, harness_.EpochOf(1));
  EXPECT_EQ(Move(std::nullopt), ErrorCode::NONE) << "1 is eligible and alive";
  EXPECT_EQ(Now().leader, 1);
  EXPECT_THAT(Now().replicas, ElementsAre(1, 2, 3));
}

TEST_F(ReassignmentTest, AnUncleanWayBackWhereThatIsAllowed) {
  harness_.Alter(kTopicResource, "t", {{"unclean.leader.election.enable", "true"}});
  EXPECT_EQ(Move(Ids{4, 5, 1}), ErrorCode::NONE);
  InSync({1, 4});
  InSync({1, 2, 4});
  harness_.Kill(1);
  InSync({4});
  EXPECT_EQ(Move(std::nullopt), ErrorCode::NONE);
  EXPECT_THAT(Now().isr, ElementsAre(Now().leader));
  EXPECT_FALSE(Now().reassigning());
}

TEST_F(ReassignmentTest, ANewAimRestsOnTheReplicasBeforeTheFirst) {
  EXPECT_EQ(Move(Ids{4, 5, 6}), ErrorCode::NONE);
  InSync({1, 2, 3, 4});
  EXPECT_EQ(Move(Ids{1, 2, 5}), ErrorCode::NONE);
  EXPECT_THAT(Now().replicas, ElementsAre(1, 2, 5, 3)) << "4 and 6 go at once";
  EXPECT_THAT(Now().adding_replicas, ElementsAre(5));
  EXPECT_THAT(Now().removing_replicas, ElementsAre(3));
  EXPECT_THAT(Now().isr, ElementsAre(1, 2, 3));
  EXPECT_EQ(Move(std::nullopt), ErrorCode::NONE);
  EXPECT_THAT(Now().replicas, ElementsAre(1, 2, 3));
}

TEST_F(ReassignmentTest, AnAimThatIsReachedAlreadyIsTheEnd) {
  EXPECT_EQ(Move(Ids{1, 2, 3, 4}), ErrorCode::NONE);
  InSync({1, 2, 3});
  EXPECT_EQ(Move(Ids{1, 2, 3}), ErrorCode::NONE);
  EXPECT_FALSE(Now().reassigning());
  EXPECT_THAT(Now().replicas, ElementsAre(1, 2, 3));
}

TEST_F(ReassignmentTest, ADeadBrokerIsReplaced) {
  harness_.Kill(3);
  EXPECT_EQ(Move(Ids{1, 2, 4}), ErrorCode::NONE);
  InSync({1, 2, 4});
  EXPECT_THAT(Now().replicas, ElementsAre(1, 2, 4));
  EXPECT_TRUE(harness_.core().state().PartitionsOf(3).contains({topic_, 1}));
  EXPECT_FALSE(harness_.core().state().PartitionsOf(3).contains({topic_, 0}));
}

TEST_F(ReassignmentTest, NobodyAliveNothingIsDropped) {
  EXPECT_EQ(Move(Ids{4, 1}), ErrorCode::NONE);
  for (const int32_t id : {2, 3}) harness_.Kill(id);
  for (const int32_t id : {1, 4}) harness_.Kill(id);
  EXPECT_EQ(Now().leader, kNoLeader);
  EXPECT_TRUE(Now().reassigning());
  EXPECT_THAT(Now().replicas, ElementsAre(4, 1, 2, 3));
}

TEST_F(ReassignmentTest, BadRequests) {
  struct Case {
    Ids replicas;
    const char* message;
  };
  for (const Case& c : std::vector<Case>{{{}, "no replicas"},
                                         {{1, 1}, "twice"},
                                         {{1, 77}, "broker 77, which is not registered"},
                                         {{-1, 2}, "-1"}}) {
    EXPECT_EQ(Move(c.replicas), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    EXPECT_THAT(last_.error_message(), HasSubstr(c.message));
  }
  EXPECT_EQ(Move(Ids{1}, 7), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(Move(Ids{1}, -1), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(ErrorFromPb(harness_.Reassign("nope", 0, Ids{1}).error()),
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(ErrorFromPb(harness_.Reassign("t", 0, Ids{1, 2}, true).error()),
            ErrorCode::INVALID_REPLICATION_FACTOR);
  EXPECT_EQ(harness_.Reassign("t", 0, Ids{1, 2, 4}, true).error(), 0);
  EXPECT_EQ(ErrorFromPb(harness_.Reassign("t", 0, Ids{1, 2, 4, 5}, true).error()),
            ErrorCode::INVALID_REPLICATION_FACTOR)
      << "three were promised, whatever is on its way";
}

TEST_F(ReassignmentTest, APartitionNamedTwiceIsMovedByNeither) {
  pb::ControlRequest request;
  for (const int32_t index : {0, 1, 0}) {
    pb::Reassignment* asked = request.mutable_alter_reassignments()->add_partitions();
    asked->set_topic("t");
    asked->set_partition(index);
    for (const int32_t id : {4, 5}) asked->mutable_replicas()->add_replicas(id);
  }
  const pb::ControlResponse response = harness_.Handle(request);
  ASSERT_EQ(response.partitions().results_size(), 3);
  EXPECT_EQ(ErrorFromPb(response.partitions().results(0).error()), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(response.partitions().results(1).error(), 0);
  EXPECT_EQ(ErrorFromPb(response.partitions().results(2).error()), ErrorCode::INVALID_REQUEST);
  EXPECT_FALSE(Now().reassigning());
  EXPECT_TRUE(harness_.Partition(topic_, 1).reassigning());
}

}  // namespace
}  // namespace soliton::controller
