// A controller and brokers that do nothing but follow it, in the simulated world: the real
// ControllerNode, the real ControllerClient, no partitions.
#pragma once

#include <fmt/format.h>
#include <algorithm>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/client/controller_client.h"
#include "controller/controller_node.h"
#include "controller/metadata/metadata_builder.h"
#include "runtime/obs/logging.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/sim_world.h"

namespace soliton::controller {

inline constexpr uint16_t kControllerPort = 9093;
inline constexpr uint16_t kBrokerPort = 9092;

// One process of a broker: listens on its address, so that it can be probed, and follows the
// controller.
class FakeBroker {
 public:
  struct Options {
    int32_t broker_id = 1;
    std::string cluster_id;
    std::string host;  // as advertised
    std::vector<Endpoint> controllers = {{"controller", kControllerPort}};
    std::optional<std::string> rack;
    int64_t previous_broker_epoch = -1;
    bool ready = true;
    bool listens = true;
  };

  FakeBroker(sim::SimNode& node, Options options)
      : ports_(node.ports()), options_(std::move(options)) {
    node.Post([this] { Start(); });
  }

  ControllerClient& client() { return *client_; }
  bool started() const { return client_ != nullptr; }
  MetadataImagePtr image() const {
    return client_ == nullptr ? std::make_shared<const MetadataImage>() : client_->image();
  }
  Shard& shard() { return ports_.shards->shard(0); }
  const absl::Status& refused() const { return refused_; }
  int64_t images_seen() const { return images_seen_; }
  const std::vector<int64_t>& epochs() const { return epochs_; }
  // Broken rules of the client's contract, for tests to assert on.
  const std::string& complaint() const { return complaint_; }

 private:
  void Start() {
    if (options_.listens) {
      auto listener = ports_.transport->Listen(
          {"", kBrokerPort}, {}, *ports_.shards,
          [this](Shard&, std::shared_ptr<FramedConnection> connection) {
            peers_.push_back(std::move(connection));
            handlers_.push_back(std::make_unique<PeerHandler>(*peers_.back()));
            peers_.back()->Start(handlers_.back().get());
          });
      if (!listener.ok()) complaint_ = std::string(listener.status().message());
      if (listener.ok()) listener_ = *std::move(listener);
    }
    ControllerClientOptions client_options;
    client_options.controllers = options_.controllers;
    client_options.broker_id = options_.broker_id;
    client_options.cluster_id = options_.cluster_id;
    client_options.incarnation_id = Uuid::Generate(shard().random());
    client_options.directory_id = Uuid{1, static_cast<uint64_t>(options_.broker_id)};
    client_options.advertised = {options_.host, kBrokerPort};
    client_options.rack = options_.rack;
    client_options.previous_broker_epoch = options_.previous_broker_epoch;
    client_ = ControllerClient::Create(
        ports_, shard(), client_options,
        {.on_image = [this](MetadataImagePtr image,
                            const MetadataDelta& delta) { OnImage(image, delta); },
         .on_registered = [this](int64_t epoch) { epochs_.push_back(epoch); },
         .on_refused = [this](const absl::Status& why) { refused_ = why; }});
    client_->Start();
    if (options_.ready) client_->SetReady();
  }

  // The delta of each image must name exactly what changed.
  void OnImage(const MetadataImagePtr& image, const MetadataDelta& delta) {
    ++images_seen_;
    if (image->offset <= last_->offset) {
      complaint_ = fmt::format("image {} after {}", image->offset, last_->offset);
    }
    const MetadataDelta real = DiffImages(*last_, *image);
    for (const Uuid& id : real.changed_topics) {
      if (!delta.changed_topics.contains(id)) complaint_ = "delta misses a changed topic";
    }
    for (const auto& [id, partitions] : real.changed_partitions) {
      const auto named = delta.changed_partitions.find(id);
      if (delta.changed_topics.contains(id)) continue;
      if (named == delta.changed_partitions.end() ||
          !std::includes(named->second.begin(), named->second.end(), partitions.begin(),
                         partitions.end())) {
        complaint_ = "delta misses a changed partition";
      }
    }
    for (const Uuid& id : real.deleted_topics) {
      if (!delta.deleted_topics.contains(id)) complaint_ = "delta misses a deleted topic";
    }
    if (real.brokers_changed && !delta.brokers_changed) complaint_ = "delta misses brokers";
    if (real.broker_configs_changed && !delta.broker_configs_changed) {
      complaint_ = "delta misses settings of brokers";
    }
    last_ = image;
  }

  // Answers, as every process does that runs.
  class PeerHandler : public ConnectionHandler {
   public:
    explicit PeerHandler(FramedConnection& connection) : connection_(connection) {}
    void OnFrame(Buffer frame) override { connection_.Send(BufferChain(std::move(frame))); }
    void OnClosed(const absl::Status&) override {}

   private:
    FramedConnection& connection_;
  };

  Ports ports_;
  const Options options_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::shared_ptr<FramedConnection>> peers_;
  std::vector<std::unique_ptr<PeerHandler>> handlers_;
  MetadataImagePtr last_ = std::make_shared<const MetadataImage>();
  int64_t images_seen_ = 0;
  std::vector<int64_t> epochs_;
  absl::Status refused_;
  std::string complaint_;
  std::unique_ptr<ControllerClient> client_;
};

// The controller's process; restarts on the same data directory.
class ControllerProcess {
 public:
  ControllerProcess(sim::SimNode& node, ControllerOptions options)
      : ports_(node.ports()), options_(std::move(options)) {
    node.Post([this] { Start(); });
  }

  ControllerNode* node() { return node_.get(); }
  const absl::Status& status() const { return status_; }
  const absl::Status& fatal() const { return fatal_; }

 private:
  void Start() {
    options_.on_fatal = [this](const absl::Status& why) { fatal_ = why; };
    auto node = ControllerNode::Start(ports_, options_);
    status_ = node.status();
    if (node.ok()) node_ = *std::move(node);
  }

  Ports ports_;
  ControllerOptions options_;
  absl::Status status_;
  absl::Status fatal_;
  std::unique_ptr<ControllerNode> node_;
};

class SimCluster {
 public:
  explicit SimCluster(uint64_t seed, int brokers = 3) : world_(seed), network_(world_, {}) {
    SetLogLevel(LogLevel::kOff);  // hundreds of simulated restarts say too much
    controller_node_ = std::make_unique<sim::SimNode>(world_, network_, "controller");
    controller_options_.node_id = 100;
    controller_options_.listen = {"", kControllerPort};
    controller_options_.data_directory = "meta";
    controller_options_.default_replication_factor = 3;
    controller_options_.default_min_insync_replicas = 2;
    controller_node_->SetBoot([this](sim::SimNode& node) {
      return std::make_shared<ControllerProcess>(node, controller_options_);
    });
    for (int i = 1; i <= brokers; ++i) AddBroker(i);
  }

  // Adds a machine for a broker; not started.
  sim::SimNode& AddBroker(int32_t id, std::string host = {}) {
    if (host.empty()) host = fmt::format("broker-{}", id);
    nodes_.push_back(std::make_unique<sim::SimNode>(world_, network_, host));
    broker_options_.push_back(
        std::make_unique<FakeBroker::Options>(FakeBroker::Options{.broker_id = id, .host = host}));
    nodes_.back()->SetBoot([options = broker_options_.back().get()](sim::SimNode& node) {
      return std::make_shared<FakeBroker>(node, *options);
    });
    return *nodes_.back();
  }

  void Start() {
    controller_node_->Restart();
    for (const auto& node : nodes_) node->Restart();
  }

  sim::SimWorld& world() { return world_; }
  sim::SimNetwork& network() { return network_; }
  sim::SimNode& controller_node() { return *controller_node_; }
  ControllerProcess& controller() { return *controller_node_->app<ControllerProcess>(); }
  ControllerOptions& controller_options() { return controller_options_; }
  // By position: broker i is nodes()[i - 1].
  sim::SimNode& node(int i) { return *nodes_[static_cast<size_t>(i - 1)]; }
  FakeBroker& broker(int i) { return *node(i).app<FakeBroker>(); }
  FakeBroker::Options& options(int i) { return *broker_options_[static_cast<size_t>(i - 1)]; }
  int broker_count() const { return static_cast<int>(nodes_.size()); }

  // How broker `i` sees broker `id`.
  bool SeesUsable(int i, int32_t id) {
    const MetadataImagePtr image = broker(i).image();
    const BrokerInfo* info = image->FindBroker(id);
    return info != nullptr && info->usable();
  }
  bool AllUsable() {
    for (int i = 1; i <= broker_count(); ++i) {
      for (int id = 1; id <= broker_count(); ++id) {
        if (!SeesUsable(i, id)) return false;
      }
    }
    return true;
  }
  bool Await(const std::function<bool()>& done, Duration budget = seconds(5)) {
    return world_.RunUntil(done, budget);
  }

  // Runs `call(client, done)` on broker i's shard and waits for its answer.
  template <typename T, typename Call>
  absl::StatusOr<T> Ask(int i, Call call, Duration budget = seconds(10)) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<T>>>();
    FakeBroker* asked = &broker(i);
    node(i).Post([asked, call, answer]() mutable {
      call(asked->client(), [answer](absl::StatusOr<T> result) { *answer = std::move(result); });
    });
    if (!Await([&] { return answer->has_value(); }, budget)) {
      return absl::InternalError("the client never answered");
    }
    return **answer;
  }
  absl::StatusOr<TopicResult> CreateTopic(int i, CreateTopicSpec spec) {
    auto results = Ask<std::vector<TopicResult>>(i, [&](ControllerClient& client, auto done) {
      client.CreateTopics({spec}, false, seconds(5), done);
    });
    if (!results.ok()) return results.status();
    return results->front();
  }

 private:
  sim::SimWorld world_;
  sim::SimNetwork network_;
  ControllerOptions controller_options_;
  std::unique_ptr<sim::SimNode> controller_node_;
  std::vector<std::unique_ptr<FakeBroker::Options>> broker_options_;
  std::vector<std::unique_ptr<sim::SimNode>> nodes_;
};

}  // namespace soliton::controller
