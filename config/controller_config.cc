#include "config/controller_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/node_checks.h"

namespace soliton::config {
namespace {

// The first listener named in controller.listener.names. A controller that was given no listeners
// gets the default of this struct, because the default of `listeners` is a broker's.
void TakeListener(const Config& config, ControllerConfig& controller, Diagnostics& diagnostics) {
  if (!config.Given("listeners")) return;
  const std::vector<std::string>& names = config.GetList("controller.listener.names");
  const std::vector<NamedEndpoint> listeners = CheckListeners(config, "listeners", diagnostics);
  for (const std::string& name : names) {
    if (const NamedEndpoint* listener = FindListener(listeners, name)) {
      controller.listener = *listener;
      return;
    }
  }
  diagnostics.Error(
      fmt::format("'listeners' has none of the controller's listeners ({})",
                  fmt::join(names, ", ")),
      config.Find("listeners")->value_at,
      fmt::format("listeners = \"{}://host:9093\"", names.empty() ? "CONTROLLER" : names.front()));
}

// When the voters are named, this node must be one, at the address it listens on.
void CheckVoters(const Config& config, const ControllerConfig& controller,
                 Diagnostics& diagnostics) {
  if (!config.Has("controller.quorum.voters")) return;
  const std::optional<Location> at = config.Find("controller.quorum.voters")->value_at;
  const std::vector<std::string>& voters = config.GetList("controller.quorum.voters");
  bool found = false;
  for (const std::string& text : voters) {
    const absl::StatusOr<Voter> voter = ParseVoter(text);
    if (!voter.ok()) {
      diagnostics.Error(fmt::format("bad value '{}' for 'controller.quorum.voters'", text), at,
                        std::string(voter.status().message()));
      return;
    }
    found = found || voter->node_id == controller.node_id;
  }
  if (voters.size() > 1) {
    diagnostics.Error("only one controller is supported so far", at, "");
  } else if (!found && controller.node_id >= 0) {
    diagnostics.Error(
        fmt::format("node {} is not among controller.quorum.voters", controller.node_id), at, "");
  }
}

}  // namespace

absl::StatusOr<ControllerConfig> BuildControllerConfig(const Config& config,
                                                       Diagnostics& diagnostics) {
  ControllerConfig controller;
  const auto int32 = [&](std::string_view name) {
    return static_cast<int32_t>(config.GetInteger(name));
  };
  CheckRoles(config, "controller", diagnostics);
  CheckScopes(config, kControllerScope, diagnostics);
  controller.node_id = CheckNodeId(config, diagnostics);
  controller.cluster_id = config.GetString("cluster.id");
  TakeListener(config, controller, diagnostics);
  CheckVoters(config, controller, diagnostics);
  CheckLogDirs(config, diagnostics);
  CheckReplication(config, diagnostics);
  if (config.Has("metadata.log.dir")) {
    controller.metadata_log_dir = config.GetString("metadata.log.dir");
  } else if (!config.GetList("log.dirs").empty()) {
    controller.metadata_log_dir = config.GetList("log.dirs").front();
  }
  controller.log_level = config.GetString("log.level");
  controller.broker_session_timeout_ms = int32("broker.session.timeout.ms");
  controller.controller_probe_timeout_ms = int32("controller.probe.timeout.ms");
  controller.num_partitions = int32("num.partitions");
  controller.default_replication_factor = int32("default.replication.factor");
  controller.min_insync_replicas = int32("min.insync.replicas");
  controller.unclean_leader_election_enable = config.GetBool("unclean.leader.election.enable");
  controller.max_partitions_per_request = int32("max.partitions.per.request");
  if (!diagnostics.ok()) return diagnostics.ToStatus();
  return controller;
}

}  // namespace soliton::config
