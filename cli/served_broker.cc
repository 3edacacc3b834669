#include "cli/served_broker.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/process.h"

namespace soliton::cli {
namespace {

// Requests and answers may hold one part in so many of the machine's memory.
constexpr int64_t kMemoryShare = 4;

broker::BrokerOptions ToOptions(const config::BrokerConfig& config,
                                std::shared_ptr<const config::Config> settings,
                                int64_t descriptors) {
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
  options.leader_throttle_rate = config.leader_replication_throttled_rate;
  options.follower_throttle_rate = config.follower_replication_throttled_rate;
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
  options.stall_timeout = milliseconds(config.storage_stall_timeout_ms);
  options.min_free_disk_bytes = config.storage_min_free_bytes;
  options.connection_timeouts.idle =
      milliseconds(std::max<int64_t>(config.connections_max_idle_ms, 0));
  options.connection_timeouts.frame_grace = milliseconds(config.connections_frame_timeout_ms);
  options.connection_timeouts.no_progress = milliseconds(config.connections_send_timeout_ms);
  options.max_fetch_bytes = config.fetch_max_bytes;
  options.rack_aware_reads = config.rack_aware_reads;
  options.fetch_session_slots = config.fetch_session_slots;
  options.topic_defaults = config.topic_defaults;
  options.settings = std::move(settings);
  return options;
}

}  // namespace

ServedBroker::ServedBroker(const config::BrokerConfig& config,
                           std::shared_ptr<const config::Config> settings, int64_t descriptors)
    : options_(ToOptions(config, std::move(settings), descriptors)),
      durability_(config.durability) {}

absl::Status ServedBroker::Start(const Ports& ports, Events events) {
  broker::Broker::Events broker_events;
  broker_events.on_serving = [this, on_ready = events.on_ready] { on_ready(ReadyText()); };
  broker_events.on_fatal = events.on_fatal;
  absl::StatusOr<std::unique_ptr<broker::Broker>> started =
      broker::Broker::Start(ports, options_, std::move(broker_events));
  if (!started.ok()) return started.status();
  broker_ = *std::move(started);
  return absl::OkStatus();
}

void ServedBroker::Stop(absl::AnyInvocable<void(absl::Status)> done) {
  if (broker_ == nullptr) return done(absl::OkStatus());
  broker_->Stop(std::move(done));
}

std::string ServedBroker::ReadyText() const {
  const Endpoint bound{options_.listen.host, broker_->port()};
  return fmt::format("listening on {}, data {}, durability={}", bound.ToString(),
                     options_.data_directory, config::DurabilityName(durability_));
}

}  // namespace soliton::cli
