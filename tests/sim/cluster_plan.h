// What one seed draws: the cluster's shape, its limits, the clients' habits, and which faults
// strike how often. Limits are small so that rare paths (a segment rolls, a fetch is cut off, a
// session ends) are common. A value; printed with a failing seed, and read back for a regression.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "protocol/record/codec.h"
#include "runtime/base/random.h"
#include "runtime/loop/clock.h"
#include "tests/sim/fault.h"

namespace soliton::sim {

struct ClusterPlan {
  // -- Shape --
  int32_t brokers = 3;
  int32_t controllers = 1;
  // Controllers that do not vote at first, in machines of their own; some with `voter_changes`
  // only.
  int32_t spare_controllers = 0;
  bool combined = false;       // the controllers are the first brokers
  bool voter_changes = false;  // one client more adds and removes voters (OperatorProcess)
  int32_t broker_shards = 1;
  int32_t topics = 1;
  int32_t partitions = 1;  // of each topic
  int32_t min_insync_replicas = 2;
  bool flush_before_ack = true;

  // -- Brokers and controller --
  Duration election_timeout = milliseconds(500);
  int64_t metadata_snapshot_bytes = 20 << 20;
  Duration heartbeat_interval{};
  Duration session_timeout{};
  Duration silence_timeout = seconds(9);
  Duration replica_lag_time_max{};
  Duration replica_fetch_wait_max{};
  int32_t replica_fetch_max_bytes = 0;
  int32_t replica_fetch_response_max_bytes = 0;
  Duration high_watermark_checkpoint_interval{};
  Duration retention_check_interval{};
  int64_t retention_bytes = -1;  // -1: nothing is deleted
  int32_t segment_bytes = 0;
  int32_t index_interval_bytes = 0;
  int32_t max_requests_in_flight = 256;  // of one connection, at a broker
  int64_t memory_budget_bytes = 256 << 20;
  Duration disk_latency_max{};
  Duration network_delay_max{};
  int32_t network_slow_one_in = 500;

  // -- Clients: each a producer and a consumer --
  int32_t clients = 2;
  // Of so many clients the producer is not idempotent: acks=all, 1 and 0 in turn.
  int32_t plain_clients = 0;
  bool topic_churn = false;  // one client more creates, uses and deletes a topic, again and again
  bool admin_storm = false;  // one client more changes settings and adds partitions (AdminProcess)
  Duration send_interval{};
  int64_t record_bytes_max = 0;
  Duration linger{};
  int64_t batch_bytes = 0;
  int64_t buffer_bytes = 0;
  kafka::Codec codec = kafka::Codec::kNone;
  int32_t max_in_flight = 5;
  Duration request_timeout{};
  Duration delivery_timeout{};
  int32_t consumer_fetch_bytes = 0;
  Duration consumer_fetch_wait{};
  // Each broker is a rack, each consumer is in one of them, and is sent to its follower there
  // (KIP-392). How long it keeps to that advice.
  bool follower_reads = false;
  Duration preferred_replica_lease{};

  // -- Faults --
  Duration safety_phase{};
  Duration mean_fault_interval{};
  Duration max_fault_duration{};
  // The one broker whose disk may lose what it promised: as many as the promise allows with
  // min.insync.replicas=2. 0 = none.
  int32_t victim = 0;
  // The one controller in a machine of its own whose disk may forget what it promised: the others
  // are a majority. 0 = none. Where the controllers are the brokers, the broker victim's.
  int32_t controller_victim = 0;
  std::array<uint32_t, kFaultCount> fault_weights{};  // 0 = never in this seed
  // After everything else: all lose power once more, and the audit is repeated.
  bool power_loss_at_end = false;

  uint32_t WeightOf(Fault fault) const { return fault_weights[static_cast<size_t>(fault)]; }
  bool BrokerClocksStep() const {
    return WeightOf(Fault::kBrokerClockSteps) > 0 ||
           (combined && WeightOf(Fault::kControllerClockSteps) > 0);
  }
  // Records may go with time: consumers may find that what they want next is deleted.
  bool MayDelete() const { return retention_bytes >= 0 || admin_storm; }
  // "name=value" separated by spaces, in several lines.
  std::string ToString() const;
  // What ToString made; names that are left out keep their defaults.
  static absl::StatusOr<ClusterPlan> Parse(std::string_view text);
};

ClusterPlan DrawPlan(Random random);

}  // namespace soliton::sim
