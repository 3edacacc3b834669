// The settings of a controller as plain values. See broker_config.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "config/listener.h"

namespace soliton::config {

struct ControllerConfig {
  int32_t node_id = -1;
  std::string cluster_id;  // "": the quorum makes one
  NamedEndpoint listener{"CONTROLLER", {"", 9093}};
  // By node id; empty: this node alone. Without this one: it waits to be added.
  std::map<int32_t, Endpoint> voters;
  Endpoint advertised;  // where other controllers reach this one, if not as `voters` has it; port
                        // 0: not known
  std::string metadata_log_dir = "data";  // the data is in its folder `controller`
  std::string log_level = "info";

  int32_t broker_session_timeout_ms = 9000;
  int32_t broker_silence_timeout_ms = 300;
  int32_t controller_probe_timeout_ms = 200;
  int32_t quorum_election_timeout_ms = 200;
  int32_t num_partitions = 1;
  int32_t default_replication_factor = 1;
  int32_t min_insync_replicas = 1;
  bool unclean_leader_election_enable = false;
  int32_t max_partitions_per_request = 10000;
  bool auto_leader_rebalance_enable = true;
  int64_t leader_imbalance_check_interval_seconds = 300;
  int32_t leader_imbalance_per_broker_percentage = 10;
  int64_t metadata_snapshot_interval_bytes = 20 << 20;
};

// Reads `config` as that of a process that is a controller and nothing else.
absl::StatusOr<ControllerConfig> BuildControllerConfig(const Config& config,
                                                       Diagnostics& diagnostics);
// The controller's part of a process with these roles.
ControllerConfig TakeControllerConfig(const Config& config, uint8_t scopes,
                                      Diagnostics& diagnostics);

}  // namespace soliton::config
