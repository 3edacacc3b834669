// Broker and controller in one process and on one disk, as `soliton broker` wires them, through
// power losses in the simulated world: what was acknowledged stays, and nothing is made up.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/served_combined.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/produce.h"
#include "protocol/record/batch_builder.h"
#include "protocol/record/batch_iterator.h"
#include "protocol/record/record_iterator.h"
#include "protocol/session/client_channel.h"
#include "tests/sim/sim_node.h"

namespace soliton::cli {
namespace {

constexpr size_t kMaxBatchBytes = 1 << 20;

class CombinedWorld {
 public:
  explicit CombinedWorld(uint64_t seed) : world_(seed) {
    config_.broker.node_id = config_.controller.node_id = 1;
    config_.broker.listener = config_.broker.advertised_listener = {"PLAINTEXT", {"node", 9092}};
    config_.controller.listener = {"CONTROLLER", {"node", 9093}};
    config_.broker.log_dirs = {"/data"};
    config_.controller.metadata_log_dir = "/data";
    config_.broker.topic_defaults.segment_bytes = 4096;
    node_.SetBoot([this](sim::SimNode&) { return Boot(); });
  }

  void Start() {
    ready_ = false;
    node_.Restart();
    ASSERT_TRUE(world_.RunUntil([&] { return ready_ || !fatal_.ok(); }, seconds(30)));
    ASSERT_TRUE(fatal_.ok()) << fatal_;
  }
  void LosePower() {
    if (node_.alive()) node_.Crash();
  }
  void LosePowerWithin(Duration most) {
    const auto delay =
        Duration(static_cast<int64_t>(world_.random().Below(static_cast<uint64_t>(most.count()))));
    world_.ScheduleAfter(delay, {}, [this] { LosePower(); });
  }
  void StopCleanly() {
    std::optional<absl::Status> stopped;
    node_.Post([&] { app().Stop([&](absl::Status status) { stopped = std::move(status); }); });
    ASSERT_TRUE(world_.RunUntil([&] { return stopped.has_value(); }, seconds(30)));
    EXPECT_TRUE(stopped->ok()) << *stopped;
  }

  // The id, once the creation is acknowledged.
  std::optional<Uuid> CreateTopic(const std::string& name) {
    kafka::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    request.timeout_ms = 10'000;
    const auto response = Call(std::move(request));
    if (!response.ok() || response->topics.at(0).error_code != kafka::ErrorCode::NONE) {
      return std::nullopt;
    }
    return response->topics[0].topic_id;
  }
  // The offset, once acknowledged.
  std::optional<int64_t> Produce(const std::string& topic_name, const Uuid& topic_id,
                                 const std::string& value) {
    kafka::BatchBuilder builder({});
    builder.Append(1'700'000'000'000, std::nullopt, value);
    kafka::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 10'000;
    auto& topic = request.topic_data.emplace_back();
    topic.name = topic_name;
    topic.topic_id = topic_id;
    topic.partition_data.emplace_back().records = kafka::Records(builder.Build());
    const auto response = Call(std::move(request));
    if (!response.ok()) return std::nullopt;
    const auto& result = response->responses.at(0).partition_responses.at(0);
    if (result.error_code != kafka::ErrorCode::NONE) return std::nullopt;
    return result.base_offset;
  }

  ServedCombined& app() { return **node_.app<std::unique_ptr<ServedCombined>>(); }
  std::optional<Uuid> TopicId(const std::string& name) {
    const controller::TopicInfo* topic =
        app().controller().node()->committed_image().FindTopic(name);
    return topic == nullptr ? std::nullopt : std::optional(topic->id);
  }
  // Every record of the one partition of a topic, by offset.
  std::map<int64_t, std::string> Stored(const Uuid& topic_id) {
    std::map<int64_t, std::string> values;
    EXPECT_TRUE(world_.RunUntil([&] { return ReplicaOf(topic_id).has_value(); }, seconds(30)));
    world_.Inspect([&] {
      const auto replica = ReplicaOf(topic_id);
      if (!replica) return;
      const auto bytes = app().broker().broker()->ReadReplica(
          topic_id, 0, replica->log_start_offset, replica->log_end_offset);
      ASSERT_TRUE(bytes.ok()) << bytes.status();
      const auto split = kafka::SplitBatches(*bytes);
      ASSERT_TRUE(split.ok()) << split.status();
      EXPECT_EQ(split->cut_tail_bytes, 0u);
      for (const kafka::RecordBatchView& batch : split->batches) {
        EXPECT_TRUE(batch.CrcMatches());
        auto records = kafka::RecordIterator::Open(batch, kMaxBatchBytes);
        ASSERT_TRUE(records.ok()) << records.status();
        kafka::Record record;
        while (records->Next(record).value_or(false)) {
          values[batch.base_offset() + record.offset_delta] = record.value.value_or("");
        }
      }
    });
    return values;
  }
  bool Exists(const std::string& path) { return node_.files().Exists(path); }
  const absl::Status& fatal() const { return fatal_; }
  Random& random() { return world_.random(); }
  bool alive() const { return node_.alive(); }

 private:
  std::shared_ptr<void> Boot() {
    auto holder = std::make_shared<std::unique_ptr<ServedCombined>>();
    node_.Post([this, holder] {
      *holder = std::make_unique<ServedCombined>(config_, nullptr, 1024);
      const absl::Status started = (*holder)->Start(
          node_.ports(), {.on_ready = [this](const std::string&) { ready_ = true; },
                          .on_fatal = [this](const absl::Status& why) { fatal_ = why; }});
      if (!started.ok()) fatal_ = started;
    });
    return holder;
  }
  std::optional<broker::Broker::ReplicaSnapshot> ReplicaOf(const Uuid& topic_id) {
    for (auto& replica : app().broker().broker()->Replicas()) {
      if (replica.topic_id == topic_id) return replica;
    }
    return std::nullopt;
  }

  // One request of a client that lives just for it.
  template <typename Request>
  absl::StatusOr<kafka::ResponseOf<Request>> Call(Request request) {
    std::optional<absl::StatusOr<kafka::ResponseOf<Request>>> answer;
    client_.SetBoot([&](sim::SimNode& self) -> std::shared_ptr<void> {
      auto channel = std::make_shared<std::unique_ptr<kafka::ClientChannel>>();
      self.Post([&, channel] {
        *channel = std::make_unique<kafka::ClientChannel>(
            self.ports().shards->shard(0), *self.ports().transport, Endpoint{"node", 9092},
            kafka::ChannelOptions{});
        (*channel)->Send(std::move(request), seconds(5),
                         [&](absl::StatusOr<kafka::ResponseOf<Request>> response) {
                           answer = std::move(response);
                         });
      });
      return channel;
    });
    client_.Restart();
    // A host without power answers nothing at all.
    world_.RunUntil([&] { return answer.has_value(); }, seconds(10));
    client_.Crash();
    if (!answer) return absl::DeadlineExceededError("no answer");
    return *std::move(answer);
  }

  sim::SimWorld world_;
  sim::SimNetwork network_{world_, {}};
  config::CombinedConfig config_;
  sim::SimNode node_{world_, network_, "node", {.shards = 2}};
  sim::SimNode client_{world_, network_, "client"};
  bool ready_ = false;
  absl::Status fatal_;
};

TEST(CombinedNode, TheTwoRolesLieSideBySide) {
  CombinedWorld world(1);
  ASSERT_NO_FATAL_FAILURE(world.Start());
  const std::optional<Uuid> topic = world.CreateTopic("t");
  ASSERT_TRUE(topic.has_value());
  ASSERT_EQ(world.Produce("t", *topic, "a"), 0);
  for (const char* path : {"/data/meta.properties", "/data/t-0", "/data/controller/meta.properties",
                           "/data/controller/__cluster_metadata-0"}) {
    EXPECT_TRUE(world.Exists(path)) << path;
  }
  EXPECT_FALSE(world.Exists("/data/.kafka_cleanshutdown"));
  ASSERT_NO_FATAL_FAILURE(world.StopCleanly());
  EXPECT_TRUE(world.Exists("/data/.kafka_cleanshutdown"));
  EXPECT_TRUE(world.Exists("/data/controller/.kafka_cleanshutdown"));
  world.LosePower();
  ASSERT_NO_FATAL_FAILURE(world.Start());
  EXPECT_EQ(world.TopicId("t"), topic);
  EXPECT_EQ(world.Stored(*topic), (std::map<int64_t, std::string>{{0, "a"}}));
}

// Power goes at any moment of creating topics and of producing, over and over.
TEST(CombinedNode, WhatWasAcknowledgedSurvivesPowerLoss) {
  constexpr int kSeeds = 40;
  constexpr int kLosses = 5;
  int acknowledged = 0, unanswered = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    CombinedWorld world(seed);
    ASSERT_NO_FATAL_FAILURE(world.Start());
    std::map<std::string, Uuid> topics;                           // created for sure
    std::map<std::string, std::map<int64_t, std::string>> acked;  // by topic and offset
    std::map<std::string, int> sent;
    int next_value = 0;
    for (int loss = 0; loss < kLosses; ++loss) {
      world.LosePowerWithin(milliseconds(200));
      while (world.alive()) {
        if (topics.empty() || world.random().Chance(1, 4)) {
          const std::string name = fmt::format("t{}", next_value++);
          const std::optional<Uuid> id = world.CreateTopic(name);
          if (id) topics[name] = *id;
          ++(id ? acknowledged : unanswered);
          continue;
        }
        auto topic = topics.begin();
        std::advance(topic, world.random().Below(topics.size()));
        const std::string value = fmt::format("v{}", next_value++);
        ++sent[topic->first];
        const std::optional<int64_t> offset = world.Produce(topic->first, topic->second, value);
        if (offset) {
          ASSERT_TRUE(acked[topic->first].emplace(*offset, value).second) << "an offset twice";
        }
        ++(offset ? acknowledged : unanswered);
      }
      ASSERT_NO_FATAL_FAILURE(world.Start());
      for (const auto& [name, id] : topics) {
        ASSERT_EQ(world.TopicId(name), id) << name;
        const std::map<int64_t, std::string> stored = world.Stored(id);
        EXPECT_LE(stored.size(), static_cast<size_t>(sent[name])) << name;
        for (const auto& [offset, value] : acked[name]) {
          const auto found = stored.find(offset);
          ASSERT_TRUE(found != stored.end()) << name << " lost offset " << offset;
          EXPECT_EQ(found->second, value) << name << " at " << offset;
        }
      }
    }
  }
  // Neither side of the test is empty.
  EXPECT_GT(acknowledged, kSeeds * kLosses * 5);
  EXPECT_GT(unanswered, kSeeds);
}

TEST(CombinedNode, ADirectoryOfKafkaIsRefused) {
  sim::SimWorld other(2);
  sim::SimNetwork network(other, {});
  sim::SimNode node(other, network, "node");
  ASSERT_TRUE(node.files().CreateDirectories("/data/__cluster_metadata-0").ok());
  config::ControllerConfig config;
  config.node_id = 1;
  config.listener = {"CONTROLLER", {"node", 9093}};
  config.metadata_log_dir = "/data";
  std::optional<absl::Status> started;
  node.SetBoot([&](sim::SimNode& self) -> std::shared_ptr<void> {
    auto controller = std::make_shared<ServedController>(config);
    self.Post([&, controller] {
      started = controller->Start(self.ports(), {.on_ready = [](const std::string&) {},
                                                 .on_fatal = [](const absl::Status&) {}});
    });
    return controller;
  });
  node.Restart();
  ASSERT_TRUE(other.RunUntil([&] { return started.has_value(); }, seconds(5)));
  EXPECT_EQ(started->code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      std::string(started->message()),
      "/data/__cluster_metadata-0 is the metadata log of Apache Kafka or of an older release, "
      "and cannot be read here: point log.dirs (or metadata.log.dir) to another directory");
  EXPECT_FALSE(node.files().Exists("/data/controller"));
}

}  // namespace
}  // namespace soliton::cli
