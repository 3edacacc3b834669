// Plans and strikes say all of themselves as text, so that a run can be kept and replayed.
#include "tests/sim/cluster_plan.h"

#include <gtest/gtest.h>

namespace soliton::sim {
namespace {

TEST(ClusterPlanTest, TextAndBack) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const ClusterPlan plan = DrawPlan(Random(seed));
    const auto again = ClusterPlan::Parse(plan.ToString());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->ToString(), plan.ToString());
    EXPECT_EQ(again->fault_weights, plan.fault_weights);
    EXPECT_EQ(again->safety_phase, plan.safety_phase);
  }
  EXPECT_FALSE(ClusterPlan::Parse("brokers=three").ok());
  EXPECT_FALSE(ClusterPlan::Parse("brooms=3").ok());
  EXPECT_FALSE(ClusterPlan::Parse("brokers").ok());
}

TEST(ClusterPlanTest, DisksAreLostOnlyWithinThePromise) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    const ClusterPlan plan = DrawPlan(Random(seed));
    const bool loses_disk = plan.WeightOf(Fault::kBrokerDiskWiped) > 0 ||
                            plan.WeightOf(Fault::kBrokerDiskRots) > 0 ||
                            plan.WeightOf(Fault::kBrokerDiskPutBack) > 0;
    if (loses_disk) {
      EXPECT_GE(plan.min_insync_replicas, 2) << seed;
      EXPECT_TRUE(plan.flush_before_ack) << seed;
      EXPECT_GT(plan.victim, 0) << seed;
    }
    if (plan.WeightOf(Fault::kControllerDiskPutBack) > 0) {
      EXPECT_GE(plan.controllers, 3) << seed;
      EXPECT_FALSE(plan.combined) << seed;
      EXPECT_GT(plan.controller_victim, 0) << seed;
      EXPECT_LE(plan.controller_victim, plan.controllers) << seed;
    }
    if (!plan.flush_before_ack) {
      EXPECT_EQ(plan.WeightOf(Fault::kBrokerPowerLoss), 0u) << seed;
      EXPECT_EQ(plan.WeightOf(Fault::kAllPowerLoss), 0u) << seed;
    }
  }
}

TEST(StrikeTest, TextAndBack) {
  for (size_t i = 0; i < kFaultCount; ++i) {
    const Strike strike{.at = microseconds(1'234'567),
                        .fault = static_cast<Fault>(i),
                        .machine = 2,
                        .peer = 3,
                        .duration = milliseconds(350),
                        .detail = 17};
    const auto again = Strike::Parse(strike.ToString());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, strike);
  }
  EXPECT_FALSE(Strike::Parse("12us meteorite 0 0 0us 0").ok());
  EXPECT_FALSE(Strike::Parse("12us halves 0 0 0us 0 more").ok());
  EXPECT_FALSE(Strike::Parse("").ok());
}

}  // namespace
}  // namespace soliton::sim
