#include "tests/sim/sim_cluster.h"

#include <optional>

#include "controller/quorum/vote_file.h"
#include "protocol/messages/create_topics.h"
#include "protocol/session/client_channel.h"
#include "runtime/obs/logging.h"

namespace soliton::sim {
namespace {

constexpr uint16_t kControllerPort = 9093;
constexpr uint16_t kBrokerPort = 9092;
constexpr Duration kStopPatience = seconds(5);
constexpr Duration kSupervisorDelay = milliseconds(200);

}  // namespace

SimCluster::SimCluster(SimWorld& world, SimNetwork& network, const ClusterPlan& plan)
    : world_(world),
      plan_(plan),
      serving_incarnation_(static_cast<size_t>(plan.brokers), 0),
      stopping_incarnation_(static_cast<size_t>(plan.brokers), 0) {
  SimDiskLatency latency;
  latency.max = plan.disk_latency_max;
  for (int number = 1; !plan.combined && number <= controller_count(); ++number) {
    controllers_.push_back(std::make_unique<SimNode>(
        world, network, plan.controllers == 1 ? "controller" : fmt::format("controller-{}", number),
        SimNodeOptions{.shards = 1, .disk_latency = latency}));
    controllers_.back()->SetBoot([this, number](SimNode& node) { return Boot(node, number, 0); });
  }
  for (int32_t id = 1; id <= plan.brokers; ++id) {
    brokers_.push_back(std::make_unique<SimNode>(
        world, network, fmt::format("broker-{}", id),
        SimNodeOptions{.shards = plan.broker_shards, .disk_latency = latency}));
    const int controller = plan.combined && id <= plan.controllers ? id : 0;
    brokers_.back()->SetBoot(
        [this, controller, id](SimNode& node) { return Boot(node, controller, id); });
  }
  const int clients = plan.clients + (plan.topic_churn ? 1 : 0) + (plan.admin_storm ? 1 : 0) +
                      (plan.voter_changes ? 1 : 0);
  for (int i = 0; i < clients; ++i) {
    clients_.push_back(std::make_unique<SimNode>(world, network, fmt::format("client-{}", i)));
  }
}

void SimCluster::Start() {
  for (auto& controller : controllers_) controller->Restart();
  for (auto& broker : brokers_) broker->Restart();
}

Endpoint SimCluster::ControllerEndpoint(int number) const {
  const auto& machines = plan_.combined ? brokers_ : controllers_;
  return {machines[static_cast<size_t>(number - 1)]->name(), kControllerPort};
}

std::string SimCluster::ControllerDirectory() const { return plan_.combined ? "/meta" : "/data"; }

std::string SimCluster::VotePath() const {
  return fmt::format("{}/__cluster_metadata-0/{}", ControllerDirectory(),
                     controller::kVoteFileName);
}

std::shared_ptr<void> SimCluster::Boot(SimNode& node, int controller_number, int32_t broker_id) {
  auto process = std::make_shared<Process>();
  node.Post([this, &node, process, controller_number, broker_id] {
    if (controller_number > 0 && !StartController(node, controller_number, *process)) return;
    if (broker_id > 0) StartBroker(node, broker_id, *process);
  });
  return process;
}

bool SimCluster::StartController(SimNode& node, int number, Process& process) {
  controller::ControllerOptions options;
  options.node_id = ControllerId(number);
  options.listen = {node.name(), kControllerPort};
  for (int voter = 1; voter <= plan_.controllers; ++voter) {
    options.voters[ControllerId(voter)] = ControllerEndpoint(voter);
  }
  options.data_directory = ControllerDirectory();
  options.quorum.election_timeout = plan_.election_timeout;
  options.quorum.heartbeat_interval = plan_.election_timeout / 10;
  options.broker_session_timeout = plan_.session_timeout;
  options.broker_silence_timeout = plan_.silence_timeout;
  options.snapshot_interval_bytes = plan_.metadata_snapshot_bytes;
  options.on_fatal = [this, &node](const absl::Status& why) { OnFatal(node, why); };
  auto started = controller::ControllerNode::Start(node.ports(), options);
  if (!started.ok()) {
    OnFatal(node, started.status());
    return false;
  }
  process.controller = *std::move(started);
  return true;
}

broker::BrokerOptions SimCluster::OptionsOf(int32_t id, const SimNode& node) const {
  broker::BrokerOptions options;
  options.node_id = id;
  for (int number = 1; number <= controller_count(); ++number) {
    options.controllers.push_back(ControllerEndpoint(number));
  }
  options.listen = {node.name(), kBrokerPort};
  options.data_directory = "/data";
  options.flush_before_ack = plan_.flush_before_ack;
  options.heartbeat_interval = plan_.heartbeat_interval;
  options.replica_lag_time_max = plan_.replica_lag_time_max;
  options.replica_fetch_wait_max = plan_.replica_fetch_wait_max;
  options.replica_fetch_max_bytes = plan_.replica_fetch_max_bytes;
  options.replica_fetch_response_max_bytes = plan_.replica_fetch_response_max_bytes;
  options.max_requests_in_flight_per_connection = plan_.max_requests_in_flight;
  options.memory_budget_bytes = plan_.memory_budget_bytes;
  options.retention_check_interval = plan_.retention_check_interval;
  options.high_watermark_checkpoint_interval = plan_.high_watermark_checkpoint_interval;
  options.topic_defaults.segment_bytes = plan_.segment_bytes;
  options.topic_defaults.index_interval_bytes = plan_.index_interval_bytes;
  options.auto_create_topics = false;
  if (plan_.follower_reads) {
    options.rack = RackOf(id);
    options.rack_aware_reads = true;
  }
  return options;
}

bool SimCluster::StartBroker(SimNode& node, int32_t id, Process& process) {
  auto started = broker::Broker::Start(
      node.ports(), OptionsOf(id, node),
      {.on_serving =
           [this, &node, id] {
             serving_incarnation_[static_cast<size_t>(id - 1)] = node.incarnation();
           },
       .on_fatal = [this, &node](const absl::Status& why) { OnFatal(node, why); }});
  if (!started.ok()) {
    OnFatal(node, started.status());
    return false;
  }
  process.broker = *std::move(started);
  return true;
}

// As the process does: the broker first, it takes leave of the controllers.
void SimCluster::StopProcess(Process& process, absl::AnyInvocable<void(absl::Status)> done) {
  process.broker->Stop([&process, done = std::move(done)](absl::Status broker) mutable {
    if (process.controller == nullptr) return done(broker);
    process.controller->Stop([broker, done = std::move(done)](absl::Status controller) mutable {
      done(broker.ok() ? controller : broker);
    });
  });
}

void SimCluster::Excuse(const SimNode& node) {
  ++excused_[node.id()].disk_faults;
  ExcuseOnce(node);
}

void SimCluster::ExcuseOnce(const SimNode& node) {
  excused_[node.id()].incarnation = node.incarnation() + (node.alive() ? 0 : 1);
}

void SimCluster::Absolve(const SimNode& node) {
  auto found = excused_.find(node.id());
  if (found == excused_.end() || found->second.disk_faults == 0) return;
  --found->second.disk_faults;
  ExcuseOnce(node);
}

bool SimCluster::MayGiveUp(const SimNode& node) const {
  auto found = excused_.find(node.id());
  return found != excused_.end() &&
         (found->second.disk_faults > 0 || found->second.incarnation >= node.incarnation());
}

void SimCluster::OnFatal(SimNode& node, const absl::Status& why) {
  const bool refused = absl::IsDataLoss(why) && is_older_ && is_older_(node);
  if (!refused && !MayGiveUp(node)) {
    world_.Fail("no process gives up",
                absl::Status(why.code(), fmt::format("{}: {}", node.name(), why.ToString())));
    return;
  }
  ++fatal_ends_;
  // It ends outside of its own task; a supervisor starts it again.
  world_.ScheduleAfter(microseconds(10), {.kind = EventKind::kHarness},
                       [this, &node, refused, was = node.incarnation()] {
                         if (!node.alive() || node.incarnation() != was) return;
                         node.Crash({.lose_unsynced = false});
                         if (refused) refused_(node);
                         world_.ScheduleAfter(kSupervisorDelay, {.kind = EventKind::kHarness},
                                              [&node] {
                                                if (!node.alive()) node.Restart();
                                              });
                       });
}

bool SimCluster::IsServing(int32_t id) const {
  const SimNode& node = *brokers_[static_cast<size_t>(id - 1)];
  return node.alive() && serving_incarnation_[static_cast<size_t>(id - 1)] == node.incarnation();
}

bool SimCluster::AllServing() const {
  for (int32_t id = 1; id <= broker_count(); ++id) {
    if (!IsServing(id)) return false;
  }
  return true;
}

std::vector<Endpoint> SimCluster::BootstrapServers() const {
  std::vector<Endpoint> servers;
  for (const auto& broker : brokers_) servers.push_back({broker->name(), kBrokerPort});
  return servers;
}

bool SimCluster::CreateTopics() {
  kafka::CreateTopicsRequest request;
  for (int i = 0; i < plan_.topics; ++i) {
    auto& topic = request.topics.emplace_back();
    topic.name = TopicName(i);
    topic.num_partitions = plan_.partitions;
    topic.replication_factor = static_cast<int16_t>(plan_.brokers);
    auto& config = topic.configs.emplace_back();
    config.name = "min.insync.replicas";
    config.value = fmt::format("{}", plan_.min_insync_replicas);
    if (plan_.retention_bytes >= 0) {
      auto& retention = topic.configs.emplace_back();
      retention.name = "retention.bytes";
      retention.value = fmt::format("{}", plan_.retention_bytes);
    }
  }
  request.timeout_ms = 10'000;
  std::optional<absl::StatusOr<kafka::CreateTopicsResponse>> answer;
  SimNode& node = client(0);
  node.SetBoot([&](SimNode& self) -> std::shared_ptr<void> {
    auto channel = std::make_shared<std::unique_ptr<kafka::ClientChannel>>();
    self.Post([&, channel] {
      *channel = std::make_unique<kafka::ClientChannel>(
          self.ports().shards->shard(0), *self.ports().transport, BootstrapServers()[0],
          kafka::ChannelOptions{});
      (*channel)->Send(std::move(request), seconds(20),
                       [&](absl::StatusOr<kafka::CreateTopicsResponse> response) {
                         answer = std::move(response);
                       });
    });
    return channel;
  });
  node.Restart();
  const bool answered = world_.RunUntil([&] { return answer.has_value(); }, seconds(30));
  node.SetBoot(nullptr);
  node.Crash();
  if (!answered || !answer->ok()) return false;
  for (const auto& topic : (*answer)->topics) {
    if (topic.error_code != kafka::ErrorCode::NONE) return false;
  }
  return true;
}

std::vector<SimNode*> SimCluster::nodes() {
  std::vector<SimNode*> all;
  for (auto& controller : controllers_) all.push_back(controller.get());
  for (auto& broker : brokers_) all.push_back(broker.get());
  for (auto& client : clients_) all.push_back(client.get());
  return all;
}

std::vector<SimNode*> SimCluster::machines() {
  std::vector<SimNode*> all = {&controller(1)};
  for (auto& broker : brokers_) all.push_back(broker.get());
  for (auto& client : clients_) all.push_back(client.get());
  for (size_t i = 1; i < controllers_.size(); ++i) all.push_back(controllers_[i].get());
  return all;
}

broker::Broker* SimCluster::BrokerApp(int32_t id) {
  auto* process = broker(id).app<Process>();
  return process == nullptr ? nullptr : process->broker.get();
}

controller::ControllerNode* SimCluster::ControllerApp(int number) {
  auto* process = controller(number).app<Process>();
  return process == nullptr ? nullptr : process->controller.get();
}

int SimCluster::LeadingController() {
  int found = 0;
  for (int number = 1; number <= controller_count(); ++number) {
    const controller::ControllerNode* app = ControllerApp(number);
    if (app == nullptr || !app->leading()) continue;
    if (found == 0 || app->quorum().epoch() > ControllerApp(found)->quorum().epoch()) {
      found = number;
    }
  }
  return found;
}

void SimCluster::StopCleanly(int32_t id, Duration down_for) {
  SimNode& node = broker(id);
  int& stopping = stopping_incarnation_[static_cast<size_t>(id - 1)];
  if (!node.alive() || BrokerApp(id) == nullptr || stopping == node.incarnation()) return;
  stopping = node.incarnation();
  auto end = [this, &node, down_for, incarnation = node.incarnation()](bool lose_unsynced) {
    if (!node.alive() || node.incarnation() != incarnation) return;
    node.Crash({.lose_unsynced = lose_unsynced});
    world_.ScheduleAfter(down_for, {.kind = EventKind::kHarness}, [&node] {
      if (!node.alive()) node.Restart();
    });
  };
  node.Post([this, &node, end] {
    StopProcess(*node.app<Process>(), [this, &node, end](const absl::Status& status) {
      if (!status.ok()) {
        // A disk that fails keeps the logs from being closed; the process ends all the same.
        if (!MayGiveUp(node)) world_.Fail("a clean stop succeeds", status);
        world_.ScheduleAfter(microseconds(10), {.kind = EventKind::kHarness},
                             [end] { end(false); });
        return;
      }
      ++clean_stops_;
      // What was closed cleanly survives anything. A broker that was stopped before it had opened
      // its logs cannot have closed them and has promised nothing.
      const bool durable =
          plan_.flush_before_ack || node.files().Exists(JoinPath("/data", ".kafka_cleanshutdown"));
      world_.ScheduleAfter(microseconds(10), {.kind = EventKind::kHarness},
                           [end, durable] { end(durable); });
    });
  });
  world_.ScheduleAfter(kStopPatience, {.kind = EventKind::kHarness}, [end] { end(false); });
}

}  // namespace soliton::sim
