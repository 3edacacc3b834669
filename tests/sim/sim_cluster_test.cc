// The whole system under faults, 1000 seeds per test run. A seed that fails is replayed
// with `build/soliton-sim --seed S --verbose`.
#include <gtest/gtest.h>

#include "runtime/base/check_context.h"
#include "runtime/base/reach.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/obs/logging.h"
#include "tests/sim/regression.h"
#include "tests/sim/shrinker.h"
#include "tests/sim/simulation.h"

namespace soliton::sim {
namespace {

constexpr uint64_t kSeedsPerCase = 50;
constexpr int kCases = 20;

class SimClusterTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { SetLogLevel(LogLevel::kOff); }
};

std::string ReplayCommand(uint64_t seed) {
  return fmt::format("replay: build/soliton-sim --seed {} --verbose", seed);
}

// Cases run beside each other.
TEST_P(SimClusterTest, InvariantsHold) {
  const uint64_t first = 1 + static_cast<uint64_t>(GetParam()) * kSeedsPerCase;
  int64_t acked = 0;
  for (uint64_t seed = first; seed < first + kSeedsPerCase; ++seed) {
    SetCheckContext(ReplayCommand(seed));
    const SimulationResult result = Simulate(seed);
    EXPECT_TRUE(result.failure.ok()) << "seed " << seed << " after " << result.virtual_seconds
                                     << " virtual s: " << result.failure << "\n"
                                     << result.plan.ToString() << "\n"
                                     << ReplayCommand(seed);
    acked += result.acked;
  }
  EXPECT_GT(acked, 1000) << "the workload must get somewhere";
}
INSTANTIATE_TEST_SUITE_P(Seeds, SimClusterTest, testing::Range(0, kCases));

// What Simulate reports is all that a run needs to happen again.
TEST(SimReplayTest, PlanAndStrikesAreTheWholeRun) {
  SetLogLevel(LogLevel::kOff);
  for (uint64_t seed = 21; seed <= 26; ++seed) {
    const SimulationResult drawn = Simulate(seed);
    Regression kept{
        .seed = seed, .violated = "", .plan = drawn.plan, .strikes = drawn.strikes, .chart = {}};
    const auto read = Regression::Parse(kept.ToString());
    ASSERT_TRUE(read.ok()) << read.status();
    const SimulationResult again = Simulate(seed, read->Options());
    EXPECT_EQ(again.strikes, drawn.strikes) << "seed " << seed;
    EXPECT_EQ(again.acked, drawn.acked) << "seed " << seed;
    EXPECT_EQ(again.read, drawn.read) << "seed " << seed;
    EXPECT_EQ(again.virtual_seconds, drawn.virtual_seconds) << "seed " << seed;
  }
}

// Without flushes acknowledged records do not survive a power loss of everything: the plan breaks
// the promise, the checkers see it, and a few strikes are enough to show it.
TEST(SimShrinkerTest, AFailingRunIsReducedToAFewStrikes) {
  SetLogLevel(LogLevel::kOff);
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    ClusterPlan plan = DrawPlan(Random(seed));
    plan.flush_before_ack = false;
    plan.power_loss_at_end = false;
    plan.victim = 0;
    plan.fault_weights.fill(0);
    for (Fault fault : {Fault::kAllPowerLoss, Fault::kLinkCut, Fault::kConnectionsReset,
                        Fault::kBrokerPaused, Fault::kBrokerKilled}) {
      plan.fault_weights[static_cast<size_t>(fault)] = 1;
    }
    Shrinker shrinker(/*max_runs=*/120);
    const auto shrunk = shrinker.Shrink(seed, plan);
    if (!shrunk) continue;
    EXPECT_LE(shrunk->strikes.size(), 3u) << shrunk->ToString();
    EXPECT_GE(shrunk->strikes.size(), 1u);
    EXPECT_LE(shrunk->chart.size(), 30u);
    EXPECT_FALSE(shrunk->chart.empty());
    const auto read = Regression::Parse(shrunk->ToString());
    ASSERT_TRUE(read.ok()) << read.status();
    const SimulationResult again = Simulate(read->seed, read->Options());
    EXPECT_EQ(std::string(again.failure.message()), shrunk->violated);
    return;
  }
  FAIL() << "no seed lost anything";
}

// Runs that once violated an invariant, as the shrinker left them.
TEST(SimRegressionsTest, KeptRunsPass) {
  SetLogLevel(LogLevel::kOff);
  PosixFileSystem files;
  const std::string folder = JoinPath(SOLITON_SOURCE_DIR, "tests/sim/regressions");
  const auto entries = files.List(folder);
  ASSERT_TRUE(entries.ok()) << entries.status();
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(".txt")) continue;
    const auto text = ReadFile(files, JoinPath(folder, entry.name));
    ASSERT_TRUE(text.ok()) << text.status();
    const auto regression = Regression::Parse(*text);
    ASSERT_TRUE(regression.ok()) << entry.name << ": " << regression.status();
    SetCheckContext(entry.name);
    const SimulationResult result = Simulate(regression->seed, regression->Options());
    EXPECT_TRUE(result.failure.ok()) << entry.name << ": " << result.failure;
  }
}

// The seeds get to every rare state that the code marks (SOMETIMES).
TEST(SimReachTest, EveryMarkIsReached) {
  SetLogLevel(LogLevel::kOff);
  constexpr uint64_t kFirstSeed = 100'001;
  constexpr uint64_t kMaxSeeds = 1000;
  std::vector<std::string> missing;
  for (uint64_t seed = kFirstSeed; seed < kFirstSeed + kMaxSeeds; ++seed) {
    SetCheckContext(ReplayCommand(seed));
    const SimulationResult result = Simulate(seed);
    ASSERT_TRUE(result.failure.ok()) << "seed " << seed << ": " << result.failure;
    missing.clear();
    for (const auto& [name, count] : ReachMark::Counts()) {
      if (count == 0) missing.push_back(name);
    }
    if (missing.empty()) return;
  }
  FAIL() << "not reached: " << fmt::format("{}", fmt::join(missing, "; "));
}

TEST(SimClusterDeterminismTest, TheSameSeedRunsTheSameWayTwice) {
  SetLogLevel(LogLevel::kOff);
  for (const uint64_t seed : {7u, 8u}) {
    const SimulationResult first = Simulate(seed);
    const SimulationResult second = Simulate(seed);
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.events, second.events);
    EXPECT_EQ(first.acked, second.acked);
  }
}

TEST(SimClusterDeterminismTest, OtherSeedsRunOtherwise) {
  SetLogLevel(LogLevel::kOff);
  EXPECT_NE(Simulate(7).trace_hash, Simulate(8).trace_hash);
}

}  // namespace
}  // namespace soliton::sim
