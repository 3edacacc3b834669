#include "cli/move_throttle.h"

#include <gtest/gtest.h>

#include "cli/setting_changes.h"

namespace soliton::cli {
namespace {

using Ids = std::vector<int32_t>;

ReplicaMove Move(const std::string& topic, int32_t partition, Ids from, Ids to, Ids adding) {
  return {{topic, partition, std::move(to)}, std::move(from), std::move(adding), {}};
}

const std::vector<ReplicaMove> kMoves = {Move("orders", 0, {1, 2}, {3, 1}, {3}),
                                         Move("orders", 7, {2, 1}, {4, 3}, {4, 3}),
                                         Move("order-only", 0, {5, 6}, {6, 5}, {})};

TEST(MoveThrottleTest, WhoHoldsSendsToWhoComes) {
  const kafka::IncrementalAlterConfigsRequest request = ThrottledReplicas(kMoves);
  ASSERT_EQ(request.resources.size(), 1u) << "what only changes places copies nothing";
  EXPECT_EQ(request.resources[0].resource_type, kTopicResource);
  EXPECT_EQ(request.resources[0].resource_name, "orders");
  const auto& configs = request.resources[0].configs;
  ASSERT_EQ(configs.size(), 2u);
  EXPECT_EQ(configs[0].name, "leader.replication.throttled.replicas");
  EXPECT_EQ(configs[0].value, "0:1,0:2,7:2,7:1");
  EXPECT_EQ(configs[1].name, "follower.replication.throttled.replicas");
  EXPECT_EQ(configs[1].value, "0:3,7:4,7:3");
}

TEST(MoveThrottleTest, BrokersThatDoNotServeAreLeftOut) {
  ClusterView view;
  for (int32_t id = 1; id <= 6; ++id) view.nodes[id].broker = true;
  EXPECT_EQ(ThrottledBrokers(kMoves, view), (std::set<int32_t>{1, 2, 3, 4}));
  view.nodes[2].fenced = true;
  EXPECT_EQ(ThrottledBrokers(kMoves, view), (std::set<int32_t>{1, 3, 4}))
      << "moving away from a dead broker must not wait for it";
}

}  // namespace
}  // namespace soliton::cli
