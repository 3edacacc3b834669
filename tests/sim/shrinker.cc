#include "tests/sim/shrinker.h"

#include <algorithm>

namespace soliton::sim {

std::string InvariantOf(const std::string& violated) {
  const size_t number = violated.find(": ");
  return violated.substr(0, number == std::string::npos ? number : violated.find(": ", number + 1));
}

std::optional<Regression> Shrinker::Shrink(uint64_t seed, std::optional<ClusterPlan> plan) {
  ++runs_;
  SimulationOptions as_given;
  as_given.plan = std::move(plan);
  const SimulationResult first = Simulate(seed, as_given);
  if (first.failure.ok()) return std::nullopt;
  best_ = {.seed = seed,
           .violated = std::string(first.failure.message()),
           .plan = first.plan,
           .strikes = first.strikes,
           .chart = {}};
  invariant_ = InvariantOf(best_.violated);
  // Strikes after the failure do not exist; the phase may end where it came.
  DropLastStrikes();
  for (size_t before = 0; before != best_.strikes.size() && runs_left_ > 0;) {
    before = best_.strikes.size();
    DropStrikes();
    SimplifyPlan();
  }
  SimulationOptions options = best_.Options();
  options.chart = true;
  ++runs_;
  const SimulationResult last = Simulate(seed, options);
  best_.violated = std::string(last.failure.message());
  best_.chart = last.chart;
  return best_;
}

bool Shrinker::Try(const Regression& candidate) {
  if (runs_left_ <= 0) return false;
  --runs_left_;
  ++runs_;
  const SimulationResult result = Simulate(candidate.seed, candidate.Options());
  if (result.failure.ok() || InvariantOf(std::string(result.failure.message())) != invariant_) {
    return false;
  }
  best_ = candidate;
  best_.violated = std::string(result.failure.message());
  return true;
}

void Shrinker::DropLastStrikes() {
  // The smallest number of strikes, from the first one on, that is still enough.
  size_t enough = best_.strikes.size();
  size_t too_few = 0;
  while (too_few + 1 < enough) {
    const size_t middle = (too_few + enough) / 2;
    Regression candidate = best_;
    candidate.strikes.resize(middle);
    if (Try(candidate)) {
      enough = middle;
    } else {
      too_few = middle;
    }
  }
}

void Shrinker::DropStrikes() {
  for (size_t piece = std::max<size_t>(1, best_.strikes.size() / 2);; piece /= 2) {
    for (size_t begin = 0; begin < best_.strikes.size();) {
      Regression candidate = best_;
      const size_t end = std::min(begin + piece, candidate.strikes.size());
      candidate.strikes.erase(candidate.strikes.begin() + static_cast<ptrdiff_t>(begin),
                              candidate.strikes.begin() + static_cast<ptrdiff_t>(end));
      if (!Try(candidate)) begin = end;
    }
    if (piece == 1) return;
  }
}

void Shrinker::SimplifyPlan() {
  using Change = std::function<void(ClusterPlan&)>;
  const Change changes[] = {
      [](ClusterPlan& plan) { plan.power_loss_at_end = false; },
      [](ClusterPlan& plan) { plan.topics = 1; },
      [](ClusterPlan& plan) { plan.partitions = 1; },
      [](ClusterPlan& plan) { plan.partitions = std::min(plan.partitions, 2); },
      [](ClusterPlan& plan) { plan.clients = 1; },
      [](ClusterPlan& plan) { plan.plain_clients = 0; },
      [](ClusterPlan& plan) { plan.topic_churn = false; },
      [](ClusterPlan& plan) { plan.admin_storm = false; },
      [](ClusterPlan& plan) { plan.follower_reads = false; },
      [](ClusterPlan& plan) { plan.retention_bytes = -1; },
      [](ClusterPlan& plan) { plan.broker_shards = 1; },
      [](ClusterPlan& plan) { plan.codec = kafka::Codec::kNone; },
      [](ClusterPlan& plan) { plan.segment_bytes = 1 << 20; },
      [](ClusterPlan& plan) { plan.send_interval = plan.send_interval * 2; },
      [](ClusterPlan& plan) { plan.safety_phase = plan.safety_phase / 2; },
  };
  for (const Change& change : changes) {
    Regression candidate = best_;
    change(candidate.plan);
    if (candidate.plan.ToString() != best_.plan.ToString()) Try(candidate);
  }
  // Weights only matter for drawing, and nothing is drawn any more.
  best_.plan.fault_weights.fill(0);
}

}  // namespace soliton::sim
