// Corners of Metadata, DeleteTopics and InitProducerId; as Apache Kafka 4.3.1 answers.
#include "protocol/messages/init_producer_id.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class AdminRulesTest : public BrokerClusterTest {
 protected:
  void SetUp() override { Start(1); }
};

TEST_F(AdminRulesTest, MetadataTellsEachTopicOnceAndIllegalNames) {
  CreateTopic("t", 1, 1, {});
  kafka::MetadataRequest request;
  request.topics.emplace();
  for (const char* name : {"t", "a b", "t", "..", "nowhere", ""}) {
    request.topics->emplace_back().name = name;
  }
  for (bool create : {false, true}) {
    request.allow_auto_topic_creation = create;
    auto response = Call(1, request);
    ASSERT_TRUE(response.ok()) << response.status();
    std::map<std::string, ErrorCode> told;
    for (const auto& topic : response->topics) {
      EXPECT_TRUE(told.emplace(topic.name.value_or("?"), topic.error_code).second) << "once";
    }
    EXPECT_EQ(told.size(), 5u);
    EXPECT_EQ(told.at("t"), ErrorCode::NONE);
    for (const char* illegal : {"a b", "..", ""}) {
      EXPECT_EQ(told.at(illegal), ErrorCode::INVALID_TOPIC_EXCEPTION) << illegal;
    }
    EXPECT_NE(told.at("nowhere"), ErrorCode::INVALID_TOPIC_EXCEPTION);
  }
}

TEST_F(AdminRulesTest, MetadataTellsOperationsWhenAsked) {
  CreateTopic("t", 1, 1, {});
  constexpr int32_t kNotAsked = std::numeric_limits<int32_t>::min();
  for (int16_t version = 8; version <= 13; ++version) {
    for (bool named : {false, true}) {
      kafka::MetadataRequest request;
      request.topics.reset();
      if (named) request.topics.emplace().emplace_back().name = "t";
      auto quiet = Call(1, request, version);
      ASSERT_TRUE(quiet.ok()) << quiet.status();
      EXPECT_EQ(quiet->topics.at(0).topic_authorized_operations, kNotAsked);
      EXPECT_EQ(quiet->cluster_authorized_operations, kNotAsked);
      request.include_topic_authorized_operations = true;
      request.include_cluster_authorized_operations = true;
      auto told = Call(1, request, version);
      EXPECT_EQ(told->topics.at(0).topic_authorized_operations, 3576);
      EXPECT_EQ(told->cluster_authorized_operations, version <= 10 ? 8096 : kNotAsked);
    }
  }
}

TEST_F(AdminRulesTest, ATopicThatIsNamedTwiceIsNotDeleted) {
  const Uuid id = CreateTopic("t", 1, 1, {});
  CreateTopic("other", 1, 1, {});
  kafka::DeleteTopicsRequest request;
  request.timeout_ms = 5000;
  for (const char* name : {"t", "other", "t"}) request.topics.emplace_back().name = name;
  auto response = Call(1, request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->responses.size(), 2u);
  EXPECT_EQ(response->responses[0].error_code, ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(response->responses[1].error_code, ErrorCode::NONE);
  EXPECT_EQ(Describe(1, "t").error_code, ErrorCode::NONE);
  EXPECT_EQ(Describe(1, "other").error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);

  request.topics.clear();
  for (const Uuid& asked : {Uuid{3, 3}, id}) {
    auto& topic = request.topics.emplace_back();
    topic.name = std::nullopt;
    topic.topic_id = asked;
  }
  response = Call(1, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->responses.at(0).error_code, ErrorCode::UNKNOWN_TOPIC_ID);
  EXPECT_EQ(response->responses[0].name, std::nullopt);
  EXPECT_EQ(response->responses.at(1).error_code, ErrorCode::NONE);
  EXPECT_EQ(response->responses[1].name, "t");
}

TEST_F(AdminRulesTest, AProducerThatHasAnIdHasAnEpoch) {
  struct Row {
    int64_t id;
    int16_t epoch;
    ErrorCode error;
  };
  for (const Row& row :
       {Row{-1, -1, ErrorCode::NONE}, Row{5, 0, ErrorCode::NONE},
        Row{5, -1, ErrorCode::INVALID_REQUEST}, Row{-1, 3, ErrorCode::INVALID_REQUEST}}) {
    kafka::InitProducerIdRequest request;
    request.transactional_id = std::nullopt;
    request.transaction_timeout_ms = 1000;
    request.producer_id = row.id;
    request.producer_epoch = row.epoch;
    auto response = Call(1, request);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->error_code, row.error) << row.id << " " << row.epoch;
    EXPECT_EQ(response->producer_id >= 0, row.error == ErrorCode::NONE);
  }
}

}  // namespace
}  // namespace soliton::broker
