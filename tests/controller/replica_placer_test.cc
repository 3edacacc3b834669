#include "controller/core/replica_placer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace soliton::controller {
namespace {

using ::testing::HasSubstr;

std::vector<UsableBroker> Brokers(int count, int racks = 0) {
  std::vector<UsableBroker> brokers;
  for (int id = 1; id <= count; ++id) {
    brokers.push_back(
        {.broker_id = id, .rack = racks == 0 ? "" : std::string(1, 'a' + id % racks)});
  }
  return brokers;
}

TEST(ReplicaPlacerTest, LeadersAndReplicasAreSpreadEvenly) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    const auto placed = PlaceReplicas(Brokers(5), 100, 3, random);
    ASSERT_TRUE(placed.ok());
    std::map<int32_t, int> leaders;
    std::map<int32_t, int> replicas;
    std::map<int32_t, std::set<int32_t>> followers_of;
    for (const auto& list : *placed) {
      ASSERT_EQ(std::set<int32_t>(list.begin(), list.end()).size(), 3u);
      ++leaders[list[0]];
      for (const int32_t id : list) ++replicas[id];
      followers_of[list[0]].insert(list.begin() + 1, list.end());
    }
    for (int id = 1; id <= 5; ++id) {
      EXPECT_EQ(leaders[id], 20);
      EXPECT_EQ(replicas[id], 60);
      EXPECT_EQ(followers_of[id].size(), 4u) << "the load of a dead leader spreads over all others";
    }
  }
}

TEST(ReplicaPlacerTest, AFewPartitionsDoNotAllStartAtTheSameBroker) {
  std::set<int32_t> first;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    first.insert((*PlaceReplicas(Brokers(5), 1, 1, random))[0][0]);
  }
  EXPECT_EQ(first.size(), 5u);
}

TEST(ReplicaPlacerTest, UsesEachRackOnceBeforeTwice) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    const auto placed = PlaceReplicas(Brokers(9, 3), 90, 3, random);
    ASSERT_TRUE(placed.ok());
    for (const auto& list : *placed) {
      std::set<int32_t> racks;
      for (const int32_t id : list) racks.insert(id % 3);
      EXPECT_EQ(racks.size(), 3u);
    }
  }
}

TEST(ReplicaPlacerTest, MoreReplicasThanRacks) {
  Random random(1);
  const auto placed = PlaceReplicas(Brokers(6, 2), 60, 4, random);
  ASSERT_TRUE(placed.ok());
  for (const auto& list : *placed) {
    EXPECT_NE(list[0] % 2, list[1] % 2) << "the second replica is in the other rack";
    EXPECT_EQ(std::set<int32_t>(list.begin(), list.end()).size(), 4u);
  }
}

TEST(ReplicaPlacerTest, InactiveBrokersOnlyFillUp) {
  std::vector<UsableBroker> brokers = Brokers(4);
  brokers[1].active = false;
  Random random(1);
  auto placed = PlaceReplicas(brokers, 20, 3, random);
  ASSERT_TRUE(placed.ok());
  for (const auto& list : *placed) EXPECT_THAT(list, ::testing::Not(::testing::Contains(2)));
  placed = PlaceReplicas(brokers, 20, 4, random);
  ASSERT_TRUE(placed.ok());
  for (const auto& list : *placed) EXPECT_EQ(list.back(), 2);
}

TEST(ReplicaPlacerTest, SaysWhatIsMissing) {
  Random random(1);
  const auto placed = PlaceReplicas(Brokers(2), 1, 3, random);
  EXPECT_TRUE(absl::IsFailedPrecondition(placed.status()));
  EXPECT_THAT(std::string(placed.status().message()), HasSubstr("2 registered"));
  std::vector<UsableBroker> dead = Brokers(3);
  for (UsableBroker& broker : dead) broker.active = false;
  EXPECT_TRUE(absl::IsFailedPrecondition(PlaceReplicas(dead, 1, 1, random).status()));
}

TEST(ReplicaPlacerTest, IsAFunctionOfItsInputs) {
  Random a(5);
  Random b(5);
  EXPECT_EQ(*PlaceReplicas(Brokers(7, 3), 40, 3, a), *PlaceReplicas(Brokers(7, 3), 40, 3, b));
}

}  // namespace
}  // namespace soliton::controller
