// soliton broker: runs a broker from its settings.
#include <fmt/format.h>

#include "broker/broker.h"
#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/node_options.h"
#include "cli/serve.h"
#include "config/broker_config.h"
#include "runtime/obs/logging.h"
#include "runtime/process.h"

namespace soliton::cli {
namespace {

// Flushes of different logs overlap on the disk; a thread each up to this many.
constexpr int kMinDiskThreads = 4;
// What every system allows.
constexpr int64_t kLeastDescriptors = 1024;

// Requests and answers may hold one part in so many of the machine's memory.
constexpr int64_t kMemoryShare = 4;

// `descriptors` is the limit of open files.
broker::BrokerOptions ToOptions(const config::BrokerConfig& config, int64_t descriptors) {
  broker::BrokerOptions options;
  options.node_id = config.node_id;
  options.cluster_id = config.cluster_id;
  options.controllers = config.controllers;
  options.listen = config.listener.endpoint;
  if (options.listen.host.empty()) options.listen.host = "0.0.0.0";
  // Port 0 is known only once the broker listens; it then advertises where it listens.
  if (config.advertised_listener.endpoint.port != 0) {
    options.advertised = config.advertised_listener.endpoint;
  }
  options.rack = config.rack;
  options.data_directory = config.log_dirs.front();
  options.flush_before_ack = config.durability == config::Durability::kFlush;
  options.heartbeat_interval = milliseconds(config.broker_heartbeat_interval_ms);
  options.controlled_shutdown_timeout =
      milliseconds(config.controlled_shutdown_enable ? config.controlled_shutdown_timeout_ms : 0);
  options.replica_lag_time_max = milliseconds(config.replica_lag_time_max_ms);
  options.replica_fetch_wait_max = milliseconds(config.replica_fetch_wait_max_ms);
  options.replica_fetch_max_bytes = config.replica_fetch_max_bytes;
  options.replica_fetch_response_max_bytes = config.replica_fetch_response_max_bytes;
  options.retention_check_interval = milliseconds(config.log_retention_check_interval_ms);
  options.background_flush_interval = milliseconds(config.log_flush_offset_checkpoint_interval_ms);
  options.auto_create_topics = config.auto_create_topics_enable;
  options.default_partitions = config.num_partitions;
  options.default_replication_factor = config.default_replication_factor;
  options.max_request_bytes = config.socket_request_max_bytes;
  options.memory_budget_bytes =
      config.queued_max_request_bytes.value_or(PhysicalMemoryBytes() / kMemoryShare);
  options.max_connections = config.max_connections.value_or(descriptors / 2);
  options.max_connections_per_address = config.max_connections_per_ip;
  options.min_free_disk_bytes = config.log_dirs_min_free_bytes;
  options.connection_timeouts.idle =
      milliseconds(std::max<int64_t>(config.connections_max_idle_ms, 0));
  options.connection_timeouts.frame_grace = milliseconds(config.connections_frame_timeout_ms);
  options.connection_timeouts.no_progress = milliseconds(config.connections_send_timeout_ms);
  options.max_fetch_bytes = config.fetch_max_bytes;
  options.fetch_session_slots = config.fetch_session_slots;
  options.topic_defaults = config.topic_defaults;
  return options;
}

std::string Listed(const std::vector<Endpoint>& endpoints) {
  std::string text;
  for (const Endpoint& endpoint : endpoints) {
    text += (text.empty() ? "" : ", ") + endpoint.ToString();
  }
  return text;
}

class ServedBroker final : public ServedNode {
 public:
  ServedBroker(broker::BrokerOptions options, config::Durability durability)
      : options_(std::move(options)), durability_(durability) {}

  absl::Status Start(const Ports& ports, Events events) override {
    broker::Broker::Events broker_events;
    broker_events.on_serving = [this, on_ready = events.on_ready] { on_ready(ReadyText()); };
    broker_events.on_fatal = events.on_fatal;
    absl::StatusOr<std::unique_ptr<broker::Broker>> started =
        broker::Broker::Start(ports, options_, std::move(broker_events));
    if (!started.ok()) return started.status();
    broker_ = *std::move(started);
    return absl::OkStatus();
  }

  void Stop(absl::AnyInvocable<void(absl::Status)> done) override {
    if (broker_ == nullptr) return done(absl::OkStatus());
    broker_->Stop(std::move(done));
  }

 private:
  std::string ReadyText() const {
    const Endpoint bound{options_.listen.host, broker_->port()};
    return fmt::format("listening on {}, data {}, durability={}", bound.ToString(),
                       options_.data_directory, config::DurabilityName(durability_));
  }

  const broker::BrokerOptions options_;
  const config::Durability durability_;
  std::unique_ptr<broker::Broker> broker_;
};

class BrokerCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {
        .name = "broker",
        .summary = "run a broker: the node that stores and serves records",
        .details = "",
        .examples = {
            {"soliton broker --config config/three-node/broker-1.toml", ""},
            {"soliton broker --config kafka/config/server.properties", "Kafka's syntax and names"},
            {"soliton broker --config broker.toml --print-config", "what holds, and why"}}};
  }

  void Declare(OptionSet& options) override { DeclareNodeOptions(options, &flags_); }

  ExitCode Run(Context& context, const OptionSet&) override {
    NodeConfig node;
    if (auto error = ReadNodeConfig(flags_, context, &node)) return context.Fail(*error);
    const absl::StatusOr<config::BrokerConfig> config =
        config::BuildBrokerConfig(*node.config, node.diagnostics);
    if (auto end = FinishNodeConfig(flags_, node, context)) return *end;
    InitLogging({.level = ParseLogLevel(config->log_level).value_or(LogLevel::kInfo),
                 .json = std::nullopt,
                 .node = fmt::format("broker-{}", config->node_id)});
    const absl::StatusOr<int64_t> descriptors = RaiseDescriptorLimit();
    if (!descriptors.ok()) {
      LogWarn("cannot raise the limit of open files: {}",
              std::string(descriptors.status().message()));
    }
    const int shards = config->shards > 0 ? config->shards : HardwareConcurrency();
    const ServeOptions options = {
        .name = fmt::format("broker {}", config->node_id),
        .waiting_note =
            fmt::format("waiting for the controller at {}", Listed(config->controllers)),
        .native = {.shard_count = shards, .disk_thread_count = std::max(kMinDiskThreads, shards)}};
    return Serve(
        context, options,
        std::make_unique<ServedBroker>(ToOptions(*config, descriptors.value_or(kLeastDescriptors)),
                                       config->durability));
  }

 private:
  NodeFlags flags_;
};

}  // namespace

void AddBrokerCommands(CommandList& commands) { commands.Add<BrokerCommand>(); }

}  // namespace soliton::cli
