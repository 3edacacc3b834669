#include "config/controller_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/node_checks.h"

namespace soliton::config {
namespace {

constexpr std::string_view kNameVoters =
    "name all of them, and this one too: controller.quorum.voters = "
    "\"1@host1:9093,2@host2:9093,3@host3:9093\"";

// The first listener named in controller.listener.names. A controller that was given no listeners
// gets the default of this struct, because the default of `listeners` is a broker's.
void TakeListener(const Config& config, uint8_t scopes, ControllerConfig& controller,
                  Diagnostics& diagnostics) {
  if (!config.Given("listeners")) return;
  const std::vector<std::string>& names = config.GetList("controller.listener.names");
  const std::vector<NamedEndpoint> listeners = CheckListeners(config, "listeners", diagnostics);
  for (const std::string& name : names) {
    if (const NamedEndpoint* listener = FindListener(listeners, name)) {
      controller.listener = *listener;
      return;
    }
  }
  const std::string_view name = names.empty() ? "CONTROLLER" : std::string_view(names.front());
  const bool is_broker_too = (scopes & kBrokerScope) != 0;
  diagnostics.Error(fmt::format("'listeners' has none of the controller's listeners ({})",
                                fmt::join(names, ", ")),
                    config.Find("listeners")->value_at,
                    is_broker_too
                        ? fmt::format("add one for controllers beside the one for clients: "
                                      "PLAINTEXT://host:9092,{}://host:9093",
                                      name)
                        : fmt::format("listeners = \"{}://host:9093\"", name));
}

// Where others reach the controller's listener, as far as the settings say it.
void TakeAdvertised(const Config& config, ControllerConfig& controller, Diagnostics& diagnostics) {
  const std::vector<NamedEndpoint> advertised =
      CheckListeners(config, "advertised.listeners", diagnostics);
  const NamedEndpoint* own = FindListener(advertised, controller.listener.name);
  const Endpoint& reached = own != nullptr ? own->endpoint : controller.listener.endpoint;
  if (!IsWildcard(reached.host)) controller.advertised = reached;
}

bool SameAddress(const Endpoint& a, const Endpoint& b) {
  return a.port == b.port && (a.host == b.host || (IsLoopback(a.host) && IsLoopback(b.host)));
}

// One that is to be added to a quorum that stands must be reached by it, and must not be one of its
// voters under another number.
void CheckObserver(const ControllerConfig& controller, const std::optional<Location>& at,
                   Diagnostics& diagnostics) {
  const std::string_view name = "controller.quorum.voters";
  const Endpoint& listens = controller.listener.endpoint;
  const std::string message = fmt::format("node {} is not among {}", controller.node_id, name);
  for (const auto& [node_id, endpoint] : controller.voters) {
    if (!SameAddress(endpoint, listens) && !SameAddress(endpoint, controller.advertised)) continue;
    diagnostics.Error(message, at,
                      fmt::format("{} = \"{}@host:{}\"", name, controller.node_id, listens.port));
    return;
  }
  if (controller.advertised.port == 0) {
    diagnostics.Error(message, at,
                      fmt::format("to be added to them, it needs an address of its own: "
                                  "listeners = \"{}://host:9093\"",
                                  controller.listener.name));
    return;
  }
  diagnostics.Warning(message + ": it follows them without a vote", at,
                      fmt::format("soliton cluster quorum add {}", controller.node_id));
}

// When the voters are named, this node is one, at the port it listens on, or is to be added later.
void TakeVoters(const Config& config, ControllerConfig& controller, Diagnostics& diagnostics) {
  const std::string_view name = "controller.quorum.voters";
  if (!config.Has(name)) return;
  const std::optional<Location> at = config.Find(name)->value_at;
  for (const std::string& text : config.GetList(name)) {
    const absl::StatusOr<Voter> voter = ParseVoter(text);
    if (!voter.ok()) {
      diagnostics.Error(fmt::format("bad value '{}' for '{}'", text, name), at,
                        std::string(voter.status().message()));
      return;
    }
    if (!controller.voters.emplace(voter->node_id, voter->endpoint).second) {
      diagnostics.Error(fmt::format("{} names node {} twice", name, voter->node_id), at,
                        "each controller has a node.id of its own");
    }
  }
  const Endpoint& listens = controller.listener.endpoint;
  const auto self = controller.voters.find(controller.node_id);
  if (self == controller.voters.end() && controller.node_id >= 0) {
    CheckObserver(controller, at, diagnostics);
  } else if (self != controller.voters.end() && listens.port != 0 &&
             self->second.port != listens.port) {
    diagnostics.Error(fmt::format("{} has this node at port {}, but its {} listener uses {}", name,
                                  self->second.port, controller.listener.name, listens.port),
                      at, "the two must be the same");
  }
  if (controller.voters.size() % 2 == 0 && controller.voters.size() > 1) {
    diagnostics.Warning(fmt::format("{} controllers bear no more failures than {}",
                                    controller.voters.size(), controller.voters.size() - 1),
                        at, "name 1, 3 or 5");
  }
}

// Who is told to find its cluster elsewhere must not begin a cluster of its own.
void CheckBootstrapServers(const Config& config, const ControllerConfig& controller,
                           Diagnostics& diagnostics) {
  const std::string_view name = "controller.quorum.bootstrap.servers";
  if (!config.Has(name) || config.Has("controller.quorum.voters")) return;
  const std::optional<Location> at = config.Find(name)->value_at;
  const std::vector<std::string>& servers = config.GetList(name);
  if (servers.size() > 1) {
    diagnostics.Error(fmt::format("{} names {} controllers, but which nodes they are is not known",
                                  name, servers.size()),
                      at, std::string(kNameVoters));
    return;
  }
  const absl::StatusOr<Endpoint> server = ParseEndpoint(servers.front());
  const Endpoint& listens = controller.listener.endpoint;
  if (!server.ok() || listens.port == 0) return;
  if (server->port != listens.port) {
    diagnostics.Error(fmt::format("{} names {}, which is not this controller: its {} listener uses "
                                  "port {}",
                                  name, server->ToString(), controller.listener.name, listens.port),
                      at, std::string(kNameVoters));
    return;
  }
  const auto names_server = [&](const NamedEndpoint& known) {
    return known.name == controller.listener.name && known.endpoint == *server;
  };
  const std::vector<NamedEndpoint> advertised =
      CheckListeners(config, "advertised.listeners", diagnostics);
  const bool is_self = server->host == listens.host || IsWildcard(listens.host) ||
                       (IsLoopback(server->host) && IsLoopback(listens.host)) ||
                       std::any_of(advertised.begin(), advertised.end(), names_server);
  if (!is_self) {
    diagnostics.Warning(fmt::format("{} names {}, this controller listens on {}", name,
                                    server->ToString(), listens.ToString()),
                        at, "if that is another machine, this one begins a cluster of its own");
  }
}

}  // namespace

ControllerConfig TakeControllerConfig(const Config& config, uint8_t scopes,
                                      Diagnostics& diagnostics) {
  ControllerConfig controller;
  const auto int32 = [&](std::string_view name) {
    return static_cast<int32_t>(config.GetInteger(name));
  };
  controller.node_id = CheckNodeId(config, diagnostics);
  controller.cluster_id = config.GetString("cluster.id");
  TakeListener(config, scopes, controller, diagnostics);
  TakeAdvertised(config, controller, diagnostics);
  TakeVoters(config, controller, diagnostics);
  CheckBootstrapServers(config, controller, diagnostics);
  CheckLogDirs(config, diagnostics);
  CheckReplication(config, diagnostics);
  if (config.Has("metadata.log.dir")) {
    controller.metadata_log_dir = config.GetString("metadata.log.dir");
  } else if (!config.GetList("log.dirs").empty()) {
    controller.metadata_log_dir = config.GetList("log.dirs").front();
  }
  controller.log_level = config.GetString("log.level");
  controller.broker_session_timeout_ms = int32("broker.session.timeout.ms");
  controller.broker_silence_timeout_ms = int32("broker.silence.timeout.ms");
  controller.quorum_election_timeout_ms = int32("controller.quorum.election.timeout.ms");
  controller.controller_probe_timeout_ms = int32("controller.probe.timeout.ms");
  controller.num_partitions = int32("num.partitions");
  controller.default_replication_factor = int32("default.replication.factor");
  controller.min_insync_replicas = int32("min.insync.replicas");
  controller.unclean_leader_election_enable = config.GetBool("unclean.leader.election.enable");
  controller.max_partitions_per_request = int32("max.partitions.per.request");
  controller.auto_leader_rebalance_enable = config.GetBool("auto.leader.rebalance.enable");
  controller.leader_imbalance_check_interval_seconds =
      config.GetInteger("leader.imbalance.check.interval.seconds");
  controller.leader_imbalance_per_broker_percentage =
      int32("leader.imbalance.per.broker.percentage");
  controller.metadata_snapshot_interval_bytes =
      config.GetInteger("metadata.log.max.record.bytes.between.snapshots");
  return controller;
}

absl::StatusOr<ControllerConfig> BuildControllerConfig(const Config& config,
                                                       Diagnostics& diagnostics) {
  CheckRoles(config, "controller", diagnostics);
  CheckScopes(config, kControllerScope, diagnostics);
  ControllerConfig controller = TakeControllerConfig(config, kControllerScope, diagnostics);
  if (!diagnostics.ok()) return diagnostics.ToStatus();
  return controller;
}

}  // namespace soliton::config
