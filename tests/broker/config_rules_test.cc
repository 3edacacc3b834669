// Dynamic settings and more partitions against running brokers: what a client sees at once, on
// every replica, without a restart.
#include <gmock/gmock.h>

#include "protocol/messages/alter_configs.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using ::testing::HasSubstr;

constexpr int8_t kTopic = 2;
constexpr int8_t kBroker = 4;

class ConfigRulesTest : public BrokerClusterTest {
 protected:
  // One setting; nullopt deletes it.
  ErrorCode Alter(int8_t type, const std::string& resource_name, const std::string& name,
                  const std::optional<std::string>& value, int via = 1) {
    kafka::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = resource_name;
    auto& config = resource.configs.emplace_back();
    config.name = name;
    config.config_operation = value ? 0 : 1;
    config.value = value;
    auto response = Call(via, request);
    if (!response.ok() || response->responses.size() != 1) {
      ADD_FAILURE() << response.status();
      return ErrorCode::UNKNOWN_SERVER_ERROR;
    }
    message_ = response->responses[0].error_message.value_or("");
    return response->responses[0].error_code;
  }
  using Described = kafka::DescribeConfigsResponse::DescribeConfigsResourceResult;
  std::optional<Described> DescribeOne(int8_t type, const std::string& resource_name,
                                       const std::string& name, int via = 1) {
    kafka::DescribeConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = resource_name;
    resource.configuration_keys = {name};
    request.include_synonyms = true;
    auto response = Call(via, request);
    if (!response.ok() || response->results.size() != 1 || response->results[0].configs.empty()) {
      return std::nullopt;
    }
    return response->results[0].configs[0];
  }
  // Every broker's image has the change: it came to this one before the answer, to others about
  // then.
  void Settle() { world_.RunFor(milliseconds(500)); }
  ErrorCode ProduceBytes(const Uuid& topic, int leader, size_t bytes, int64_t* offset = nullptr) {
    return Produce(leader, topic, 0, std::string(bytes, 'x'), offset);
  }

  std::string message_;
};

TEST_F(ConfigRulesTest, TopicSettingsHoldAtOnceOnARunningPartition) {
  Start();
  const Uuid topic = CreateTopic("t");
  const int leader = LeaderOf("t");
  EXPECT_EQ(ProduceBytes(topic, leader, 5000), ErrorCode::NONE);
  ASSERT_EQ(Alter(kTopic, "t", "max.message.bytes", "4000", 1 + leader % 3), ErrorCode::NONE);
  Settle();
  EXPECT_EQ(ProduceBytes(topic, leader, 5000), ErrorCode::MESSAGE_TOO_LARGE);
  EXPECT_EQ(ProduceBytes(topic, leader, 3000), ErrorCode::NONE);
  ASSERT_EQ(Alter(kTopic, "t", "max.message.bytes", std::nullopt), ErrorCode::NONE);
  Settle();
  EXPECT_EQ(ProduceBytes(topic, leader, 5000), ErrorCode::NONE);

  ASSERT_EQ(Alter(kTopic, "t", "message.timestamp.type", "LogAppendTime"), ErrorCode::NONE);
  Settle();
  EXPECT_GT(Result(Call(leader, ProduceTo(topic, 0, Batch()))).log_append_time_ms, 0);

  ASSERT_EQ(Alter(kTopic, "t", "message.timestamp.type", "CreateTime"), ErrorCode::NONE);
  ASSERT_EQ(Alter(kTopic, "t", "message.timestamp.before.max.ms", "1000"), ErrorCode::NONE);
  Settle();
  EXPECT_EQ(Produce(leader, topic, 0, "of 2023"), ErrorCode::INVALID_TIMESTAMP);
  ASSERT_EQ(Alter(kTopic, "t", "message.timestamp.before.max.ms", std::nullopt), ErrorCode::NONE);

  ASSERT_EQ(Alter(kTopic, "t", "cleanup.policy", "compact"), ErrorCode::NONE);
  Settle();
  EXPECT_EQ(Produce(leader, topic, 0, "without a key"), ErrorCode::INVALID_RECORD);
}

TEST_F(ConfigRulesTest, TheMinimumOfReplicasHoldsAtOnce) {
  Start();
  const Uuid topic = CreateTopic("t", 1, 3, {{"min.insync.replicas", "1"}});
  const int leader = LeaderOf("t");
  const int other = 1 + leader % 3;
  node(other).Crash();
  ASSERT_TRUE(world_.RunUntil([&] { return Replica(leader, "t")->isr.size() == 2; }, seconds(30)));
  EXPECT_EQ(Produce(leader, topic, 0, "two suffice"), ErrorCode::NONE);
  ASSERT_EQ(Alter(kTopic, "t", "min.insync.replicas", "3", leader), ErrorCode::NONE);
  Settle();
  EXPECT_EQ(Produce(leader, topic, 0, "three are asked for"), ErrorCode::NOT_ENOUGH_REPLICAS);
  ASSERT_EQ(Alter(kTopic, "t", "min.insync.replicas", "2", leader), ErrorCode::NONE);
  Settle();
  EXPECT_EQ(Produce(leader, topic, 0, "two again"), ErrorCode::NONE);
}

// Segments of 1 MiB and a limit of 1 MiB for all of them, set while the log runs: every replica
// rolls and deletes.
TEST_F(ConfigRulesTest, SegmentsAndRetentionFollowOnAllReplicas) {
  adjust_ = [](BrokerOptions& options) { options.retention_check_interval = seconds(2); };
  Start();
  const Uuid topic = CreateTopic("t", 1, 3, {{"retention.ms", "-1"}});
  const int leader = LeaderOf("t");
  for (int i = 0; i < 4; ++i) ASSERT_EQ(ProduceBytes(topic, leader, 500000), ErrorCode::NONE);
  world_.RunFor(seconds(10));
  EXPECT_EQ(Replica(leader, "t")->log_start_offset, 0);
  ASSERT_EQ(Alter(kTopic, "t", "segment.bytes", "1048576"), ErrorCode::NONE);
  ASSERT_EQ(Alter(kTopic, "t", "retention.bytes", "1048576"), ErrorCode::NONE);
  Settle();
  for (int i = 0; i < 4; ++i) ASSERT_EQ(ProduceBytes(topic, leader, 500000), ErrorCode::NONE);
  for (int id = 1; id <= 3; ++id) {
    EXPECT_TRUE(
        world_.RunUntil([&] { return Replica(id, "t")->log_start_offset >= 4; }, seconds(20)))
        << "broker " << id << " starts at " << Replica(id, "t")->log_start_offset;
  }
}

TEST_F(ConfigRulesTest, BrokerSettingsAreDefaultsOfTopicsAtOnceAndAfterARestart) {
  Start();
  const Uuid topic = CreateTopic("t");
  const int leader = LeaderOf("t");
  ASSERT_EQ(Alter(kBroker, "", "message.max.bytes", "4000"), ErrorCode::NONE);
  Settle();
  EXPECT_EQ(ProduceBytes(topic, leader, 5000), ErrorCode::MESSAGE_TOO_LARGE);
  // One broker's own wins over that of all; a topic's wins over both.
  ASSERT_EQ(Alter(kBroker, std::to_string(leader), "message.max.bytes", "6000", 1 + leader % 3),
            ErrorCode::NONE);
  Settle();
  EXPECT_EQ(ProduceBytes(topic, leader, 5000), ErrorCode::NONE);
  ASSERT_EQ(Alter(kTopic, "t", "max.message.bytes", "100"), ErrorCode::NONE);
  Settle();
  EXPECT_EQ(ProduceBytes(topic, leader, 5000), ErrorCode::MESSAGE_TOO_LARGE);
  ASSERT_EQ(Alter(kTopic, "t", "max.message.bytes", std::nullopt), ErrorCode::NONE);

  // Everybody restarts: the settings are in the metadata log.
  for (int id = 1; id <= 3; ++id) node(id).Crash();
  controller_.Crash();
  controller_.Restart();
  serving_ = 0;
  for (int id = 1; id <= 3; ++id) node(id).Restart();
  ASSERT_TRUE(world_.RunUntil([&] { return serving_ == 3; }, seconds(30)));
  const auto mine = DescribeOne(kBroker, std::to_string(leader), "message.max.bytes", leader);
  ASSERT_TRUE(mine.has_value());
  EXPECT_EQ(mine->value, "6000");
  EXPECT_EQ(mine->config_source, 2);
  ASSERT_EQ(mine->synonyms.size(), 3u);
  EXPECT_EQ(mine->synonyms[1].value, "4000");
  const auto topics = DescribeOne(kTopic, "t", "max.message.bytes", 1 + leader % 3);
  ASSERT_TRUE(topics.has_value());
  EXPECT_EQ(topics->value, "4000") << "as it holds on the broker that answers";
  EXPECT_EQ(topics->config_source, 3);
}

TEST_F(ConfigRulesTest, DescribeConfigsAnswersEveryKindOfResource) {
  Start(1);
  CreateTopic("t", 1, 1, {{"retention.ms", "77"}});
  kafka::DescribeConfigsRequest request;
  const auto ask = [&](int8_t type, const std::string& name) {
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = name;
    resource.configuration_keys = std::nullopt;
  };
  for (const char* name : {"t", "nope", "a/b", ""}) ask(kTopic, name);
  for (const char* name : {"1", "7", "one", ""}) ask(kBroker, name);
  for (const int type : {0, 3, 99}) ask(static_cast<int8_t>(type), "x");
  for (const int16_t version : {1, 2, 3, 4}) {
    auto response = Call(1, request, version);
    ASSERT_TRUE(response.ok()) << response.status();
    ASSERT_EQ(response->results.size(), 11u);
    const ErrorCode expected[] = {ErrorCode::NONE,
                                  ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                                  ErrorCode::INVALID_TOPIC_EXCEPTION,
                                  ErrorCode::INVALID_TOPIC_EXCEPTION,
                                  ErrorCode::NONE,
                                  ErrorCode::INVALID_REQUEST,
                                  ErrorCode::INVALID_REQUEST,
                                  ErrorCode::NONE,
                                  ErrorCode::INVALID_REQUEST,
                                  ErrorCode::INVALID_REQUEST,
                                  ErrorCode::INVALID_REQUEST};
    for (size_t i = 0; i < 11; ++i) {
      EXPECT_EQ(response->results[i].error_code, expected[i]) << i;
    }
    EXPECT_EQ(response->results[0].configs.size(), config::TopicSettingRows().size());
    EXPECT_GT(response->results[4].configs.size(), 100u);
    EXPECT_TRUE(response->results[7].configs.empty()) << "nothing is set for all brokers";
    for (const Described& each : response->results[0].configs) {
      if (each.name == "retention.ms") {
        EXPECT_EQ(each.value, "77");
        EXPECT_EQ(each.config_source, 1);
        if (version >= 3) EXPECT_EQ(each.config_type, 5);
      }
    }
  }
}

TEST_F(ConfigRulesTest, AlterConfigsReplacesAndSaysWhatIsWrong) {
  Start(1);
  CreateTopic("t", 1, 1, {{"retention.ms", "77"}});
  kafka::AlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = kTopic;
  resource.resource_name = "t";
  auto& config = resource.configs.emplace_back();
  config.name = "segment.ms";
  config.value = "5000";
  for (const int16_t version : {0, 1, 2}) {
    auto response = Call(1, request, version);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->responses.at(0).error_code, ErrorCode::NONE);
    EXPECT_EQ(response->responses.at(0).error_message, std::nullopt);
  }
  EXPECT_EQ(DescribeOne(kTopic, "t", "retention.ms")->config_source, 5);
  EXPECT_EQ(DescribeOne(kTopic, "t", "segment.ms")->value, "5000");
  EXPECT_EQ(Alter(kTopic, "t", "segment.bytes", "10"), ErrorCode::INVALID_CONFIG);
  EXPECT_THAT(message_, HasSubstr("segment.bytes"));
  EXPECT_THAT(message_, HasSubstr("at least 1048576"));
  EXPECT_EQ(Alter(kTopic, "nope", "segment.ms", "1"), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(Alter(kBroker, "", "num.partitions", "3"), ErrorCode::INVALID_REQUEST);
  auto empty = Call(1, kafka::AlterConfigsRequest{});
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->responses.empty());
}

TEST_F(ConfigRulesTest, NullIsNoValueForANewTopic) {
  Start(1);
  kafka::CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  topic.num_partitions = 1;
  topic.replication_factor = 1;
  topic.configs.emplace_back().name = "retention.ms";
  topic.configs.back().value = std::nullopt;
  auto response = Call(1, request);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->topics.at(0).error_code, ErrorCode::INVALID_CONFIG);
}

TEST_F(ConfigRulesTest, NewPartitionsServeAtOnce) {
  Start();
  const Uuid topic = CreateTopic("t", 2);
  kafka::CreatePartitionsRequest request;
  request.timeout_ms = 10000;
  const auto more = [&](const std::string& name, int count) {
    auto& entry = request.topics.emplace_back();
    entry.name = name;
    entry.count = count;
    entry.assignments = std::nullopt;
  };
  more("t", 5);
  more("nope", 5);
  more("twice", 1);
  more("twice", 2);
  for (const bool validate_only : {true, false}) {
    request.validate_only = validate_only;
    auto response = Call(2, request);
    ASSERT_TRUE(response.ok()) << response.status();
    ASSERT_EQ(response->results.size(), 3u);
    EXPECT_EQ(response->results[0].error_code, ErrorCode::NONE);
    EXPECT_EQ(response->results[1].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(response->results[2].error_code, ErrorCode::INVALID_REQUEST);
    EXPECT_EQ(Describe(2, "t").partitions.size(), validate_only ? 2u : 5u);
  }
  ASSERT_TRUE(world_.RunUntil([&] { return OpenReplicas(topic) == 15; }, seconds(10)));
  for (const auto& partition : Describe(1, "t").partitions) {
    EXPECT_EQ(Produce(partition.leader_id, topic, partition.partition_index, "v"), ErrorCode::NONE)
        << partition.partition_index;
  }
  for (const int16_t version : {0, 1, 2, 3}) {
    auto response = Call(1, request, version);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->results.at(0).error_code, ErrorCode::INVALID_PARTITIONS);
  }
}

}  // namespace
}  // namespace soliton::broker
