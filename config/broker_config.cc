#include "config/broker_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/node_checks.h"

namespace soliton::config {
namespace {

// The listener that clients and brokers use: the one named, else the first that is not a
// controller's.
void TakeListeners(const Config& config, BrokerConfig& broker, Diagnostics& diagnostics) {
  const std::vector<std::string>& controller_names = config.GetList("controller.listener.names");
  std::vector<NamedEndpoint> listeners = CheckListeners(config, "listeners", diagnostics);
  std::erase_if(listeners, [&](const NamedEndpoint& listener) {
    return std::find(controller_names.begin(), controller_names.end(), listener.name) !=
           controller_names.end();
  });
  if (listeners.empty()) {
    diagnostics.Error("'listeners' has no listener for clients", GivenAt(config, "listeners"),
                      "add one: PLAINTEXT://host:9092");
    return;
  }
  broker.listener = listeners.front();
  if (config.Has("inter.broker.listener.name")) {
    const std::string& name = config.GetString("inter.broker.listener.name");
    const NamedEndpoint* named = FindListener(listeners, name);
    if (named == nullptr) {
      diagnostics.Error(fmt::format("there is no listener named '{}'", name),
                        config.Find("inter.broker.listener.name")->value_at,
                        "inter.broker.listener.name must be one of `listeners`");
      return;
    }
    broker.listener = *named;
  }
  if (listeners.size() > 1) {
    diagnostics.Error("only one listener for clients is supported so far",
                      GivenAt(config, "listeners"), "");
  }
}

void TakeAdvertised(const Config& config, BrokerConfig& broker, Diagnostics& diagnostics) {
  const std::vector<NamedEndpoint> advertised =
      CheckListeners(config, "advertised.listeners", diagnostics);
  const Endpoint& listen = broker.listener.endpoint;
  if (advertised.empty()) {
    broker.advertised_listener = broker.listener;
    if (IsWildcard(listen.host)) {
      broker.advertised_listener.endpoint.host = "localhost";
      diagnostics.Warning("listening on all interfaces, but clients are told 'localhost'",
                          GivenAt(config, "listeners"),
                          "only clients on this machine can connect; set advertised.listeners = "
                          "\"PLAINTEXT://<host>:<port>\"");
    }
    return;
  }
  const NamedEndpoint* mine = FindListener(advertised, broker.listener.name);
  const std::optional<Location> at = config.Find("advertised.listeners")->value_at;
  if (mine == nullptr) {
    diagnostics.Error(fmt::format("advertised.listeners has no {}", broker.listener.name), at,
                      "every listener for clients needs an advertised address of the same name");
    return;
  }
  broker.advertised_listener = *mine;
  const std::string& host = mine->endpoint.host;
  if (IsWildcard(host)) {
    diagnostics.Error("advertised.listeners must name an address that clients can connect to", at,
                      "0.0.0.0 and an empty host are for listening only");
  } else if (IsLoopback(host) && !IsLoopback(listen.host)) {
    diagnostics.Warning(fmt::format("clients on other machines are told to connect to '{}'", host),
                        at, "they will connect to themselves");
  }
}

void TakeControllers(const Config& config, BrokerConfig& broker, Diagnostics& diagnostics) {
  if (config.Has("controller.quorum.bootstrap.servers")) {
    for (const std::string& text : config.GetList("controller.quorum.bootstrap.servers")) {
      const absl::StatusOr<Endpoint> endpoint = ParseEndpoint(text);
      if (endpoint.ok()) broker.controllers.push_back(*endpoint);
    }
  } else if (config.Has("controller.quorum.voters")) {
    for (const std::string& text : config.GetList("controller.quorum.voters")) {
      const absl::StatusOr<Voter> voter = ParseVoter(text);
      if (!voter.ok()) {
        diagnostics.Error(fmt::format("bad value '{}' for 'controller.quorum.voters'", text),
                          config.Find("controller.quorum.voters")->value_at,
                          std::string(voter.status().message()));
        continue;
      }
      if (voter->node_id == broker.node_id) {
        diagnostics.Error(fmt::format("node.id {} is a controller's", broker.node_id),
                          GivenAt(config, "node.id"),
                          "controllers and brokers share one range of numbers");
      }
      broker.controllers.push_back(voter->endpoint);
    }
  }
  if (!config.Has("controller.quorum.bootstrap.servers") &&
      !config.Has("controller.quorum.voters") &&
      !config.Rejected("controller.quorum.bootstrap.servers")) {
    diagnostics.Error(
        "no controller is named", std::nullopt,
        "controller.quorum.bootstrap.servers = \"127.0.0.1:9093\", or let this process "
        "be the controller too: process.roles = \"broker,controller\"");
  }
  for (const Endpoint& controller : broker.controllers) {
    if (controller.port != 0 && controller == broker.listener.endpoint) {
      diagnostics.Error(
          fmt::format("the broker listens on its controller's address {}", controller.ToString()),
          GivenAt(config, "listeners"), "");
    }
  }
}

// The settings that are copied without a second thought.
void TakeValues(const Config& config, BrokerConfig& broker) {
  const auto int32 = [&](std::string_view name) {
    return static_cast<int32_t>(config.GetInteger(name));
  };
  broker.cluster_id = config.GetString("cluster.id");
  if (config.Has("broker.rack")) broker.rack = config.GetString("broker.rack");
  broker.log_dirs = config.GetList("log.dirs");
  broker.durability =
      config.GetString("durability") == "flush" ? Durability::kFlush : Durability::kPageCache;
  broker.shards = int32("shards");
  broker.log_level = config.GetString("log.level");
  broker.num_partitions = int32("num.partitions");
  broker.default_replication_factor = int32("default.replication.factor");
  broker.auto_create_topics_enable = config.GetBool("auto.create.topics.enable");
  broker.replica_lag_time_max_ms = config.GetInteger("replica.lag.time.max.ms");
  broker.replica_fetch_max_bytes = int32("replica.fetch.max.bytes");
  broker.leader_replication_throttled_rate = config.GetInteger("leader.replication.throttled.rate");
  broker.follower_replication_throttled_rate =
      config.GetInteger("follower.replication.throttled.rate");
  broker.replica_fetch_response_max_bytes = int32("replica.fetch.response.max.bytes");
  broker.replica_fetch_wait_max_ms = int32("replica.fetch.wait.max.ms");
  broker.broker_heartbeat_interval_ms = int32("broker.heartbeat.interval.ms");
  broker.broker_session_timeout_ms = int32("broker.session.timeout.ms");
  broker.controlled_shutdown_enable = config.GetBool("controlled.shutdown.enable");
  broker.controlled_shutdown_timeout_ms = int32("controlled.shutdown.timeout.ms");
  const int64_t queued = config.GetInteger("queued.max.request.bytes");
  if (queued > 0) broker.queued_max_request_bytes = queued;
  broker.storage_stall_timeout_ms = int32("storage.stall.timeout.ms");
  broker.storage_min_free_bytes = config.GetInteger("storage.min.free.bytes");
  broker.connections_max_idle_ms = config.GetInteger("connections.max.idle.ms");
  broker.connections_frame_timeout_ms = config.GetInteger("connections.frame.timeout.ms");
  broker.connections_send_timeout_ms = config.GetInteger("connections.send.timeout.ms");
  const int64_t connections = config.GetInteger("max.connections");
  if (connections >= 0) broker.max_connections = connections;
  broker.max_connections_per_ip = config.GetInteger("max.connections.per.ip");
  broker.socket_request_max_bytes = int32("socket.request.max.bytes");
  broker.fetch_max_bytes = int32("fetch.max.bytes");
  broker.rack_aware_reads =
      config.Has("replica.selector.class") &&
      config.GetString("replica.selector.class").ends_with("RackAwareReplicaSelector");
  broker.fetch_session_slots = int32("max.incremental.fetch.session.cache.slots");
  broker.log_flush_offset_checkpoint_interval_ms =
      config.GetInteger("log.flush.offset.checkpoint.interval.ms");
  broker.log_retention_check_interval_ms = config.GetInteger("log.retention.check.interval.ms");
  broker.topic_defaults = TopicDefaultsFrom(config);
}

void CheckTogether(const Config& config, const BrokerConfig& broker, Diagnostics& diagnostics) {
  CheckLogDirs(config, diagnostics);
  CheckReplication(config, diagnostics);
  if (broker.broker_heartbeat_interval_ms * 2 > broker.broker_session_timeout_ms) {
    diagnostics.Warning(
        fmt::format("broker.heartbeat.interval.ms = {} is more than half of "
                    "broker.session.timeout.ms = {}",
                    broker.broker_heartbeat_interval_ms, broker.broker_session_timeout_ms),
        GivenAt(config, "broker.heartbeat.interval.ms"), "one late heartbeat fences the broker");
  }
  const TopicSettings& topics = broker.topic_defaults;
  if (topics.retention_bytes >= 0 && topics.retention_bytes < topics.segment_bytes) {
    diagnostics.Warning(
        fmt::format("log.retention.bytes = {} is less than one segment (log.segment.bytes = {})",
                    topics.retention_bytes, topics.segment_bytes),
        GivenAt(config, "log.retention.bytes"), "only whole closed segments are deleted");
  }
  if (broker.durability == Durability::kPageCache && broker.default_replication_factor == 1 &&
      config.Given("durability")) {
    diagnostics.Warning("durability = page-cache with default.replication.factor = 1",
                        GivenAt(config, "durability"), "a power cut loses acknowledged records");
  }
  if (topics.max_message_bytes > broker.socket_request_max_bytes) {
    diagnostics.Warning("message.max.bytes is above socket.request.max.bytes",
                        GivenAt(config, "message.max.bytes"), "no request can carry such a batch");
  }
}

}  // namespace

std::string_view DurabilityName(Durability durability) {
  return durability == Durability::kFlush ? "flush" : "page-cache";
}

BrokerConfig TakeBrokerConfig(const Config& config, uint8_t scopes, Diagnostics& diagnostics) {
  BrokerConfig broker;
  broker.node_id = CheckNodeId(config, diagnostics);
  TakeValues(config, broker);
  TakeListeners(config, broker, diagnostics);
  TakeAdvertised(config, broker, diagnostics);
  if ((scopes & kControllerScope) == 0) TakeControllers(config, broker, diagnostics);
  CheckTogether(config, broker, diagnostics);
  return broker;
}

absl::StatusOr<BrokerConfig> BuildBrokerConfig(const Config& config, Diagnostics& diagnostics) {
  CheckRoles(config, "broker", diagnostics);
  CheckScopes(config, kBrokerScope, diagnostics);
  BrokerConfig broker = TakeBrokerConfig(config, kBrokerScope, diagnostics);
  if (!diagnostics.ok()) return diagnostics.ToStatus();
  return broker;
}

}  // namespace soliton::config
