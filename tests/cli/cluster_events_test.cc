#include "cli/cluster_events.h"

#include <gtest/gtest.h>

namespace soliton::cli {
namespace {

using Lines = std::vector<std::string>;

ClusterView Cluster() {
  ClusterView view;
  for (int32_t id = 1; id <= 3; ++id) {
    view.nodes[id].broker = true;
    view.nodes[id].address = "h:" + std::to_string(9000 + id);
  }
  view.quorum = QuorumView{1, 5, 10, {}};
  for (int32_t index = 0; index < 4; ++index) {
    PartitionView& partition = view.partitions.emplace_back();
    partition.topic = "orders";
    partition.index = index;
    partition.name = "orders-" + std::to_string(index);
    partition.replicas = partition.isr = {1, 2, 3};
    partition.leader_id = index % 2 + 1;
    partition.leader_epoch = 0;
  }
  return view;
}

Lines Seen(const ClusterView& before, const ClusterView& after) {
  Lines lines;
  for (const ClusterEvent& each : EventsBetween(before, after)) {
    lines.push_back(each.kind + " | " + each.where + " | " + each.what);
  }
  return lines;
}

TEST(ClusterEventsTest, NothingHappened) {
  ClusterView after = Cluster();
  EXPECT_EQ(Seen(Cluster(), after), Lines{});
  std::swap(after.partitions[0].isr[0], after.partitions[0].isr[2]);
  after.quorum->high_watermark = 99;
  EXPECT_EQ(Seen(Cluster(), after), Lines{}) << "who is in sync has no order";
}

TEST(ClusterEventsTest, ABrokerThatLedAndVotedDies) {
  ClusterView after = Cluster();
  after.nodes[1].fenced = true;
  after.quorum = QuorumView{2, 6, 10, {}};
  for (PartitionView& each : after.partitions) {
    each.isr = {3, 2};
    if (each.leader_id != 1) continue;
    each.leader_id = each.index == 0 ? 2 : 3;
    each.leader_epoch = 1;
  }
  EXPECT_EQ(Seen(Cluster(), after),
            (Lines{"quorum-leader | quorum | leader 1 -> 2, epoch 6",
                   "node-fenced | node 1 | the controller hears nothing from it",
                   "leader | orders-0 | leader 1 -> 2", "leader | orders-2 | leader 1 -> 3",
                   "in-sync | orders-0, orders-1, orders-2, orders-3 | in sync 1,2,3 -> 2,3"}));
  const std::vector<ClusterEvent> back = EventsBetween(after, Cluster());
  ASSERT_GE(back.size(), 2u);
  EXPECT_EQ(back[1].kind, "node-unfenced");
  EXPECT_EQ(back[1].node, 1);
}

TEST(ClusterEventsTest, NodesAndTopicsComeAndGo) {
  ClusterView after = Cluster();
  after.nodes.erase(2);
  after.nodes[4].broker = true;
  after.nodes[4].address = "h:9004";
  for (PartitionView& each : after.partitions) each.topic = "new", each.name = "new-" + each.name;
  EXPECT_EQ(Seen(Cluster(), after),
            (Lines{"node-gone | node 2 | h:9002", "node-joined | node 4 | h:9004",
                   "topic-created | new | ", "topic-deleted | orders | ",
                   "leader | new-orders-0, new-orders-2 | leader none -> 1",
                   "leader | new-orders-1, new-orders-3 | leader none -> 2"}));
}

TEST(ClusterEventsTest, LeadersThatAreLostOrCameBackMeanwhile) {
  ClusterView after = Cluster();
  after.partitions[0].leader_id = -1;
  after.partitions[1].leader_epoch = 2;
  after.partitions[2].replicas = {3, 1, 2};
  EXPECT_EQ(Seen(Cluster(), after), (Lines{"no-leader | orders-0 | leader 1 -> none",
                                           "leader | orders-1 | leader 2 in a new epoch",
                                           "replicas | orders-2 | replicas 1,2,3 -> 3,1,2"}));
}

TEST(ClusterEventsTest, WhoLedWithoutBeingInSyncIsToldOnce) {
  ClusterView before = Cluster();
  before.partitions[0].leader_id = before.partitions[1].leader_id = -1;
  ClusterView after = Cluster();
  for (const size_t index : {0u, 1u}) {
    after.partitions[index].leader_id = 3;
    after.partitions[index].leader_epoch = 4;
  }
  after.partitions[0].unclean_epoch = 4;
  EXPECT_EQ(Seen(before, after),
            (Lines{"leader | orders-1 | leader none -> 3",
                   "unclean-leader | orders-0 | leader none -> 3 was NOT in sync: acknowledged "
                   "records may be lost"}));
  ClusterView later = after;
  later.partitions[0].leader_id = 1;
  later.partitions[0].leader_epoch = 5;
  EXPECT_EQ(Seen(after, later), (Lines{"leader | orders-0 | leader 3 -> 1"}));
  EXPECT_EQ(after.elected_uncleanly(), (Lines{"orders-0"}));
}

TEST(ClusterEventsTest, AQuorumThatFallsSilent) {
  ClusterView silent = Cluster();
  silent.quorum = absl::DeadlineExceededError("no answer in time");
  EXPECT_EQ(Seen(Cluster(), silent), (Lines{"quorum-silent | quorum | no answer in time"}));
  EXPECT_EQ(Seen(silent, silent), Lines{}) << "said once";
  EXPECT_EQ(Seen(silent, Cluster()), (Lines{"quorum-leader | quorum | leader none -> 1, epoch 5"}));
}

}  // namespace
}  // namespace soliton::cli
