// The settings of a broker as plain values, named like the settings. Defaults are those of the
// table (a test holds them equal), so a BrokerConfig can also be filled by hand. Value type.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "config/listener.h"
#include "config/topic_config.h"
#include "runtime/loop/clock.h"
#include "runtime/net/transport.h"

namespace soliton::config {

// When a record counts as stored on a replica.
enum class Durability {
  kFlush,      // on its disk (fdatasync)
  kPageCache,  // handed to the operating system
};
std::string_view DurabilityName(Durability durability);

struct BrokerConfig {
  int32_t node_id = -1;
  std::string cluster_id;  // "" takes over the controller's
  std::optional<std::string> rack;

  NamedEndpoint listener{"PLAINTEXT", {"", 9092}};  // host "" = all interfaces
  NamedEndpoint advertised_listener{"PLAINTEXT",
                                    {"localhost", 9092}};  // port 0: the port that listens
  std::vector<Endpoint> controllers;

  std::vector<std::string> log_dirs = {"data"};  // never empty
  int32_t storage_stall_timeout_ms = 2000;
  int64_t storage_min_free_bytes = -1;  // 0 = never refuse, -1 = from the disk
  Durability durability = Durability::kFlush;
  int32_t shards = 0;  // 0 = cores
  std::string log_level = "info";

  int32_t num_partitions = 1;
  int32_t default_replication_factor = 1;
  bool auto_create_topics_enable = true;

  int64_t replica_lag_time_max_ms = 30000;
  int32_t replica_fetch_max_bytes = 1 << 20;
  int64_t leader_replication_throttled_rate = std::numeric_limits<int64_t>::max();
  int64_t follower_replication_throttled_rate = std::numeric_limits<int64_t>::max();
  int32_t replica_fetch_response_max_bytes = 10 << 20;
  int32_t replica_fetch_wait_max_ms = 500;

  int32_t broker_heartbeat_interval_ms = 100;
  int32_t broker_session_timeout_ms = 9000;
  bool controlled_shutdown_enable = true;
  int32_t controlled_shutdown_timeout_ms = 5000;

  int32_t socket_request_max_bytes = 100 << 20;
  std::optional<int64_t> queued_max_request_bytes;  // unset: a part of the machine's memory
  int64_t connections_max_idle_ms = 600000;         // -1 = never
  int64_t connections_frame_timeout_ms = 30000;
  int64_t connections_send_timeout_ms = 60000;
  std::optional<int64_t> max_connections;  // unset: a part of the limit of open files
  int64_t max_connections_per_ip = std::numeric_limits<int32_t>::max();
  int32_t fetch_max_bytes = 55 << 20;
  int32_t fetch_session_slots = 1000;
  bool rack_aware_reads = false;  // replica.selector.class

  int64_t log_flush_offset_checkpoint_interval_ms = 5000;
  int64_t log_retention_check_interval_ms = 300000;
  TopicSettings topic_defaults;  // from log.*, message.max.bytes and min.insync.replicas
};

// Reads `config` (of kNodeScopes) as that of a process that is a broker and nothing else. What is
// missing or contradicts itself goes to `diagnostics`; the status is then kInvalidArgument.
absl::StatusOr<BrokerConfig> BuildBrokerConfig(const Config& config, Diagnostics& diagnostics);
// The broker's part of a process with these roles. The `controllers` of one that is its own
// controller are left empty: its address is known when it listens.
BrokerConfig TakeBrokerConfig(const Config& config, uint8_t scopes, Diagnostics& diagnostics);

}  // namespace soliton::config
