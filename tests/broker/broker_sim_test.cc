// One controller and three brokers, the real code, in the simulated world.
#include <gtest/gtest.h>

#include "broker/broker.h"
#include "controller/controller_node.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/record/batch_builder.h"
#include "protocol/session/client_channel.h"
#include "tests/sim/sim_node.h"

namespace soliton::broker {
namespace {

using sim::SimNode;

class BrokerSimTest : public testing::Test {
 protected:
  BrokerSimTest() {
    controller_.SetBoot([](SimNode& node) -> std::shared_ptr<void> {
      auto holder = std::make_shared<std::unique_ptr<controller::ControllerNode>>();
      node.Post([&node, holder] {
        controller::ControllerOptions options;
        options.node_id = 100;
        options.listen = {node.name(), 9100};
        options.data_directory = "/data";
        auto started = controller::ControllerNode::Start(node.ports(), options);
        ASSERT_TRUE(started.ok()) << started.status();
        *holder = std::move(*started);
      });
      return holder;
    });
    controller_.Restart();
    for (int id = 1; id <= 3; ++id) {
      auto& node = brokers_.emplace_back(std::make_unique<SimNode>(
          world_, network_, fmt::format("broker-{}", id), sim::SimNodeOptions{.shards = 2}));
      node->SetBoot([this, id](SimNode& self) -> std::shared_ptr<void> {
        auto holder = std::make_shared<std::unique_ptr<Broker>>();
        self.Post([this, id, &self, holder] {
          BrokerOptions options;
          options.node_id = id;
          options.controllers = {{"controller", 9100}};
          options.listen = {self.name(), 9092};
          options.data_directory = "/data";
          options.replica_lag_time_max = seconds(10);
          auto started =
              Broker::Start(self.ports(), options,
                            {.on_serving = [this] { ++serving_; },
                             .on_fatal = [](const absl::Status& why) { FAIL() << why; }});
          ASSERT_TRUE(started.ok()) << started.status();
          *holder = std::move(*started);
        });
        return holder;
      });
      node->Restart();
    }
    client_.SetBoot([](SimNode&) { return std::make_shared<int>(0); });
    client_.Restart();
  }

  // Sends one request to a broker from the client node and waits for the answer.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(int broker, Request request) {
    std::optional<absl::StatusOr<Response>> answer;
    std::unique_ptr<kafka::ClientChannel> channel;
    client_.Post([&] {
      channel = std::make_unique<kafka::ClientChannel>(
          client_.ports().shards->shard(0), *client_.ports().transport,
          Endpoint{fmt::format("broker-{}", broker), 9092}, kafka::ChannelOptions{});
      channel->Send(std::move(request), seconds(20),
                    [&](absl::StatusOr<Response> response) { answer = std::move(response); });
    });
    world_.RunUntil([&] { return answer.has_value(); }, seconds(30));
    bool closed = false;
    client_.Post([&] {
      channel.reset();
      closed = true;
    });
    world_.RunUntil([&] { return closed; }, seconds(1));
    if (!answer) return absl::DeadlineExceededError("no answer in 30 virtual seconds");
    return std::move(*answer);
  }

  Broker& broker(int id) {
    return **brokers_[static_cast<size_t>(id - 1)]->app<std::unique_ptr<Broker>>();
  }

  void CreateTopic(std::string name, int partitions) {
    kafka::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = std::move(name);
    topic.num_partitions = partitions;
    topic.replication_factor = 3;
    auto& config = topic.configs.emplace_back();
    config.name = "min.insync.replicas";
    config.value = "2";
    request.timeout_ms = 10000;
    auto response = Call<kafka::CreateTopicsRequest, kafka::CreateTopicsResponse>(1, request);
    ASSERT_TRUE(response.ok()) << response.status();
    ASSERT_EQ(response->topics.size(), 1u);
    ASSERT_EQ(response->topics[0].error_code, kafka::ErrorCode::NONE) << response->ToString();
  }

  kafka::MetadataResponse::MetadataResponseTopic Describe(int via, const std::string& name) {
    kafka::MetadataRequest request;
    request.topics.emplace().emplace_back().name = name;
    request.allow_auto_topic_creation = false;
    auto response = Call<kafka::MetadataRequest, kafka::MetadataResponse>(via, request);
    EXPECT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->topics.size(), 1u);
    return response->topics.at(0);
  }

  kafka::ErrorCode Produce(int to, const Uuid& topic_id, int32_t partition, std::string value,
                           int64_t* base_offset = nullptr) {
    kafka::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 15000;
    auto& topic = request.topic_data.emplace_back();
    topic.topic_id = topic_id;
    auto& data = topic.partition_data.emplace_back();
    data.index = partition;
    kafka::BatchBuilder builder;
    builder.Append(1000, std::nullopt, value);
    data.records = kafka::Records(builder.Build());
    auto response = Call<kafka::ProduceRequest, kafka::ProduceResponse>(to, request);
    if (!response.ok()) {
      ADD_FAILURE() << response.status();
      return kafka::ErrorCode::UNKNOWN_SERVER_ERROR;
    }
    const auto& result = response->responses.at(0).partition_responses.at(0);
    if (result.error_code != kafka::ErrorCode::NONE) ADD_FAILURE() << response->ToString();
  if (base_offset != nullptr) *base_offset = result.base_offset;
    return result.error_code;
  }

  sim::SimWorld world_{7};
  sim::SimNetwork network_{world_, {}};
  SimNode controller_{world_, network_, "controller"};
  std::vector<std::unique_ptr<SimNode>> brokers_;
  SimNode client_{world_, network_, "client"};
  int serving_ = 0;
};

TEST_F(BrokerSimTest, ServesProduceAndFetchWithThreeReplicas) {
  ASSERT_TRUE(world_.RunUntil([&] { return serving_ == 3; }, seconds(10))) << serving_;
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
  auto response =
      Call<kafka::FetchRequest, kafka::FetchResponse>(topic.partitions[0].leader_id, fetch);
  ASSERT_TRUE(response.ok()) << response.status();
  const auto& data = response->responses.at(0).partitions.at(0);
  EXPECT_EQ(data.error_code, kafka::ErrorCode::NONE);
  EXPECT_EQ(data.high_watermark, 2);
  EXPECT_GT(data.records.size_bytes(), 0);
}

TEST_F(BrokerSimTest, LeaderCrashMovesLeadershipAndKeepsAckedRecords) {
  ASSERT_TRUE(world_.RunUntil([&] { return serving_ == 3; }, seconds(10))) << serving_;
  CreateTopic("orders", 1);
  auto before = Describe(1, "orders");
  const int32_t old_leader = before.partitions[0].leader_id;
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(Produce(old_leader, before.topic_id, 0, fmt::format("value {}", i)),
              kafka::ErrorCode::NONE);
  }
  brokers_[static_cast<size_t>(old_leader - 1)]->Crash();
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
  brokers_[static_cast<size_t>(old_leader - 1)]->Restart();
  ASSERT_TRUE(world_.RunUntil(
      [&] {
        if (!*brokers_[static_cast<size_t>(old_leader - 1)]->app<std::unique_ptr<Broker>>())
          return false;
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

}  // namespace
}  // namespace soliton::broker
