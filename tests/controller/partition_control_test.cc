#include "controller/core/partition_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::HasSubstr;

pb::MorePartitions More(const std::string& name, int32_t count) {
  pb::MorePartitions topic;
  topic.set_name(name);
  topic.set_count(count);
  return topic;
}

pb::MorePartitions Manual(const std::string& name, int32_t count, const ReplicaLists& replicas) {
  pb::MorePartitions topic = More(name, count);
  topic.set_manual(true);
  for (const auto& list : replicas) {
    topic.add_assignments()->mutable_replicas()->Add(list.begin(), list.end());
  }
  return topic;
}

class PartitionControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int id = 1; id <= 3; ++id) harness_.Join(id);
    harness_.CreateAssigned("t", {{1, 2}, {2, 3}});
  }
  static CoreOptions Options() {
    CoreOptions options = CoreHarness::DefaultOptions();
    options.max_partitions_per_request = 100;
    return options;
  }
  std::vector<pb::TopicResult> Create(const std::vector<pb::MorePartitions>& topics,
                                      bool validate_only = false) {
    pb::ControlRequest request;
    request.mutable_create_partitions()->set_validate_only(validate_only);
    for (const auto& topic : topics) *request.mutable_create_partitions()->add_topics() = topic;
    const pb::ControlResponse response = harness_.Handle(request);
    return {response.topics().results().begin(), response.topics().results().end()};
  }
  ErrorCode Error(const pb::MorePartitions& topic) {
    last_ = Create({topic}).front();
    return ErrorFromPb(last_.error());
  }
  const std::vector<PartitionInfo>& Partitions() {
    return harness_.image().FindTopic("t")->partitions;
  }

  CoreHarness harness_{Options()};
  pb::TopicResult last_;
};

TEST_F(PartitionControlTest, NewPartitionsFollowTheOldOnes) {
  const std::vector<PartitionInfo> before = Partitions();
  EXPECT_EQ(Error(More("t", 5)), ErrorCode::NONE);
  EXPECT_EQ(last_.partition_count(), 5);
  ASSERT_EQ(Partitions().size(), 5u);
  EXPECT_EQ(Partitions()[0], before[0]);
  EXPECT_EQ(Partitions()[1], before[1]);
  for (size_t p = 2; p < 5; ++p) {
    EXPECT_EQ(Partitions()[p].replicas.size(), 2u) << "the topic's replication factor";
    EXPECT_EQ(Partitions()[p].isr, Partitions()[p].replicas);
    EXPECT_EQ(Partitions()[p].leader, Partitions()[p].replicas[0]);
  }
}

TEST_F(PartitionControlTest, Manual) {
  EXPECT_EQ(Error(Manual("t", 4, {{3, 1}, {1, 3}})), ErrorCode::NONE);
  EXPECT_EQ(Partitions()[2].replicas, (std::vector<int32_t>{3, 1}));
  EXPECT_EQ(Partitions()[3].leader, 1);
}

TEST_F(PartitionControlTest, BadRequests) {
  struct Case {
    pb::MorePartitions topic;
    ErrorCode error;
    const char* message;
  };
  for (const Case& c : std::vector<Case>{
           {More("t", 2), ErrorCode::INVALID_PARTITIONS, "already has 2"},
           {More("t", 1), ErrorCode::INVALID_PARTITIONS, "not be an increase"},
           {More("t", 0), ErrorCode::INVALID_PARTITIONS, "currently has 2"},
           {More("t", -1), ErrorCode::INVALID_PARTITIONS, "-1 would not"},
           {More("nope", 3), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "no topic"},
           {More("a/b", 3), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "no topic"},
           {More("t", 103), ErrorCode::POLICY_VIOLATION, "at most 100"},
           {More("t", 2147483647), ErrorCode::POLICY_VIOLATION, "at most 100"},
           {Manual("t", 3, {}), ErrorCode::INVALID_REPLICA_ASSIGNMENT, "0 are assigned"},
           {Manual("t", 4, {{1, 2}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT, "1 are assigned"},
           {Manual("t", 3, {{1}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT, "have 2"},
           {Manual("t", 3, {{1, 2, 3}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT, "have 2"},
           {Manual("t", 3, {{}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT, "no replicas"},
           {Manual("t", 3, {{1, 1}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT, "twice"},
           {Manual("t", 3, {{1, 77}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT, "77"},
           {Manual("t", 3, {{-1, 1}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT, "-1"},
       }) {
    EXPECT_EQ(Error(c.topic), c.error) << c.topic.ShortDebugString();
    EXPECT_THAT(last_.error_message(), HasSubstr(c.message));
    EXPECT_EQ(last_.name(), c.topic.name());
  }
  EXPECT_EQ(Partitions().size(), 2u);
}

TEST_F(PartitionControlTest, EveryTopicIsAnsweredByItself) {
  harness_.CreateAssigned("u", {{1}});
  const auto results = Create({More("t", 3), More("u", 4), More("nope", 2), More("t", 4)});
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(ErrorFromPb(results[0].error()), ErrorCode::INVALID_REQUEST) << "named twice";
  EXPECT_EQ(results[1].error(), 0);
  EXPECT_EQ(ErrorFromPb(results[2].error()), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(ErrorFromPb(results[3].error()), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(Partitions().size(), 2u);
  EXPECT_EQ(harness_.image().FindTopic("u")->partitions.size(), 4u);
}

TEST_F(PartitionControlTest, ValidateOnlyChangesNothing) {
  EXPECT_EQ(Create({More("t", 9)}, true).front().error(), 0);
  EXPECT_TRUE(harness_.last().records.empty());
}

TEST_F(PartitionControlTest, TooFewBrokersForTheReplicationFactor) {
  for (const int32_t id : {1, 2, 3}) harness_.Kill(id);
  EXPECT_EQ(Error(More("t", 3)), ErrorCode::INVALID_REPLICATION_FACTOR);
  EXPECT_EQ(Error(Manual("t", 3, {{1, 2}})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
}

}  // namespace
}  // namespace soliton::controller
