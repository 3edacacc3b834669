#include "controller/core/topic_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/core/partition_elector.h"
#include "controller/core/topic_rules.h"
#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::HasSubstr;

pb::NewTopic NewTopic(const std::string& name, int32_t partitions = -1, int32_t replicas = -1) {
  pb::NewTopic topic;
  topic.set_name(name);
  topic.set_partition_count(partitions);
  topic.set_replication_factor(replicas);
  return topic;
}

pb::NewTopic Assigned(const std::vector<std::vector<int32_t>>& assignments) {
  pb::NewTopic topic = NewTopic("assigned");
  for (const auto& list : assignments) {
    topic.add_assignments()->mutable_replicas()->Add(list.begin(), list.end());
  }
  return topic;
}

class TopicControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int id = 1; id <= 3; ++id) harness_.Join(id);
  }
  static CoreOptions Options() {
    CoreOptions options = CoreHarness::DefaultOptions();
    options.default_partitions = 4;
    options.default_replication_factor = 2;
    options.max_partitions_per_request = 100;
    return options;
  }
  ErrorCode Create(const pb::NewTopic& topic) {
    result_ = harness_.Create(topic);
    return ErrorFromPb(result_.error());
  }

  CoreHarness harness_{Options()};
  pb::TopicResult result_;
};

TEST_F(TopicControlTest, Names) {
  for (const char* name : {"a", "A-b_c.9", "..a", "-", "__consumer_offsets", "..."}) {
    EXPECT_TRUE(CheckTopicName(name).ok()) << name;
  }
  const std::string at_limit(249, 'x');
  EXPECT_TRUE(CheckTopicName(at_limit).ok());
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), at_limit + "x", std::string("a b"),
        std::string("a/b"), std::string("a\0b", 3), std::string("\xc3\xa9"), std::string("a:b")}) {
    EXPECT_FALSE(CheckTopicName(name).ok()) << name;
  }
  EXPECT_EQ(Create(NewTopic("no/slash")), ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_THAT(result_.error_message(), HasSubstr("character"));
}

TEST_F(TopicControlTest, DefaultsFillIn) {
  EXPECT_EQ(Create(NewTopic("t")), ErrorCode::NONE);
  EXPECT_EQ(result_.partition_count(), 4);
  EXPECT_EQ(result_.replication_factor(), 2);
  EXPECT_EQ(harness_.image().FindTopic("t")->partitions.size(), 4u);
  EXPECT_EQ(harness_.image().FindTopic("t")->id, FromPb(result_.topic_id()));
}

TEST_F(TopicControlTest, Exists) {
  EXPECT_EQ(Create(NewTopic("t")), ErrorCode::NONE);
  EXPECT_EQ(Create(NewTopic("t")), ErrorCode::TOPIC_ALREADY_EXISTS);
}

TEST_F(TopicControlTest, NamesThatDifferOnlyInDotAndUnderscoreCollide) {
  EXPECT_EQ(Create(NewTopic("a.b_c")), ErrorCode::NONE);
  EXPECT_EQ(Create(NewTopic("a_b.c")), ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_THAT(result_.error_message(), HasSubstr("a.b_c"));
  EXPECT_EQ(Create(NewTopic("a.b_cd")), ErrorCode::NONE);

  pb::ControlRequest both;
  *both.mutable_create_topics()->add_topics() = NewTopic("x.y");
  *both.mutable_create_topics()->add_topics() = NewTopic("x_y");
  const pb::ControlResponse response = harness_.Handle(both);
  EXPECT_EQ(response.topics().results(0).error(), 0);
  EXPECT_EQ(ErrorFromPb(response.topics().results(1).error()), ErrorCode::INVALID_TOPIC_EXCEPTION);
}

TEST_F(TopicControlTest, ADeletedTopicsNameIsFreeAgainWithANewId) {
  EXPECT_EQ(Create(NewTopic("a.b")), ErrorCode::NONE);
  const Uuid first = FromPb(result_.topic_id());
  pb::ControlRequest request;
  request.mutable_delete_topics()->add_topics()->set_name("a.b");
  EXPECT_EQ(harness_.Handle(request).topics().results(0).error(), 0);
  EXPECT_EQ(Create(NewTopic("a_b")), ErrorCode::NONE);
  EXPECT_NE(FromPb(result_.topic_id()), first);
  EXPECT_EQ(harness_.image().FindTopic(first), nullptr);
}

TEST_F(TopicControlTest, Counts) {
  EXPECT_EQ(Create(NewTopic("t", 0, 1)), ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(Create(NewTopic("t", -2, 1)), ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(Create(NewTopic("t", 1, 0)), ErrorCode::INVALID_REPLICATION_FACTOR);
  EXPECT_EQ(Create(NewTopic("t", 1, -2)), ErrorCode::INVALID_REPLICATION_FACTOR);
  EXPECT_EQ(Create(NewTopic("t", 1, 4)), ErrorCode::INVALID_REPLICATION_FACTOR);
  EXPECT_EQ(Create(NewTopic("t", 1, 1 << 30)), ErrorCode::INVALID_REPLICATION_FACTOR);
  EXPECT_EQ(Create(NewTopic("t", 101, 1)), ErrorCode::POLICY_VIOLATION);
  EXPECT_EQ(Create(NewTopic("t", 2147483647, 1)), ErrorCode::POLICY_VIOLATION);
  EXPECT_EQ(harness_.image().FindTopic("t"), nullptr);
  EXPECT_EQ(Create(NewTopic("t", 100, 3)), ErrorCode::NONE);
}

TEST_F(TopicControlTest, OneRequestIsBoundedAsAWhole) {
  pb::ControlRequest request;
  *request.mutable_create_topics()->add_topics() = NewTopic("a", 60, 1);
  *request.mutable_create_topics()->add_topics() = NewTopic("b", 60, 1);
  *request.mutable_create_topics()->add_topics() = NewTopic("c", 40, 1);
  const pb::ControlResponse response = harness_.Handle(request);
  EXPECT_EQ(response.topics().results(0).error(), 0);
  EXPECT_EQ(ErrorFromPb(response.topics().results(1).error()), ErrorCode::POLICY_VIOLATION);
  EXPECT_EQ(response.topics().results(2).error(), 0);
}

TEST_F(TopicControlTest, Assignments) {
  EXPECT_EQ(Create(Assigned({{1, 2}, {1}})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_EQ(Create(Assigned({{1, 1}})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_EQ(Create(Assigned({{1, 9}})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_EQ(Create(Assigned({{}})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  pb::NewTopic with_count = Assigned({{1, 2}});
  with_count.set_partition_count(1);
  EXPECT_EQ(Create(with_count), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(Create(Assigned({{3, 1}, {2, 3}})), ErrorCode::NONE);
  const TopicInfo* topic = harness_.image().FindTopic("assigned");
  EXPECT_EQ(topic->partitions[0].leader, 3);
  EXPECT_EQ(topic->partitions[0].isr, (std::vector<int32_t>{3, 1}));
  EXPECT_EQ(topic->partitions[1].replicas, (std::vector<int32_t>{2, 3}));
}

TEST_F(TopicControlTest, FencedReplicasStartOutsideTheIsr) {
  harness_.Register(4);
  EXPECT_EQ(Create(Assigned({{4}})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_EQ(Create(Assigned({{4, 2}})), ErrorCode::NONE);
  const TopicInfo* topic = harness_.image().FindTopic("assigned");
  EXPECT_EQ(topic->partitions[0].leader, 2);
  EXPECT_EQ(topic->partitions[0].isr, (std::vector<int32_t>{2}));
}

TEST_F(TopicControlTest, Settings) {
  pb::NewTopic topic = NewTopic("t");
  AddSetting("retention.ms", "-1", &topic);
  AddSetting("retentoin.ms", "-1", &topic);
  EXPECT_EQ(Create(topic), ErrorCode::INVALID_CONFIG);
  EXPECT_EQ(result_.error_message(), "Unknown topic config name: retentoin.ms");
  topic.mutable_configs()->RemoveLast();
  EXPECT_EQ(Create(topic), ErrorCode::NONE);
  EXPECT_EQ(harness_.image().FindTopic("t")->configs.at("retention.ms"), "-1");
}

TEST_F(TopicControlTest, TheSameNameTwiceInOneRequest) {
  pb::ControlRequest request;
  *request.mutable_create_topics()->add_topics() = NewTopic("twice");
  *request.mutable_create_topics()->add_topics() = NewTopic("once");
  *request.mutable_create_topics()->add_topics() = NewTopic("twice");
  const pb::ControlResponse response = harness_.Handle(request);
  EXPECT_EQ(ErrorFromPb(response.topics().results(0).error()), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(response.topics().results(1).error(), 0);
  EXPECT_EQ(ErrorFromPb(response.topics().results(2).error()), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(harness_.image().FindTopic("twice"), nullptr);
}

TEST_F(TopicControlTest, ValidateOnlyChangesNothing) {
  pb::ControlRequest request;
  *request.mutable_create_topics()->add_topics() = NewTopic("t", 3, 2);
  request.mutable_create_topics()->set_validate_only(true);
  const pb::ControlResponse response = harness_.Handle(request);
  EXPECT_EQ(response.topics().results(0).error(), 0);
  EXPECT_EQ(response.topics().results(0).partition_count(), 3);
  EXPECT_TRUE(harness_.last().records.empty());
}

TEST_F(TopicControlTest, Delete) {
  EXPECT_EQ(Create(NewTopic("a")), ErrorCode::NONE);
  const Uuid a = FromPb(result_.topic_id());
  EXPECT_EQ(Create(NewTopic("b")), ErrorCode::NONE);
  pb::ControlRequest request;
  pb::DeleteTopicsRequest* body = request.mutable_delete_topics();
  body->add_topics()->set_name("none");
  ToPb(Uuid{1, 2}, body->add_topics()->mutable_topic_id());
  pb::TopicToDelete* contradiction = body->add_topics();
  contradiction->set_name("b");
  ToPb(a, contradiction->mutable_topic_id());
  body->add_topics();
  ToPb(a, body->add_topics()->mutable_topic_id());
  body->add_topics()->set_name("a");
  const pb::ControlResponse response = harness_.Handle(request);
  const auto error = [&](int i) { return ErrorFromPb(response.topics().results(i).error()); };
  EXPECT_EQ(error(0), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(error(1), ErrorCode::UNKNOWN_TOPIC_ID);
  EXPECT_EQ(error(2), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(error(3), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(error(4), ErrorCode::NONE);
  EXPECT_EQ(response.topics().results(4).name(), "a");
  EXPECT_EQ(error(5), ErrorCode::INVALID_REQUEST) << "named twice";
  EXPECT_EQ(harness_.image().FindTopic("a"), nullptr);
  EXPECT_NE(harness_.image().FindTopic("b"), nullptr);
}

TEST(EffectiveMinIsrTest, IsBoundedByTheReplicationFactor) {
  const ElectionRules defaults{.min_insync_replicas = 2};
  std::map<std::string, std::string> configs;
  const auto effective = [&](size_t replication_factor) {
    return EffectiveMinIsr(ElectionRulesOf(configs, defaults), replication_factor);
  };
  EXPECT_EQ(effective(3), 2);
  EXPECT_EQ(effective(1), 1);
  configs["min.insync.replicas"] = "5";
  EXPECT_EQ(effective(3), 3);
  configs["min.insync.replicas"] = " 1 ";  // as Kafka accepts it
  EXPECT_EQ(effective(3), 1);
  for (const char* nonsense : {"", "0", "-1", "two", "3x", "99999999999999999999"}) {
    configs["min.insync.replicas"] = nonsense;
    EXPECT_EQ(effective(3), 2) << nonsense;
  }
  for (const char* yes : {"true", "TRUE", " True "}) {
    EXPECT_TRUE(ElectionRulesOf({{"unclean.leader.election.enable", yes}}, defaults)
                    .unclean_leader_election);
  }
  EXPECT_FALSE(ElectionRulesOf({{"unclean.leader.election.enable", "yes"}}, defaults)
                   .unclean_leader_election);
}

}  // namespace
}  // namespace soliton::controller
