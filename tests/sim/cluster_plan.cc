#include "tests/sim/cluster_plan.h"

#include <algorithm>
#include <initializer_list>

namespace soliton::sim {
namespace {

int64_t OneOf(Random& random, std::initializer_list<int64_t> values) {
  return values.begin()[random.Below(values.size())];
}

Duration Milliseconds(Random& random, int64_t low, int64_t high) {
  return milliseconds(random.Between(low, high));
}

// Most seeds are short and hurry: everything that waits for time waits less. Some take the time
// that real clusters take.
struct Pace {
  int64_t percent;  // of the longer waits
  int64_t safety_low_ms;
  int64_t safety_high_ms;
};

Pace DrawPace(Random& random) {
  const uint64_t ticket = random.Below(100);
  if (ticket < 80) return {25, 1200, 4500};
  if (ticket < 96) return {50, 4000, 9000};
  return {100, 9000, 25'000};
}

bool LosesPower(Fault fault) {
  return fault == Fault::kBrokerPowerLoss || fault == Fault::kBrokerHostGone ||
         fault == Fault::kAllPowerLoss || fault == Fault::kBrokerDiskSyncFails;
}

bool LosesDisk(Fault fault) {
  return fault == Fault::kBrokerDiskWiped || fault == Fault::kBrokerDiskRots ||
         fault == Fault::kBrokerDiskPutBack;
}

void DrawShape(Random& random, ClusterPlan& plan) {
  plan.broker_shards = static_cast<int32_t>(random.Between(1, 2));
  plan.topics = static_cast<int32_t>(random.Between(1, 2));
  plan.partitions =
      static_cast<int32_t>(random.Chance(1, 12) ? random.Between(6, 12) : random.Between(1, 3));
  plan.min_insync_replicas = random.Chance(1, 8) ? 1 : 2;
  plan.flush_before_ack = !random.Chance(1, 6);
  plan.network_delay_max = microseconds(random.Between(100, 5000));
  plan.network_slow_one_in = random.Chance(1, 2) ? 500 : 50;
}

void DrawLimits(Random& random, const Pace& pace, ClusterPlan& plan) {
  const auto paced = [&](int64_t low, int64_t high) {
    return Milliseconds(random, low * pace.percent / 100, high * pace.percent / 100);
  };
  plan.heartbeat_interval = paced(100, 500);
  plan.session_timeout = paced(1000, 3000);
  plan.replica_lag_time_max = paced(1000, 3000);
  plan.replica_fetch_wait_max = Milliseconds(random, 50, 500);
  plan.replica_fetch_max_bytes =
      static_cast<int32_t>(OneOf(random, {1, 500, 2000, 20'000, 1 << 20}));
  plan.replica_fetch_response_max_bytes =
      static_cast<int32_t>(random.Chance(1, 4) ? OneOf(random, {1, 2000}) : 10 << 20);
  plan.high_watermark_checkpoint_interval = paced(100, 5000);
  plan.segment_bytes = static_cast<int32_t>(OneOf(random, {4096, 16'384, 65'536, 1 << 20}));
  plan.index_interval_bytes = static_cast<int32_t>(OneOf(random, {0, 100, 4096}));
  // With many partitions one request at a time is no more than slow.
  const bool one_at_a_time = random.Chance(1, 4) && plan.partitions <= 3;
  plan.max_requests_in_flight = one_at_a_time ? 1 : 256;
  const int64_t budget_bytes = OneOf(random, {2 << 20, 8 << 20});
  if (random.Chance(1, 6)) plan.memory_budget_bytes = budget_bytes;
  plan.disk_latency_max = milliseconds(OneOf(random, {1, 3, 20}));
  plan.retention_check_interval = seconds(300);
  if (random.Chance(1, 5)) {
    plan.retention_check_interval = Milliseconds(random, 50, 1000);
    plan.retention_bytes = OneOf(random, {1, 10'000, 100'000});
  }
}

void DrawClients(Random& random, ClusterPlan& plan) {
  plan.clients = static_cast<int32_t>(random.Between(1, 3));
  if (random.Chance(1, 4))
    plan.plain_clients = static_cast<int32_t>(random.Between(1, plan.clients));
  plan.topic_churn = random.Chance(1, 6);
  plan.send_interval = Milliseconds(random, 10, 60);
  plan.record_bytes_max = OneOf(random, {40, 200, 1500});
  plan.linger = milliseconds(OneOf(random, {0, 5, 50}));
  plan.batch_bytes = OneOf(random, {100, 1000, 16'384});
  // A batch must fit into a segment.
  plan.segment_bytes = std::max(plan.segment_bytes,
                                static_cast<int32_t>(plan.batch_bytes + 2 * plan.record_bytes_max));
  plan.buffer_bytes = OneOf(random, {20'000, 200'000, 32 << 20});
  plan.codec = static_cast<kafka::Codec>(random.Chance(2, 3) ? 0 : random.Below(5));
  plan.max_in_flight = static_cast<int32_t>(random.Chance(1, 3) ? 1 : 5);
  plan.request_timeout = Milliseconds(random, 1000, 10'000);
  plan.delivery_timeout = seconds(OneOf(random, {3, 10, 120, 120}));
  plan.consumer_fetch_bytes = static_cast<int32_t>(OneOf(random, {1, 1000, 1 << 20}));
  plan.consumer_fetch_wait = Milliseconds(random, 20, 500);
}

void DrawFaults(Random& random, const Pace& pace, ClusterPlan& plan) {
  plan.safety_phase = Milliseconds(random, pace.safety_low_ms, pace.safety_high_ms);
  plan.mean_fault_interval = milliseconds(OneOf(random, {200, 700, 2000}) * pace.percent / 100);
  plan.max_fault_duration = milliseconds(OneOf(random, {500, 2000, 6000}) * pace.percent / 100);
  plan.power_loss_at_end = plan.flush_before_ack && random.Chance(1, 2);
  if (plan.min_insync_replicas >= 2 && plan.flush_before_ack && random.Chance(1, 3)) {
    plan.victim = static_cast<int32_t>(random.Between(1, plan.brokers));
  }
  if (random.Chance(1, 25)) return;  // a quiet cluster must be right, too
  // Each fault is in the subset with a chance that is itself drawn: some seeds know one or two,
  // some know nearly all.
  const auto share = static_cast<uint64_t>(random.Between(1, 9));
  for (size_t i = 0; i < kFaultCount; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (fault == Fault::kControllerDiskPutBack) continue;  // DrawQuorum does
    const bool drawn = random.Chance(share, 12);
    const auto weight = static_cast<uint32_t>(OneOf(random, {1, 3, 10}));
    // Without flushing, an ack promises nothing about machines that lose power.
    if (!plan.flush_before_ack && LosesPower(fault)) continue;
    if (LosesDisk(fault) && plan.victim == 0) continue;
    if (drawn) plan.fault_weights[i] = weight;
  }
}

void DrawAdmin(Random& random, ClusterPlan& plan) {
  plan.admin_storm = random.Chance(1, 6);
  if (!plan.admin_storm) return;
  plan.retention_check_interval = Milliseconds(random, 50, 1000);
}

void DrawReaders(Random& random, ClusterPlan& plan) {
  plan.follower_reads = random.Chance(1, 3);
  plan.preferred_replica_lease = milliseconds(OneOf(random, {100, 1000, 300'000}));
}

void DrawQuorum(Random& random, const Pace& pace, ClusterPlan& plan) {
  const uint64_t ticket = random.Below(100);
  plan.controllers = ticket < 25 ? 1 : ticket < 90 ? 3 : 5;
  plan.combined = ticket >= 25 && ticket < 65;
  plan.election_timeout = Milliseconds(random, 200 * pace.percent / 100, 1000 * pace.percent / 100);
  plan.silence_timeout = microseconds(random.Between(2 * plan.heartbeat_interval / microseconds(1),
                                                     plan.session_timeout / microseconds(1)));
  plan.metadata_snapshot_bytes = OneOf(random, {1000, 5000, 20 << 20});
  plan.voter_changes = plan.controllers == 3 && random.Chance(1, 3);
  if (plan.voter_changes && !plan.combined) {
    plan.spare_controllers = static_cast<int32_t>(random.Between(1, 2));
  }
  const bool quiet =
      std::ranges::all_of(plan.fault_weights, [](auto weight) { return weight == 0; });
  if (!plan.combined && plan.controllers > 1 && !quiet && random.Chance(1, 3)) {
    plan.controller_victim = static_cast<int32_t>(random.Between(1, plan.controllers));
    plan.fault_weights[static_cast<size_t>(Fault::kControllerDiskPutBack)] =
        static_cast<uint32_t>(OneOf(random, {1, 3, 10}));
  }
  if (!plan.combined || plan.flush_before_ack) return;
  // The broker in the same machine promises nothing about a loss of power.
  for (const Fault fault : {Fault::kControllerPowerLoss, Fault::kControllerDiskSyncFails}) {
    plan.fault_weights[static_cast<size_t>(fault)] = 0;
  }
}

}  // namespace

ClusterPlan DrawPlan(Random random) {
  ClusterPlan plan;
  const Pace pace = DrawPace(random);
  DrawShape(random, plan);
  DrawLimits(random, pace, plan);
  DrawClients(random, plan);
  DrawFaults(random, pace, plan);
  DrawAdmin(random, plan);
  DrawReaders(random, plan);
  DrawQuorum(random, pace, plan);
  return plan;
}

}  // namespace soliton::sim
