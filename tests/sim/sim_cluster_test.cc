// The whole system under faults, 1000 seeds per test run. A seed that fails is replayed
// with `build/soliton-sim --seed S --verbose`.
#include <gtest/gtest.h>

#include "runtime/base/check_context.h"
#include "runtime/obs/logging.h"
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
