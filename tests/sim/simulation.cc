#include "tests/sim/simulation.h"

#include <malloc.h>

#include <cstdio>

#include "runtime/obs/logging.h"
#include "tests/sim/checkers/invariant_31_32_progress.h"
#include "tests/sim/client_history.h"
#include "tests/sim/event_chart.h"
#include "tests/sim/nemesis.h"
#include "tests/sim/replica_watch.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/workload.h"

namespace soliton::sim {
namespace {

constexpr Duration kBootBudget = seconds(30);
constexpr Duration kHealBudget = seconds(40);
constexpr Duration kDrainBudget = seconds(60);
constexpr Duration kReadBudget = seconds(3600);
constexpr Duration kLookInterval = milliseconds(20);
constexpr Duration kLogComparison = seconds(3);
constexpr int64_t kAcksAfterHealing = 5;
// A run that does not end by itself is a bug of its own.
constexpr uint64_t kMaxEvents = 20'000'000;

constexpr size_t kChartLines = 30;

SimNetworkOptions NetworkOf(const ClusterPlan& plan) {
  SimNetworkOptions options;
  options.max_delay = plan.network_delay_max;
  options.slow_one_in = static_cast<uint64_t>(plan.network_slow_one_in);
  return options;
}

// A world allocates and frees much, in large pieces too: they are kept instead of being given back
// to the system each time.
void KeepFreedMemory() {
  static const bool once = [] {
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    return true;
  }();
  (void)once;
}

class Simulation {
 public:
  Simulation(uint64_t seed, const SimulationOptions& options)
      : world_(seed),
        plan_(options.plan ? *options.plan : DrawPlan(world_.ForkRandom("plan"))),
        network_(world_, NetworkOf(plan_)),
        history_(world_, plan_.admin_storm),
        cluster_(world_, network_, plan_),
        workload_(world_, cluster_, history_, plan_),
        watch_(world_, cluster_, plan_),
        nemesis_(world_, network_, cluster_, plan_, options.strikes) {
    world_.SetEventObserver([this](EventTag tag) { OnEvent(tag); });
    nemesis_.SetDamageObserver(
        [this](int32_t broker_id, bool rotten) { watch_.OnDiskDamaged(broker_id, rotten); });
    history_.SetTruth({.high_watermark =
                           [this](const PartitionName& partition) {
                             return watch_.true_high_watermark(partition);
                           },
                       .log_start =
                           [this](const PartitionName& partition) {
                             return watch_.highest_log_start(partition);
                           }});
    workload_.SetTopicTruth(
        [this](const PartitionName& partition, int64_t offset, std::string_view value) {
          return watch_.PresentTopicHolds(partition, offset, value);
        });
    if (options.verbose) BeVerbose();
    if (options.chart) KeepChart();
  }

  void Run() {
    if (!Boot() || !Safety() || !Heal() || !Drain() || !Audit("audit")) return;
    if (plan_.power_loss_at_end && PowerCycle()) Audit("audit after power loss");
  }

  SimulationResult Result() {
    if (verbose() && !world_.failure().ok()) {
      Print(world_.failure().ToString());
      Print("replicas:\n" + watch_.Describe());
    }
    SimulationResult result;
    result.failure = world_.failure();
    result.trace_hash = world_.trace_hash();
    result.events = world_.event_count();
    result.acked = history_.acked();
    result.failed = history_.failed();
    result.read = history_.read();
    result.strikes = nemesis_.strikes();
    result.virtual_seconds = std::chrono::duration<double>(world_.Now() - start_).count();
    result.plan = plan_;
    result.faults = nemesis_.ToString();
    result.chart = chart_.Lines(kChartLines);
    return result;
  }

 private:
  void KeepChart() {
    network_.SetFrameObserver([this](const std::string& from, const std::string& to, bool by_client,
                                     std::span<const uint8_t> frame) {
      chart_.OnFrame(world_.Now() - start_, from, to, by_client, frame);
    });
    nemesis_.SetObserver(
        [this](const std::string& what) { chart_.OnStrike(world_.Now() - start_, what); });
  }

  void BeVerbose() {
    Print(plan_.ToString());
    nemesis_.SetObserver([this](const std::string& what) { Print("nemesis: " + what); });
    SetLogSink([this](LogLevel level, std::string_view message) {
      Print(fmt::format("{:5} {:10} {}", LogLevelName(level), WhoLogs(), message));
    });
  }

  void OnEvent(EventTag tag) {
    watch_.OnEvent(tag);
    if (world_.event_count() > kMaxEvents) {
      world_.Fail("the run ends", absl::ResourceExhaustedError("too many events"));
    }
  }

  // Runs until `check` holds; reports `what` otherwise. Looks at fixed times: when it sees that
  // must not depend on what else happens, like a strike that a replay leaves out.
  bool Await(const std::string& what, Duration budget, const std::function<absl::Status()>& check) {
    const MonotonicTime end = world_.Now() + budget;
    absl::Status last = check();
    while (!last.ok() && world_.failure().ok() && world_.Now() < end) {
      world_.RunFor(kLookInterval);
      last = check();
    }
    if (world_.failure().ok() && last.ok()) return true;
    world_.Fail(what, last);
    return false;
  }

  bool Boot() {
    Phase("boot");
    cluster_.Start();
    if (!Await("35: start", kBootBudget, [this] {
          return cluster_.AllServing() ? absl::OkStatus()
                                       : absl::DeadlineExceededError("not all brokers serve");
        })) {
      return false;
    }
    if (!cluster_.CreateTopics()) {
      world_.Fail("boot", absl::InternalError("topics cannot be created"));
      return false;
    }
    workload_.Start();
    return true;
  }

  bool Safety() {
    Phase("safety");
    nemesis_.Start();
    const MonotonicTime end = world_.Now() + plan_.safety_phase;
    while (world_.Now() < end && world_.failure().ok()) {
      world_.RunFor(std::min<Duration>(kLogComparison, end - world_.Now()));
      CompareLogs();
    }
    return world_.failure().ok();
  }

  void CompareLogs() {
    if (!world_.failure().ok()) return;
    world_.Fail("2: log matching", watch_.CompareLogs());
  }

  std::map<PartitionName, Progress::State> PartitionStates() {
    std::map<PartitionName, Progress::State> states;
    const std::map<PartitionName, int> sizes = watch_.IsrSizes();
    for (const PartitionName& partition : workload_.partitions()) {
      auto size = sizes.find(partition);
      states[partition] = {history_.acked(partition), size == sizes.end() ? 0 : size->second};
    }
    return states;
  }

  std::map<PartitionName, Progress::State> ProducerStates() {
    std::map<PartitionName, Progress::State> states;
    for (int32_t producer : workload_.live_producers()) {
      states[{"producer", producer}] = {history_.acked_by(producer), 0};
    }
    return states;
  }

  bool Heal() {
    Phase("healing");
    nemesis_.StopAndHeal();
    workload_.SlowDown();
    Progress partitions;
    Progress producers;
    partitions.Begin(PartitionStates(), kAcksAfterHealing, plan_.brokers);
    producers.Begin(ProducerStates(), kAcksAfterHealing, 0);
    return Await("31+32: progress after healing", kHealBudget, [&] {
      absl::Status status = producers.Check(ProducerStates());
      return status.ok() ? partitions.Check(PartitionStates()) : status;
    });
  }

  bool Drain() {
    Phase("drain");
    workload_.StopSending();
    if (!Await("33: every record is answered", plan_.delivery_timeout + kDrainBudget, [this] {
          return history_.unanswered() == 0
                     ? absl::OkStatus()
                     : absl::DeadlineExceededError(
                           fmt::format("{} records are not answered", history_.unanswered()));
        })) {
      return false;
    }
    return AwaitAgreement();
  }

  bool AwaitAgreement() {
    return Await("18: convergence", kDrainBudget, [this] { return watch_.CheckConverged(); }) &&
           AwaitReaders();
  }

  // As long as they get on it takes as long as it takes: one may fetch a record at a time.
  bool AwaitReaders() {
    int64_t looked_at = -1;
    MonotonicTime moved_at = world_.Now();
    bool stuck = false;
    const bool reached = Await("31: consumers read to the end", kReadBudget, [&] {
      const int64_t read = history_.read();
      if (read != looked_at) moved_at = world_.Now();
      looked_at = read;
      stuck = world_.Now() - moved_at > kDrainBudget;
      return stuck ? absl::OkStatus() : AllRead();
    });
    if (stuck) world_.Fail("31: consumers read to the end", AllRead());
    return reached && world_.failure().ok();
  }

  absl::Status AllRead() {
    for (const std::string& consumer : workload_.live_consumers()) {
      for (const PartitionName& partition : workload_.partitions()) {
        // What was deleted before it came to it does not have to be read.
        const int64_t position =
            std::max(history_.position(consumer, partition), watch_.highest_log_start(partition));
        if (position >= watch_.true_high_watermark(partition)) continue;
        return absl::DeadlineExceededError(fmt::format("{}: {} has read up to {} of {}",
                                                       partition.ToString(), consumer, position,
                                                       watch_.true_high_watermark(partition)));
      }
    }
    return absl::OkStatus();
  }

  bool Audit(const std::string& name) {
    Phase(name);
    world_.Fail(name + ", 18: convergence", watch_.CompareLogs());
    for (const PartitionName& partition : workload_.partitions()) {
      auto logs = watch_.ReadLogs(partition);
      // All replicas were compared: the records of one are those of all.
      auto records = watch_.ReadRecords(partition);
      world_.Fail(name + ", 17: logs can be read", logs.ok() ? records.status() : logs.status());
      if (!world_.failure().ok()) return false;
      int64_t log_start_offset = 0;
      for (const LogObservation& log : *logs) {
        world_.Fail(name + ", 9: sequences", CheckSequences(log, history_.failed() > 0));
        log_start_offset = std::max(log_start_offset, log.log_start_offset);
      }
      std::erase_if(*records, [&](const auto& record) { return record.offset < log_start_offset; });
      world_.Fail(name, history_.Audit(partition, log_start_offset, *records, true));
    }
    return world_.failure().ok();
  }

  bool PowerCycle() {
    Phase("power loss of everything");
    Random random = world_.ForkRandom("power-cycle");
    for (SimNode* node : cluster_.nodes()) {
      if (node->name().starts_with("client")) continue;
      // One that was refused ends by itself, and may not have been started again.
      if (!node->alive()) continue;
      node->Crash({.model = random.Chance(1, 2) ? CrashModel::kRandom : CrashModel::kLoseUnsynced});
    }
    for (SimNode* node : cluster_.nodes()) {
      if (!node->alive()) node->Restart();
    }
    return AwaitAgreement();
  }

  void Phase(const std::string& name) {
    if (verbose()) Print("---- " + name);
    world_.MixTrace(name);
  }
  bool verbose() const { return verbose_; }

  std::string WhoLogs() {
    for (SimNode* node : cluster_.nodes()) {
      if (!node->alive()) continue;
      ShardSet& shards = *node->ports().shards;
      for (int i = 0; i < shards.size(); ++i) {
        if (&shards.shard(i) == world_.current_shard()) return node->name();
      }
    }
    return "-";
  }

  void Print(const std::string& line) {
    verbose_ = true;
    const double now = std::chrono::duration<double>(world_.Now() - start_).count();
    std::fprintf(stderr, "%10.6f %s\n", now, line.c_str());
  }

  SimWorld world_;
  const ClusterPlan plan_;
  SimNetwork network_;
  ClientHistory history_;
  SimCluster cluster_;
  Workload workload_;
  ReplicaWatch watch_;
  Nemesis nemesis_;
  EventChart chart_;
  const MonotonicTime start_ = world_.Now();
  bool verbose_ = false;
};

}  // namespace

SimulationResult Simulate(uint64_t seed, const SimulationOptions& options) {
  KeepFreedMemory();
  Simulation simulation(seed, options);
  simulation.Run();
  SimulationResult result = simulation.Result();
  if (options.verbose) SetLogSink(nullptr);
  return result;
}

}  // namespace soliton::sim
