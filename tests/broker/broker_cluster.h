// One controller and three brokers, the real code, in the simulated world, and a client that speaks
// to any of them: whole requests in a version of its choice, or bare frames.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/server/dispatch.h"
#include "controller/controller_node.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/record/batch_builder.h"
#include "protocol/session/response_of.h"
#include "protocol/wire/message_frame.h"
#include "tests/sim/sim_node.h"

namespace soliton::broker {

// A connection of the client, without any protocol. Lives in the simulated process.
class RawClient final : public ConnectionHandler {
 public:
  RawClient(Shard& shard, Transport& transport, const Endpoint& to) {
    transport.Connect(shard, to, {}, seconds(5),
                      [this](absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
                        if (!connected.ok()) {
                          closed = true;
                          return;
                        }
                        connection = *std::move(connected);
                        connection->Start(this);
                        for (BufferChain& frame : queued) connection->Send(std::move(frame));
                        queued.clear();
                      });
  }
  void Send(BufferChain frame) {
    if (connection == nullptr) {
      queued.push_back(std::move(frame));
    } else {
      connection->Send(std::move(frame));
    }
  }
  void OnFrame(Buffer frame) override { frames.push_back(std::move(frame)); }
  void OnClosed(const absl::Status&) override { closed = true; }

  std::shared_ptr<FramedConnection> connection;
  std::deque<BufferChain> queued;
  std::deque<Buffer> frames;
  bool closed = false;
};

class BrokerClusterTest : public testing::Test {
 protected:
  using SimNode = sim::SimNode;

  BrokerClusterTest() {
    SetControllerBoot(controller_);
    client_.SetBoot([](SimNode&) { return std::make_shared<int>(0); });
    client_.Restart();
  }
  ~BrokerClusterTest() override { CloseClients(); }

  // Changes the options of every broker that starts from now on.
  std::function<void(BrokerOptions&)> adjust_ = [](BrokerOptions&) {};

  void SetControllerBoot(SimNode& controller) {
    controller.SetBoot([](SimNode& node) -> std::shared_ptr<void> {
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
  }
  void AddBroker(int id) {
    auto& node = brokers_.emplace_back(std::make_unique<SimNode>(
        world_, network_, fmt::format("broker-{}", id), sim::SimNodeOptions{.shards = 2}));
    node->SetBoot([this, id](SimNode& self) -> std::shared_ptr<void> {
      auto holder = std::make_shared<std::unique_ptr<Broker>>();
      self.Post([this, id, &self, holder] {
        BrokerOptions options;
        options.node_id = id;
        options.controllers = {{controller_name_, 9100}};
        options.listen = {self.name(), 9092};
        options.data_directory = "/data";
        options.replica_lag_time_max = seconds(10);
        options.stall_timeout = seconds(60);  // disks are stalled to see what else waits
        adjust_(options);
        auto started =
            Broker::Start(self.ports(), options,
                          {.on_serving = [this] { ++serving_; },
                           .on_fatal = [this, id](const absl::Status& why) { fatal_[id] = why; }});
        if (!started.ok()) {
          fatal_[id] = started.status();
          return;
        }
        *holder = std::move(*started);
      });
      return holder;
    });
  }
  // Boots controller and brokers and waits until all serve.
  void Start(int brokers = 3) {
    controller_.Restart();
    for (int id = 1; id <= brokers; ++id) {
      AddBroker(id);
      node(id).Restart();
    }
    ASSERT_TRUE(world_.RunUntil([&] { return serving_ == brokers; }, seconds(10))) << serving_;
  }
  // Restarts a broker and waits until it serves.
  void RestartAndServe(int id) {
    const int before = serving_;
    node(id).Restart();
    ASSERT_TRUE(world_.RunUntil([&] { return serving_ > before; }, seconds(20)));
  }
  void StopCleanly(int id) {
    std::optional<absl::Status> stopped;
    node(id).Post([&] { broker(id).Stop([&](absl::Status status) { stopped = status; }); });
    ASSERT_TRUE(world_.RunUntil([&] { return stopped.has_value(); }, seconds(30)));
    EXPECT_TRUE(stopped->ok()) << *stopped;
    node(id).Crash({.model = sim::CrashModel::kLoseUnsynced});
  }

  SimNode& node(int id) { return *brokers_[static_cast<size_t>(id - 1)]; }
  Broker& broker(int id) { return **node(id).app<std::unique_ptr<Broker>>(); }
  bool Runs(int id) {
    auto* holder = node(id).app<std::unique_ptr<Broker>>();
    return holder != nullptr && *holder != nullptr;
  }
  std::optional<Broker::ReplicaSnapshot> Replica(int id, const std::string& topic,
                                                 int32_t partition = 0) {
    if (!Runs(id)) return std::nullopt;
    for (auto& replica : broker(id).Replicas()) {
      if (replica.topic == topic && replica.partition == partition) return replica;
    }
    return std::nullopt;
  }

  // ---- the client ----

  RawClient& Connect(int to) {
    auto& slot = clients_.emplace_back();
    client_.Post([this, &slot, to] {
      slot =
          std::make_unique<RawClient>(client_.ports().shards->shard(0), *client_.ports().transport,
                                      Endpoint{fmt::format("broker-{}", to), 9092});
    });
    EXPECT_TRUE(world_.RunUntil(
        [&] { return slot != nullptr && (slot->connection != nullptr || slot->closed); },
        seconds(10)));
    return *slot;
  }
  void SendFrame(RawClient& to, BufferChain frame) {
    bool sent = false;
    auto shared = std::make_shared<BufferChain>(std::move(frame));
    client_.Post([&, shared] {
      to.Send(std::move(*shared));
      sent = true;
    });
    world_.RunUntil([&] { return sent; }, seconds(1));
  }
  // The next frame; kUnavailable when the connection is closed instead, kDeadlineExceeded when
  // nothing happens.
  absl::StatusOr<Buffer> NextFrame(RawClient& from, Duration patience = seconds(30)) {
    world_.RunUntil([&] { return !from.frames.empty() || from.closed; }, patience);
    if (!from.frames.empty()) {
      Buffer frame = from.frames.front();
      from.frames.pop_front();
      return frame;
    }
    if (from.closed) return absl::UnavailableError("closed");
    return absl::DeadlineExceededError("no answer");
  }
  template <typename Request>
  void SendRequest(RawClient& to, int16_t version, int32_t correlation_id, const Request& request) {
    SendFrame(to, kafka::EncodeRequest({.api_key = Request::kApiKey,
                                        .api_version = version,
                                        .correlation_id = correlation_id,
                                        .client_id = "test",
                                        .unknown_tagged_fields = {}},
                                       request));
  }
  // The newest version that is served.
  template <typename Request>
  static int16_t NewestOf() {
    return FindHandler(Request::kApiKey)->max_version;
  }
  // One request in one version on a connection of its own.
  template <typename Request>
  absl::StatusOr<kafka::ResponseOf<Request>> Call(int to, const Request& request,
                                                  int16_t version = NewestOf<Request>()) {
    RawClient& client = Connect(to);
    SendRequest(client, version, 77, request);
    absl::StatusOr<Buffer> frame = NextFrame(client);
    CloseClients();
    if (!frame.ok()) return frame.status();
    return kafka::DecodeResponse<kafka::ResponseOf<Request>>(*frame, version, 77);
  }
  void CloseClients() {
    if (clients_.empty()) return;
    bool done = false;
    client_.Post([&] {
      clients_.clear();
      done = true;
    });
    world_.RunUntil([&] { return done; }, seconds(1));
  }

  // ---- short words ----

  using Configs = std::map<std::string, std::string>;
  Uuid CreateTopic(std::string name, int partitions = 1, int replication_factor = 3,
                   const Configs& configs = {{"min.insync.replicas", "2"}}, int via = 1) {
    kafka::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = std::move(name);
    topic.num_partitions = partitions;
    topic.replication_factor = static_cast<int16_t>(replication_factor);
    for (const auto& [key, value] : configs) {
      auto& config = topic.configs.emplace_back();
      config.name = key;
      config.value = value;
    }
    request.timeout_ms = 10000;
    auto response = Call(via, request);
    if (!response.ok() || response->topics.size() != 1 ||
        response->topics[0].error_code != kafka::ErrorCode::NONE) {
      ADD_FAILURE() << (response.ok() ? response->ToString() : response.status().ToString());
      return {};
    }
    const Uuid id = response->topics[0].topic_id;
    EXPECT_TRUE(world_.RunUntil([&] { return OpenReplicas(id) == partitions * replication_factor; },
                                seconds(10)));
    return id;
  }
  // On brokers that run.
  int OpenReplicas(const Uuid& topic_id) {
    int count = 0;
    for (int id = 1; id <= static_cast<int>(brokers_.size()); ++id) {
      if (!Runs(id)) continue;
      for (const auto& replica : broker(id).Replicas()) count += replica.topic_id == topic_id;
    }
    return count;
  }
  kafka::ErrorCode DeleteTopic(const std::string& name, int via = 1) {
    kafka::DeleteTopicsRequest request;
    request.topics.emplace_back().name = name;
    request.timeout_ms = 10000;
    auto response = Call(via, request);
    if (!response.ok() || response->responses.size() != 1) {
      return kafka::ErrorCode::UNKNOWN_SERVER_ERROR;
    }
    return response->responses[0].error_code;
  }
  kafka::MetadataResponse::MetadataResponseTopic Describe(int via, const std::string& name) {
    kafka::MetadataRequest request;
    request.topics.emplace().emplace_back().name = name;
    request.allow_auto_topic_creation = false;
    auto response = Call(via, request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok() || response->topics.size() != 1) return {};
    return response->topics[0];
  }
  int32_t LeaderOf(const std::string& name, int via = 1) {
    auto topic = Describe(via, name);
    return topic.partitions.empty() ? -1 : topic.partitions[0].leader_id;
  }

  static Buffer Batch(std::string_view value = "value", const kafka::BatchOptions& options = {}) {
    kafka::BatchBuilder builder(options);
    builder.Append(1'700'000'000'000, std::nullopt, value);
    return builder.Build();
  }
  static kafka::ProduceRequest ProduceTo(const Uuid& topic_id, int32_t partition, Buffer records,
                                         int16_t acks = -1) {
    kafka::ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 15000;
    auto& topic = request.topic_data.emplace_back();
    topic.topic_id = topic_id;
    auto& data = topic.partition_data.emplace_back();
    data.index = partition;
    data.records = kafka::Records(std::move(records));
    return request;
  }
  using PartitionResult = kafka::ProduceResponse::PartitionProduceResponse;
  PartitionResult Result(const absl::StatusOr<kafka::ProduceResponse>& response) {
    if (!response.ok()) {
      ADD_FAILURE() << response.status();
      PartitionResult failed;
      failed.error_code = kafka::ErrorCode::UNKNOWN_SERVER_ERROR;
      return failed;
    }
    return response->responses.at(0).partition_responses.at(0);
  }
  kafka::ErrorCode Produce(int to, const Uuid& topic_id, int32_t partition, std::string_view value,
                           int64_t* base_offset = nullptr) {
    const PartitionResult result = Result(Call(to, ProduceTo(topic_id, partition, Batch(value))));
    if (base_offset != nullptr) *base_offset = result.base_offset;
    return result.error_code;
  }
  static kafka::FetchRequest FetchFrom(const Uuid& topic_id, int32_t partition, int64_t offset) {
    kafka::FetchRequest request;
    request.max_wait_ms = 0;
    request.min_bytes = 1;
    request.max_bytes = 10 << 20;
    auto& topic = request.topics.emplace_back();
    topic.topic_id = topic_id;
    auto& part = topic.partitions.emplace_back();
    part.partition = partition;
    part.fetch_offset = offset;
    part.partition_max_bytes = 1 << 20;
    return request;
  }
  kafka::FetchResponse::PartitionData Fetched(
      const absl::StatusOr<kafka::FetchResponse>& response) {
    if (!response.ok()) {
      ADD_FAILURE() << response.status();
      return {};
    }
    return response->responses.at(0).partitions.at(0);
  }

  sim::SimWorld world_{7};
  sim::SimNetwork network_{world_, {}};
  SimNode controller_{world_, network_, "controller"};
  std::string controller_name_ = "controller";
  std::vector<std::unique_ptr<SimNode>> brokers_;
  SimNode client_{world_, network_, "client"};
  std::deque<std::unique_ptr<RawClient>> clients_;
  std::map<int, absl::Status> fatal_;
  int serving_ = 0;
};

}  // namespace soliton::broker
