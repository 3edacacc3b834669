// What one seed draws: the cluster's shape, its limits, the clients' habits, and which faults
// strike how often. Limits are small so that rare paths (a segment rolls, a fetch is cut off, a
// session ends) are common. A value; printed with a failing seed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/record/codec.h"
#include "runtime/base/random.h"
#include "runtime/loop/clock.h"

namespace soliton::sim {

enum class Fault : uint8_t {
  kBrokerPowerLoss,      // unsynced bytes go, peers see the connection close
  kBrokerKilled,         // the process dies, the page cache lives
  kBrokerHostGone,       // power loss of a machine that answers nothing until it is back
  kBrokerStopped,        // a clean stop and start
  kBrokerPaused,         // SIGSTOP, often beyond the session timeout
  kBrokerDiskStalled,    // no disk work completes for a while
  kControllerPowerLoss,  // unsynced bytes of the metadata log go
  kControllerKilled,
  kControllerPaused,
  kAllPowerLoss,  // controller and brokers at the same moment
  kAllKilled,
  kClientKilled,
  kLinkCut,        // between two machines, both ways
  kLinkCutOneWay,  // what one says does not reach the other
  kIsolated,       // one machine from all others
  kConnectionsReset,
  kCount,
};
inline constexpr size_t kFaultCount = static_cast<size_t>(Fault::kCount);
std::string_view FaultName(Fault fault);

struct ClusterPlan {
  // -- Shape --
  int brokers = 3;
  int broker_shards = 1;
  int topics = 1;
  int partitions = 1;  // of each topic
  int32_t min_insync_replicas = 2;
  bool flush_before_ack = true;

  // -- Brokers and controller --
  Duration heartbeat_interval{};
  Duration session_timeout{};
  Duration replica_lag_time_max{};
  Duration replica_fetch_wait_max{};
  int32_t replica_fetch_max_bytes = 0;
  Duration high_watermark_checkpoint_interval{};
  int32_t segment_bytes = 0;
  int32_t index_interval_bytes = 0;
  Duration disk_latency_max{};

  // -- Clients --
  int clients = 2;  // each a producer and a consumer
  Duration send_interval{};
  int64_t record_bytes_max = 0;
  Duration linger{};
  int64_t batch_bytes = 0;
  int64_t buffer_bytes = 0;
  kafka::Codec codec = kafka::Codec::kNone;
  int max_in_flight = 5;
  Duration request_timeout{};
  Duration delivery_timeout{};
  int32_t consumer_fetch_bytes = 0;
  Duration consumer_fetch_wait{};

  // -- Faults --
  Duration safety_phase{};
  Duration mean_fault_interval{};
  Duration max_fault_duration{};
  std::array<uint32_t, kFaultCount> fault_weights{};  // 0 = never in this seed
  // After everything else: all lose power once more, and the audit is repeated.
  bool power_loss_at_end = false;

  uint32_t WeightOf(Fault fault) const { return fault_weights[static_cast<size_t>(fault)]; }
  std::string ToString() const;
};

ClusterPlan DrawPlan(Random random);

}  // namespace soliton::sim
