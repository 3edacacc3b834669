#include "tests/sim/cluster_plan.h"

#include <fmt/format.h>

#include <initializer_list>

namespace soliton::sim {
namespace {

int64_t OneOf(Random& random, std::initializer_list<int64_t> values) {
  return values.begin()[random.Below(values.size())];
}

Duration Milliseconds(Random& random, int64_t low, int64_t high) {
  return milliseconds(random.Between(low, high));
}

int64_t Ms(Duration duration) { return std::chrono::duration_cast<milliseconds>(duration).count(); }

bool LosesPower(Fault fault) {
  return fault == Fault::kBrokerPowerLoss || fault == Fault::kBrokerHostGone ||
         fault == Fault::kAllPowerLoss;
}

void DrawShape(Random& random, ClusterPlan& plan) {
  plan.broker_shards = static_cast<int>(random.Between(1, 2));
  plan.topics = static_cast<int>(random.Between(1, 2));
  plan.partitions = static_cast<int>(random.Between(1, 3));
  plan.min_insync_replicas = random.Chance(1, 8) ? 1 : 2;
  plan.flush_before_ack = !random.Chance(1, 6);
}

void DrawLimits(Random& random, ClusterPlan& plan) {
  plan.heartbeat_interval = Milliseconds(random, 100, 500);
  plan.session_timeout = Milliseconds(random, 1000, 3000);
  plan.replica_lag_time_max = Milliseconds(random, 1000, 3000);
  plan.replica_fetch_wait_max = Milliseconds(random, 50, 500);
  plan.replica_fetch_max_bytes =
      static_cast<int32_t>(OneOf(random, {1, 500, 2000, 20'000, 1 << 20}));
  plan.high_watermark_checkpoint_interval = Milliseconds(random, 100, 5000);
  plan.segment_bytes = static_cast<int32_t>(OneOf(random, {4096, 16'384, 65'536, 1 << 20}));
  plan.index_interval_bytes = static_cast<int32_t>(OneOf(random, {0, 100, 4096}));
  plan.disk_latency_max = milliseconds(OneOf(random, {1, 3, 20}));
}

void DrawClients(Random& random, ClusterPlan& plan) {
  plan.clients = static_cast<int>(random.Between(1, 3));
  plan.send_interval = Milliseconds(random, 10, 60);
  plan.record_bytes_max = OneOf(random, {40, 200, 1500});
  plan.linger = milliseconds(OneOf(random, {0, 5, 50}));
  plan.batch_bytes = OneOf(random, {100, 1000, 16'384});
  // A batch must fit into a segment.
  plan.segment_bytes = std::max(plan.segment_bytes,
                                static_cast<int32_t>(plan.batch_bytes + 2 * plan.record_bytes_max));
  plan.buffer_bytes = OneOf(random, {20'000, 200'000, 32 << 20});
  plan.codec = static_cast<kafka::Codec>(random.Chance(1, 2) ? 0 : random.Below(5));
  plan.max_in_flight = static_cast<int>(random.Chance(1, 3) ? 1 : 5);
  plan.request_timeout = Milliseconds(random, 1000, 10'000);
  plan.delivery_timeout = seconds(OneOf(random, {3, 10, 120, 120}));
  plan.consumer_fetch_bytes = static_cast<int32_t>(OneOf(random, {1, 1000, 1 << 20}));
  plan.consumer_fetch_wait = Milliseconds(random, 20, 500);
}

void DrawFaults(Random& random, ClusterPlan& plan) {
  plan.safety_phase = Milliseconds(random, 8000, 25'000);
  plan.mean_fault_interval = milliseconds(OneOf(random, {200, 700, 2000}));
  plan.max_fault_duration = milliseconds(OneOf(random, {500, 2000, 6000}));
  plan.power_loss_at_end = plan.flush_before_ack && random.Chance(1, 2);
  if (random.Chance(1, 25)) return;  // a quiet cluster must be right, too
  // Each fault is in the subset with a chance that is itself drawn: some seeds know a single one,
  // some know all.
  const auto share = static_cast<uint64_t>(random.Between(1, 4));
  for (size_t i = 0; i < kFaultCount; ++i) {
    const auto fault = static_cast<Fault>(i);
    // Without flushing, an ack promises nothing about machines that lose power.
    if (!plan.flush_before_ack && LosesPower(fault)) continue;
    if (random.Chance(share, 4))
      plan.fault_weights[i] = static_cast<uint32_t>(OneOf(random, {1, 3, 10}));
  }
}

}  // namespace

std::string_view FaultName(Fault fault) {
  switch (fault) {
    case Fault::kBrokerPowerLoss:
      return "broker-power-loss";
    case Fault::kBrokerKilled:
      return "broker-killed";
    case Fault::kBrokerHostGone:
      return "broker-host-gone";
    case Fault::kBrokerStopped:
      return "broker-stopped";
    case Fault::kBrokerPaused:
      return "broker-paused";
    case Fault::kBrokerDiskStalled:
      return "broker-disk-stalled";
    case Fault::kControllerPowerLoss:
      return "controller-power-loss";
    case Fault::kControllerKilled:
      return "controller-killed";
    case Fault::kControllerPaused:
      return "controller-paused";
    case Fault::kAllPowerLoss:
      return "all-power-loss";
    case Fault::kAllKilled:
      return "all-killed";
    case Fault::kClientKilled:
      return "client-killed";
    case Fault::kLinkCut:
      return "link-cut";
    case Fault::kLinkCutOneWay:
      return "link-cut-one-way";
    case Fault::kIsolated:
      return "isolated";
    case Fault::kConnectionsReset:
      return "connections-reset";
    case Fault::kCount:
      break;
  }
  return "?";
}

ClusterPlan DrawPlan(Random random) {
  ClusterPlan plan;
  DrawShape(random, plan);
  DrawLimits(random, plan);
  DrawClients(random, plan);
  DrawFaults(random, plan);
  return plan;
}

std::string ClusterPlan::ToString() const {
  std::string faults;
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (fault_weights[i] == 0) continue;
    faults += fmt::format(" {}:{}", FaultName(static_cast<Fault>(i)), fault_weights[i]);
  }
  return fmt::format(
      "brokers={} shards={} topics={} partitions={} min.insync.replicas={} durability={}\n"
      "heartbeat={}ms session={}ms replica.lag={}ms replica.fetch.wait={}ms replica.fetch.bytes={} "
      "hw.checkpoint={}ms segment.bytes={} index.interval.bytes={} disk.latency.max={}ms\n"
      "clients={} send.interval={}ms record.bytes.max={} linger={}ms batch.bytes={} "
      "buffer.bytes={} "
      "codec={} in.flight={} request.timeout={}ms delivery.timeout={}ms consumer.fetch.bytes={} "
      "consumer.fetch.wait={}ms\n"
      "safety={}ms fault.interval={}ms fault.duration.max={}ms power.loss.at.end={} faults:{}",
      brokers, broker_shards, topics, partitions, min_insync_replicas,
      flush_before_ack ? "flush" : "page-cache", Ms(heartbeat_interval), Ms(session_timeout),
      Ms(replica_lag_time_max), Ms(replica_fetch_wait_max), replica_fetch_max_bytes,
      Ms(high_watermark_checkpoint_interval), segment_bytes, index_interval_bytes,
      Ms(disk_latency_max), clients, Ms(send_interval), record_bytes_max, Ms(linger), batch_bytes,
      buffer_bytes, static_cast<int>(codec), max_in_flight, Ms(request_timeout),
      Ms(delivery_timeout), consumer_fetch_bytes, Ms(consumer_fetch_wait), Ms(safety_phase),
      Ms(mean_fault_interval), Ms(max_fault_duration), power_loss_at_end, faults);
}

}  // namespace soliton::sim
