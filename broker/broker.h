// A broker: serves clients, leads and follows partitions. Built from ports, so the simulator runs
// the same code.
//
// Composition: one BrokerShard per shard of the ports (connections, partitions, replica fetchers of
// that shard), one line to the controller on shard 0, and messages between them.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/server/connection_watch.h"
#include "config/config.h"
#include "config/topic_config.h"
#include "runtime/base/buffer.h"
#include "runtime/base/uuid.h"
#include "runtime/ports.h"

namespace soliton::controller {
class MetadataImage;
}

namespace soliton::broker {

struct BrokerOptions {
  int32_t node_id = -1;
  std::string cluster_id;  // "" takes the controller's
  std::vector<Endpoint> controllers;
  Endpoint listen;                     // port 0 = any
  std::optional<Endpoint> advertised;  // unset: `listen` with the real port
  std::optional<std::string> rack;
  std::string data_directory;
  bool flush_before_ack = true;  // durability=flush; false = page-cache

  Duration heartbeat_interval = milliseconds(100);
  // A flush, or a shard's work, that takes longer makes others lead as long as it lasts.
  Duration stall_timeout = seconds(2);
  // How long Stop may wait for leadership to move away; 0 does not ask for it.
  Duration controlled_shutdown_timeout = milliseconds(5000);
  Duration replica_lag_time_max = milliseconds(30000);
  Duration replica_fetch_wait_max = milliseconds(500);
  int32_t replica_fetch_max_bytes = 1 << 20;  // per partition
  // Bytes per second to, and from, replicas that are throttled and not in sync.
  int64_t leader_throttle_rate = std::numeric_limits<int64_t>::max();
  int64_t follower_throttle_rate = std::numeric_limits<int64_t>::max();
  int32_t replica_fetch_response_max_bytes = 10 << 20;
  Duration retention_check_interval = milliseconds(300000);
  Duration background_flush_interval = milliseconds(5000);  // durability=page-cache
  Duration high_watermark_checkpoint_interval = milliseconds(5000);

  bool auto_create_topics = true;
  int32_t default_partitions = 1;
  int32_t default_replication_factor = 1;

  int64_t max_request_bytes = 100 * 1024 * 1024;  // socket.request.max.bytes
  int32_t max_requests_in_flight_per_connection = 256;
  int64_t memory_budget_bytes = 256 << 20;  // queued.max.request.bytes; of the whole process
  int64_t max_connections = std::numeric_limits<int64_t>::max();
  int64_t max_connections_per_address = std::numeric_limits<int64_t>::max();
  // Beyond max_connections, for brokers of this cluster.
  int64_t reserved_broker_connections = 256;
  ConnectionTimeouts connection_timeouts;
  // Client appends are refused while less is free (DiskSpaceCore). 0: never; -1: from the disk.
  int64_t min_free_disk_bytes = -1;
  int64_t max_unsent_bytes_per_connection = 64 << 20;  // above it the connection is not read
  int32_t max_fetch_bytes = 55 << 20;                  // fetch.max.bytes
  // KIP-392: a consumer that names its rack is sent to an in-sync replica there.
  bool rack_aware_reads = false;
  int32_t fetch_session_slots = 1000;  // max.incremental.fetch.session.cache.slots; all shards

  // Everything this broker was started with, for those who ask what holds; null shows the defaults.
  std::shared_ptr<const config::Config> settings;
  // Broker-level topic defaults (log.segment.bytes, log.retention.ms, min.insync.replicas, ...);
  // dynamic settings of brokers come on top.
  config::TopicSettings topic_defaults;
};

class Broker {
 public:
  struct Events {
    // Registered, caught up, unfenced: clients are served. On shard 0.
    std::function<void()> on_serving;
    // The controller refuses this broker for good, or a fault that the process cannot live with. On
    // shard 0.
    std::function<void(const absl::Status&)> on_fatal;
  };

  // Opens the data directory, listens, and connects to the controller. Call on shard 0.
  static absl::StatusOr<std::unique_ptr<Broker>> Start(const Ports& ports,
                                                       const BrokerOptions& options, Events events);
  // Abrupt: nothing is flushed or said to anybody. The shards must not run its tasks any more.
  virtual ~Broker() = default;

  // Hands leadership over, closes all logs cleanly, then `done` on shard 0. Call on shard 0, once.
  virtual void Stop(absl::AnyInvocable<void(absl::Status)> done) = 0;
  virtual uint16_t port() const = 0;

  // For tests and the simulator's checkers: one replica as it is now. Call while no shard runs.
  struct ReplicaSnapshot {
    Uuid topic_id;
    std::string topic;
    int32_t partition = -1;
    bool leader = false;
    bool offline = false;  // its log has failed: nothing of the rest is served or counted
    int32_t leader_epoch = -1;
    int32_t partition_epoch = -1;
    std::vector<int32_t> isr;
    // Leader: the ISR and what a change under way would add; the high watermark is theirs.
    std::vector<int32_t> maximal_isr;
    int32_t min_insync_replicas = 1;  // effective
    int64_t log_start_offset = 0;
    int64_t high_watermark = 0;
    int64_t log_end_offset = 0;
    int64_t flushed_offset = 0;
    friend bool operator==(const ReplicaSnapshot&, const ReplicaSnapshot&) = default;
  };
  // Replaces what is in `replicas`, reusing its memory. In order of topic id and partition within
  // each shard.
  virtual void Replicas(std::vector<ReplicaSnapshot>& replicas) const = 0;
  std::vector<ReplicaSnapshot> Replicas() const {
    std::vector<ReplicaSnapshot> replicas;
    Replicas(replicas);
    return replicas;
  }
  // The committed metadata that shard 0 goes by; of offset -1 before the first.
  virtual std::shared_ptr<const controller::MetadataImage> Image() const = 0;
  // Record batches of one replica in [from, to), whole batches.
  virtual absl::StatusOr<Buffer> ReadReplica(const Uuid& topic_id, int32_t partition, int64_t from,
                                             int64_t to) const = 0;
};

}  // namespace soliton::broker
