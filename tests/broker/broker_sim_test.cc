// One controller and three brokers, the real code, in the simulated world.
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

class BrokerSimTest : public BrokerClusterTest {};

TEST_F(BrokerSimTest, ServesProduceAndFetchWithThreeReplicas) {
  Start();
  CreateTopic("orders", 6);
  auto topic = Describe(2, "orders");
  ASSERT_EQ(topic.partitions.size(), 6u);
  for (const auto& partition : topic.partitions) {
    EXPECT_EQ(partition.isr_nodes.size(), 3u);
    int64_t offset = -1;
    ASSERT_EQ(
        Produce(partition.leader_id, topic.topic_id, partition.partition_index, "first", &offset),
        kafka::ErrorCode::NONE);
    EXPECT_EQ(offset, 0);
    ASSERT_EQ(
        Produce(partition.leader_id, topic.topic_id, partition.partition_index, "second", &offset),
        kafka::ErrorCode::NONE);
    EXPECT_EQ(offset, 1);
  }
  kafka::FetchRequest fetch;
  fetch.max_wait_ms = 100;
  fetch.min_bytes = 1;
  auto& wanted = fetch.topics.emplace_back();
  wanted.topic_id = topic.topic_id;
  auto& part = wanted.partitions.emplace_back();
  part.partition = 0;
  part.partition_max_bytes = 1 << 20;
  auto response = Call(topic.partitions[0].leader_id, fetch);
  ASSERT_TRUE(response.ok()) << response.status();
  const auto& data = response->responses.at(0).partitions.at(0);
  EXPECT_EQ(data.error_code, kafka::ErrorCode::NONE);
  EXPECT_EQ(data.high_watermark, 2);
  EXPECT_GT(data.records.size_bytes(), 0);
}

TEST_F(BrokerSimTest, LeaderCrashMovesLeadershipAndKeepsAckedRecords) {
  Start();
  CreateTopic("orders", 1);
  auto before = Describe(1, "orders");
  const int32_t old_leader = before.partitions[0].leader_id;
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(Produce(old_leader, before.topic_id, 0, fmt::format("value {}", i)),
              kafka::ErrorCode::NONE);
  }
  node(old_leader).Crash();
  const MonotonicTime killed = world_.Now();
  const int via = old_leader == 1 ? 2 : 1;
  int32_t new_leader = old_leader;
  ASSERT_TRUE(world_.RunUntil(
      [&] {
        for (const auto& replica : broker(via).Replicas()) {
          if (replica.leader) new_leader = via;
        }
        const int other = 6 - old_leader - via;
        for (const auto& replica : broker(other).Replicas()) {
          if (replica.leader) new_leader = other;
        }
        return new_leader != old_leader;
      },
      seconds(5)));
  EXPECT_LT(world_.Now() - killed, milliseconds(500))
      << "a closed control connection is proof enough";
  int64_t offset = -1;
  ASSERT_EQ(Produce(new_leader, before.topic_id, 0, "after", &offset), kafka::ErrorCode::NONE);
  EXPECT_EQ(offset, 5);
  // The old leader comes back, catches up and is in sync again.
  node(old_leader).Restart();
  ASSERT_TRUE(world_.RunUntil(
      [&] {
        if (!Runs(old_leader)) return false;
        for (const auto& replica : broker(new_leader).Replicas()) {
          if (replica.leader && replica.isr.size() == 3) return true;
        }
        return false;
      },
      seconds(30)));
  auto replicas = broker(old_leader).Replicas();
  ASSERT_EQ(replicas.size(), 1u);
  EXPECT_EQ(replicas[0].log_end_offset, 6);
  EXPECT_FALSE(replicas[0].leader);
}

TEST_F(BrokerSimTest, AStopBeforeTheLogsWereOpenedIsNoCleanStop) {
  const std::string marker = "/data/.kafka_cleanshutdown";
  Start();
  CreateTopic("orders", 1);
  auto stop = [&] {
    std::optional<absl::Status> stopped;
    node(1).Post([&] { broker(1).Stop([&](absl::Status status) { stopped = status; }); });
    ASSERT_TRUE(world_.RunUntil([&] { return stopped.has_value(); }, seconds(30)));
    EXPECT_TRUE(stopped->ok()) << *stopped;
  };
  stop();
  EXPECT_TRUE(node(1).files().Exists(marker));
  // A clean directory stays one when the next process sees no metadata.
  controller_.Crash();
  node(1).Crash();
  node(1).Restart();
  world_.RunFor(seconds(1));
  EXPECT_FALSE(node(1).files().Exists(marker));
  stop();
  EXPECT_TRUE(node(1).files().Exists(marker));
  // But a process that was killed left logs that somebody must look at.
  node(1).Crash();
  node(1).Restart();
  world_.RunFor(seconds(1));
  node(1).Crash({.lose_unsynced = false});
  node(1).Restart();
  world_.RunFor(seconds(1));
  stop();
  EXPECT_FALSE(node(1).files().Exists(marker));
}

}  // namespace
}  // namespace soliton::broker
