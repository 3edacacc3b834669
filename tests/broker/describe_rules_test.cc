// What the describing requests answer, asked of a running broker.
#include "protocol/messages/describe_cluster.h"
#include "protocol/messages/describe_topic_partitions.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class DescribeRulesTest : public BrokerClusterTest {};

TEST_F(DescribeRulesTest, DescribeCluster) {
  Start(3);
  for (int16_t version = 0; version <= 2; ++version) {
    auto response = Call(2, kafka::DescribeClusterRequest(), version);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->error_code, ErrorCode::NONE);
    EXPECT_EQ(response->brokers.size(), 3u);
    EXPECT_EQ(response->controller_id, 1);
    EXPECT_FALSE(response->cluster_id.empty());
    EXPECT_EQ(response->cluster_authorized_operations, std::numeric_limits<int32_t>::min());
  }
  kafka::DescribeClusterRequest request;
  request.include_cluster_authorized_operations = true;
  EXPECT_EQ(Call(1, request)->cluster_authorized_operations, 8096);
  request.endpoint_type = 2;
  EXPECT_EQ(Call(1, request)->error_code, ErrorCode::MISMATCHED_ENDPOINT_TYPE);
  request.endpoint_type = 9;
  EXPECT_EQ(Call(1, request)->error_code, ErrorCode::UNSUPPORTED_ENDPOINT_TYPE);

  StopCleanly(3);
  ASSERT_TRUE(world_.RunUntil(
      [&] { return Call(1, kafka::DescribeClusterRequest())->brokers.size() == 2; }, seconds(20)));
  request.endpoint_type = 1;
  request.include_fenced_brokers = true;
  auto response = Call(1, request);
  ASSERT_EQ(response->brokers.size(), 3u);
  EXPECT_TRUE(response->brokers[2].is_fenced);
}

TEST_F(DescribeRulesTest, DescribeTopicPartitionsInPages) {
  Start(1);
  const Uuid a = CreateTopic("a", 3, 1, {});
  CreateTopic("b", 2, 1, {});
  kafka::DescribeTopicPartitionsRequest request;
  request.response_partition_limit = 2;
  std::vector<std::string> seen;
  for (int page = 0; page < 10; ++page) {
    auto response = Call(1, request);
    ASSERT_TRUE(response.ok()) << response.status();
    int partitions = 0;
    for (const auto& topic : response->topics) {
      EXPECT_EQ(topic.topic_authorized_operations, 3576);
      for (const auto& partition : topic.partitions) {
        seen.push_back(fmt::format("{}-{}", *topic.name, partition.partition_index));
        EXPECT_EQ(partition.leader_id, 1);
        EXPECT_EQ(partition.eligible_leader_replicas, std::vector<int32_t>());
        ++partitions;
      }
    }
    EXPECT_LE(partitions, 2);
    if (!response->next_cursor) break;
    auto& cursor = request.cursor.emplace();
    cursor.topic_name = response->next_cursor->topic_name;
    cursor.partition_index = response->next_cursor->partition_index;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a-0", "a-1", "a-2", "b-0", "b-1"}));

  kafka::DescribeTopicPartitionsRequest named;
  named.topics.emplace_back().name = "nowhere";
  named.topics.emplace_back().name = "a";
  auto response = Call(1, named);
  ASSERT_EQ(response->topics.size(), 2u);
  EXPECT_EQ(response->topics[0].topic_id, a);
  EXPECT_EQ(response->topics[0].partitions.size(), 3u);
  EXPECT_EQ(response->topics[1].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_FALSE(response->next_cursor.has_value());
  // Hostile cursors and limits.
  auto& cursor = named.cursor.emplace();
  cursor.topic_name = "a";
  cursor.partition_index = std::numeric_limits<int32_t>::max();
  named.response_partition_limit = std::numeric_limits<int32_t>::min();
  EXPECT_TRUE(Call(1, named)->topics.at(0).partitions.empty());
  cursor.partition_index = -1;
  EXPECT_EQ(Call(1, named)->topics.at(0).error_code, ErrorCode::INVALID_REQUEST);
}

}  // namespace
}  // namespace soliton::broker
