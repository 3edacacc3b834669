#include "cli/reassignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace soliton::cli {
namespace {

using Ids = std::vector<int32_t>;
using Names = std::vector<std::string>;

// Brokers 1 to `brokers`, and one topic whose partitions have these replicas, all in sync, led by
// the first.
ClusterView Cluster(int brokers, const std::vector<Ids>& replicas) {
  ClusterView view;
  for (int32_t id = 1; id <= brokers; ++id) view.nodes[id].broker = true;
  for (size_t i = 0; i < replicas.size(); ++i) {
    PartitionView partition;
    partition.topic = "orders";
    partition.index = static_cast<int32_t>(i);
    partition.name = "orders-" + std::to_string(i);
    partition.replicas = partition.isr = replicas[i];
    partition.leader_id = replicas[i].front();
    ++view.nodes[partition.leader_id].leads;
    view.partitions.push_back(std::move(partition));
  }
  return view;
}

TEST(ReassignmentTest, KafkasPlansAreRead) {
  const auto plan = ParsePlan(
      R"({"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[2,1],"log_dirs":["any","any"]},
          {"topic":"b","partition":12,"replicas":[]}]})");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(*plan, (std::vector<Assignment>{{"orders", 0, {2, 1}}, {"b", 12, {}}}));
  const auto again = ParsePlan(PlanAsJson(*plan));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *plan);
}

TEST(ReassignmentTest, WhatIsWrongWithAPlanIsSaid) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no JSON"},
      {"[]", "no list \"partitions\""},
      {R"({"partitions":{}})", "no list \"partitions\""},
      {R"({"partitions":[]})", "empty"},
      {R"({"version":2,"partitions":[]})", "version 1"},
      {R"({"partitions":[1]})", "entry 1 of \"partitions\": no object"},
      {R"({"partitions":[{"topic":"t","partition":0,"replicas":[1]},{"topic":7}]})",
       "entry 2 of \"partitions\": \"topic\" is no name"},
      {R"({"partitions":[{"topic":"t","partition":-1,"replicas":[1]}]})", "\"partition\" is no"},
      {R"({"partitions":[{"topic":"t","partition":99999999999,"replicas":[1]}]})", "\"partition\""},
      {R"({"partitions":[{"topic":"t","partition":0}]})", "\"replicas\" is no list"},
      {R"({"partitions":[{"topic":"t","partition":0,"replicas":["a"]}]})",
       "\"replicas\" is no num"},
  };
  for (const auto& [text, expected] : cases) {
    const auto plan = ParsePlan(text);
    ASSERT_TRUE(absl::IsInvalidArgument(plan.status())) << text;
    EXPECT_NE(std::string(plan.status().message()).find(expected), std::string::npos)
        << text << ": " << plan.status();
  }
}

TEST(ReassignmentTest, PlansAreHeldAgainstTheCluster) {
  const ClusterView view = Cluster(3, {{1, 2}, {2, 3}});
  EXPECT_TRUE(CheckPlan({{"orders", 0, {3, 1}}, {"orders", 1, {1}}}, view).ok());
  const std::pair<std::vector<Assignment>, const char*> cases[] = {
      {{{"orders", 2, {1}}}, "no partition orders-2"},
      {{{"nope", 0, {1}}}, "no partition nope-0"},
      {{{"orders", 0, {1, 4}}}, "no broker 4, but 1, 2, 3"},
      {{{"orders", 0, {1, 1}}}, "broker 1 as a replica twice"},
      {{{"orders", 0, {}}}, "has no replicas"},
      {{{"orders", 0, {1}}, {"orders", 0, {2}}}, "in the plan twice"},
  };
  for (const auto& [plan, expected] : cases) {
    const absl::Status status = CheckPlan(plan, view);
    EXPECT_NE(std::string(status.message()).find(expected), std::string::npos) << status;
  }
}

TEST(ReassignmentTest, OnlyWhatChangesIsMoved) {
  const ClusterView view = Cluster(4, {{1, 2}, {2, 3}, {3, 1}});
  const std::vector<ReplicaMove> moves =
      MovesOf({{"orders", 0, {1, 2}}, {"orders", 1, {3, 2}}, {"orders", 2, {4, 3}}}, view);
  ASSERT_EQ(moves.size(), 2u);
  EXPECT_EQ(moves[0].to.name(), "orders-1");
  EXPECT_EQ(moves[0].ChangeText(), "order only");
  EXPECT_EQ(moves[1].ChangeText(), "adds 4, removes 1");
  EXPECT_EQ(moves[1].from, (Ids{3, 1}));
}

TEST(ReassignmentTest, WhatHoldsIsAPlan) {
  const ClusterView view = Cluster(2, {{1, 2}, {2, 1}});
  const auto current = CurrentAssignments(view, {});
  ASSERT_TRUE(current.ok());
  EXPECT_TRUE(MovesOf(*current, view).empty());
  EXPECT_TRUE(absl::IsNotFound(CurrentAssignments(view, {"orders", "nope"}).status()));
}

// How many replicas, and how many first places, each broker has.
std::map<int32_t, std::pair<int, int>> Counts(const std::vector<Assignment>& plan) {
  std::map<int32_t, std::pair<int, int>> counts;
  for (const Assignment& each : plan) {
    for (const int32_t id : each.replicas) ++counts[id].first;
    ++counts[each.replicas.front()].second;
  }
  return counts;
}

TEST(ReassignmentTest, NewBrokersGetTheirShare) {
  std::vector<Ids> replicas;
  for (int i = 0; i < 12; ++i) replicas.push_back({i % 3 + 1, (i + 1) % 3 + 1, (i + 2) % 3 + 1});
  const ClusterView view = Cluster(4, replicas);
  const auto plan = SpreadOver(view, {"orders"}, {1, 2, 3, 4});
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_TRUE(CheckPlan(*plan, view).ok());
  for (const auto& [id, count] : Counts(*plan)) EXPECT_EQ(count, std::pair(9, 3)) << id;
  size_t copied = 0;
  for (const ReplicaMove& move : MovesOf(*plan, view)) copied += move.adding.size();
  EXPECT_EQ(copied, 9u) << "no more than what the new broker gets";
}

TEST(ReassignmentTest, ASpreadThatIsEvenStays) {
  const ClusterView view = Cluster(3, {{1, 2}, {2, 3}, {3, 1}});
  const auto plan = SpreadOver(view, {}, {1, 2, 3});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(MovesOf(*plan, view).empty());
}

TEST(ReassignmentTest, RacksComeFirst) {
  ClusterView view = Cluster(4, {{1, 2}, {1, 2}, {1, 2}, {1, 2}});
  view.nodes[1].rack = view.nodes[2].rack = "a";
  view.nodes[3].rack = view.nodes[4].rack = "b";
  const auto plan = SpreadOver(view, {}, {1, 2, 3, 4});
  ASSERT_TRUE(plan.ok()) << plan.status();
  for (const Assignment& each : *plan) {
    std::set<bool> racks;
    for (const int32_t id : each.replicas) racks.insert(id <= 2);
    EXPECT_EQ(racks.size(), 2u) << each.name();
  }
  for (const auto& [id, count] : Counts(*plan)) EXPECT_EQ(count, std::pair(2, 1)) << id;
}

TEST(ReassignmentTest, TooFewBrokers) {
  const ClusterView view = Cluster(3, {{1, 2}});
  EXPECT_TRUE(absl::IsInvalidArgument(SpreadOver(view, {}, {3}).status()));
  EXPECT_TRUE(absl::IsNotFound(SpreadOver(view, {}, {1, 9}).status()));
}

TEST(LeaderPlanTest, DrainingSpreadsOverWhoIsInSyncAndServes) {
  ClusterView view = Cluster(3, {{1, 2, 3}, {1, 3, 2}, {1, 2, 3}, {1}, {2, 1}, {1, 2}});
  view.partitions[2].isr = {1, 3};
  view.partitions[5].isr = {1};
  LeaderPlan plan = PlanDrain(view, 1);
  ASSERT_EQ(plan.moves.size(), 3u);
  EXPECT_EQ(plan.moves[0].to, 3) << "2 leads one already";
  EXPECT_EQ(plan.moves[0].order, (Ids{3, 2, 1})) << "and the drained one comes last";
  EXPECT_EQ(plan.moves[1].to, 3) << "the first of two that lead one each";
  EXPECT_EQ(plan.moves[2].to, 3) << "2 is not in sync";
  EXPECT_EQ(plan.stuck, (Names{"orders-3: no other replica is in sync (replicas 1, in sync 1)",
                               "orders-5: no other replica is in sync (replicas 1,2, in sync 1)"}));
  view.nodes[3].fenced = true;
  plan = PlanDrain(view, 1);
  EXPECT_EQ(plan.moves.size(), 2u);
  for (const LeaderMove& move : plan.moves) EXPECT_EQ(move.to, 2);
}

TEST(LeaderPlanTest, WhoComesBackGetsWhatTheOthersHave) {
  const std::vector<Ids> replicas(9, Ids{1, 2, 3});
  ClusterView view = Cluster(3, replicas);
  for (int i = 0; i < 9; ++i) {
    PartitionView& partition = view.partitions[static_cast<size_t>(i)];
    if (i >= 5) partition.leader_id = 2;
    partition.replicas = partition.leader_id == 1 ? Ids{1, 2, 3} : Ids{2, 1, 3};
  }
  view.nodes[1].leads = 5;
  view.nodes[2].leads = 4;
  auto plan = PlanReturn(view, 3);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->stuck.empty());
  ASSERT_EQ(plan->moves.size(), 3u);
  std::map<int32_t, int> from;
  for (const LeaderMove& move : plan->moves) {
    EXPECT_EQ(move.to, 3);
    EXPECT_EQ(move.order.front(), 3) << "it is preferred from now on";
    ++from[move.partition.leader_id];
  }
  EXPECT_EQ(from, (std::map<int32_t, int>{{1, 2}, {2, 1}}));

  // Only where it is in sync; the others are told of as long as it has less than they.
  for (size_t i = 1; i < 9; ++i) view.partitions[i].isr = {1, 2};
  plan = PlanReturn(view, 3);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->moves.size(), 1u);
  EXPECT_EQ(plan->moves[0].partition.name, "orders-0");
  EXPECT_EQ(plan->stuck.size(), 8u);
  EXPECT_EQ(plan->stuck.front(), "orders-1: node 3 is not in sync (in sync 1,2)");

  view.nodes[3].fenced = true;
  EXPECT_TRUE(absl::IsFailedPrecondition(PlanReturn(view, 3).status()));
}

TEST(LeaderPlanTest, WhoLeadsItsShareGetsNoMore) {
  const auto plan = PlanReturn(Cluster(3, {{1, 2, 3}, {2, 3, 1}, {3, 1, 2}, {1, 2, 3}}), 3);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->moves.empty() && plan->stuck.empty());
}

TEST(LeaderPlanTest, LeadersGoWhereTheyMay) {
  ClusterView view = Cluster(3, {{1, 2}, {2, 3}, {3, 1}, {2, 1}});
  view.partitions[2].isr = {3};
  view.partitions[3].leader_id = 1;
  auto plan = PlanLeaders(view, "orders", {}, 1);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->moves.size(), 1u) << "orders-0 is there already";
  EXPECT_EQ(plan->moves[0].partition.name, "orders-3");
  EXPECT_TRUE(plan->moves[0].reorders()) << "it leads, but is not preferred";
  EXPECT_EQ(plan->stuck, (Names{"orders-1: node 1 has no replica (replicas 2,3)",
                                "orders-2: node 1 is not in sync (in sync 3)"}));
  plan = PlanLeaders(view, "orders", {}, -1);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->moves.size(), 1u);
  EXPECT_EQ(plan->moves[0].to, 2);
  EXPECT_FALSE(plan->moves[0].reorders());
  EXPECT_TRUE(absl::IsNotFound(PlanLeaders(view, "nope", {}, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(PlanLeaders(view, "orders", {4}, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(PlanLeaders(view, "orders", {}, 4).status()));
}

}  // namespace
}  // namespace soliton::cli
