// What the describing requests answer, asked of a running broker.
#include "protocol/messages/describe_cluster.h"
#include "protocol/messages/describe_log_dirs.h"
#include "protocol/messages/describe_producers.h"
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
  auto unknown = Call(1, request);
  EXPECT_EQ(unknown->error_code, ErrorCode::UNSUPPORTED_ENDPOINT_TYPE);
  EXPECT_EQ(unknown->endpoint_type, 1);

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
  // One that is not in the list, though it lies between its topics.
  cursor.partition_index = 0;
  cursor.topic_name = "b";
  response = Call(1, named);
  for (const auto& topic : response->topics) {
    EXPECT_EQ(topic.error_code, ErrorCode::INVALID_REQUEST);
    EXPECT_TRUE(topic.partitions.empty());
  }
  named.cursor.reset();
  named.response_partition_limit = 10;
  named.topics[0].name = "a b";
  EXPECT_EQ(Call(1, named)->topics.at(1).error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
}

TEST_F(DescribeRulesTest, DescribeLogDirs) {
  Start(1);
  const Uuid id = CreateTopic("t", 3, 1, {});
  CreateTopic("u", 1, 1, {});
  ASSERT_EQ(Produce(1, id, 1, "value"), ErrorCode::NONE);
  for (int16_t version = 1; version <= 5; ++version) {
    kafka::DescribeLogDirsRequest request;
    request.topics.reset();
    auto all = Call(1, request, version);
    ASSERT_TRUE(all.ok()) << all.status();
    ASSERT_EQ(all->results.size(), 1u);
    EXPECT_EQ(all->results[0].log_dir, "/data");
    EXPECT_EQ(all->results[0].total_bytes > 0, version >= 4);
    EXPECT_EQ(all->results[0].usable_bytes > 0, version >= 4);
    ASSERT_EQ(all->results[0].topics.size(), 2u);
    ASSERT_EQ(all->results[0].topics[0].partitions.size(), 3u);
    EXPECT_EQ(all->results[0].topics[0].partitions[0].partition_size, 0);
    EXPECT_GT(all->results[0].topics[0].partitions[1].partition_size, 61);
    auto& topic = request.topics.emplace().emplace_back();
    topic.topic = "t";
    topic.partitions = {2, 17};
    request.topics->emplace_back().topic = "nowhere";
    auto some = Call(1, request, version);
    ASSERT_EQ(some->results.at(0).topics.size(), 1u);
    EXPECT_EQ(some->results[0].topics[0].partitions.size(), 1u);
  }
}

// The table that followers keep is the leader's.
TEST_F(DescribeRulesTest, DescribeProducersOnAnyReplica) {
  Start(3);
  const Uuid id = CreateTopic("t");
  CreateTopic("u", 1, 2);
  const int leader = LeaderOf("t");
  kafka::DescribeProducersRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  topic.partition_indexes = {0, 5};
  auto none = Call(leader, request);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->topics.at(0).partitions.at(0).error_code, ErrorCode::NONE);
  EXPECT_EQ(none->topics[0].partitions[0].error_message, std::nullopt);
  EXPECT_TRUE(none->topics[0].partitions[0].active_producers.empty());
  EXPECT_EQ(none->topics[0].partitions.at(1).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);

  for (int64_t producer : {77, 5}) {
    const kafka::BatchOptions options = {
        .producer_id = producer, .producer_epoch = 3, .base_sequence = 12};
    ASSERT_EQ(Result(Call(leader, ProduceTo(id, 0, Batch("value", options)))).error_code,
              ErrorCode::NONE);
  }
  for (int broker = 1; broker <= 3; ++broker) {
    auto response = Call(broker, request);
    ASSERT_TRUE(response.ok()) << response.status();
    const auto& producers = response->topics.at(0).partitions.at(0).active_producers;
    ASSERT_EQ(producers.size(), 2u);
    EXPECT_EQ(producers[0].producer_id, 5);
    EXPECT_EQ(producers[1].producer_id, 77);
    EXPECT_EQ(producers[1].producer_epoch, 3);
    EXPECT_EQ(producers[1].last_sequence, 12);
    EXPECT_GT(producers[1].last_timestamp, 0);
    EXPECT_EQ(producers[1].coordinator_epoch, -1);
    EXPECT_EQ(producers[1].current_txn_start_offset, -1);
  }
  topic.name = "a b";
  EXPECT_EQ(Call(1, request)->topics.at(0).partitions.at(0).error_code,
            ErrorCode::INVALID_TOPIC_EXCEPTION);
  topic.name = "u";
  topic.partition_indexes = {0};
  std::vector<int> refused;
  for (int broker = 1; broker <= 3; ++broker) {
    const ErrorCode error = Call(broker, request)->topics.at(0).partitions.at(0).error_code;
    if (error != ErrorCode::NONE) {
      EXPECT_EQ(error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
      refused.push_back(broker);
    }
  }
  EXPECT_EQ(refused.size(), 1u) << "the broker that has no replica";
}

}  // namespace
}  // namespace soliton::broker
