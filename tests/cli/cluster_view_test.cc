// What is judged of a cluster, from answers as brokers give them.
#include "cli/cluster_view.h"

#include <gtest/gtest.h>

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

kafka::DescribeClusterResponse ThreeBrokers() {
  kafka::DescribeClusterResponse response;
  response.cluster_id = "c";
  for (int32_t id = 1; id <= 3; ++id) {
    auto& broker = response.brokers.emplace_back();
    broker.broker_id = id;
    broker.host = "h";
    broker.port = 9000 + id;
  }
  return response;
}

struct Partition {
  int32_t leader;
  std::vector<int32_t> isr;
};

kafka::MetadataResponse Orders(const std::vector<Partition>& partitions) {
  kafka::MetadataResponse response;
  auto& topic = response.topics.emplace_back();
  topic.name = "orders";
  for (size_t i = 0; i < partitions.size(); ++i) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = static_cast<int32_t>(i);
    partition.leader_id = partitions[i].leader;
    partition.replica_nodes = {1, 2, 3};
    partition.isr_nodes = {partitions[i].isr.begin(), partitions[i].isr.end()};
  }
  return response;
}

// Leader 1 at entry 100, asked at 1,000,000 ms.
kafka::DescribeQuorumResponse Quorum() {
  kafka::DescribeQuorumResponse response;
  auto& topic = response.topics.emplace_back();
  topic.topic_name = "__cluster_metadata";
  auto& partition = topic.partitions.emplace_back();
  partition.leader_id = 1;
  partition.leader_epoch = 7;
  partition.high_watermark = 99;
  for (const int32_t id : {3, 1, 2}) {
    auto& voter = partition.current_voters.emplace_back();
    voter.replica_id = id;
    voter.log_end_offset = 100;
    voter.last_fetch_timestamp = voter.last_caught_up_timestamp = id == 1 ? 1'000'000 : 999'900;
  }
  return response;
}

std::vector<std::string> Found(const ClusterView& view) {
  std::vector<std::string> lines;
  for (const Problem& each : FindProblems(view)) {
    lines.push_back(each.check + " | " + each.where + " | " + each.what);
  }
  return lines;
}

using Lines = std::vector<std::string>;
const std::vector<Partition> kAllWell = {{1, {1, 2, 3}}, {2, {2, 3, 1}}};

TEST(ClusterViewTest, AllIsWell) {
  const ClusterView view = MakeClusterView(ThreeBrokers(), Orders(kAllWell), Quorum(), {});
  EXPECT_EQ(Found(view), Lines{});
  EXPECT_EQ(view.nodes.at(1).leads, 1);
  EXPECT_EQ(view.nodes.at(3).leads, 0);
  EXPECT_EQ(view.nodes.at(3).replicas, 2);
  EXPECT_TRUE(view.nodes.at(1).leads_quorum);
  EXPECT_TRUE(view.nodes.at(2).voter);
  EXPECT_EQ(view.nodes.at(2).address, "h:9002");
  ASSERT_TRUE(view.quorum.ok());
  EXPECT_EQ(view.quorum->following(), 3);
}

TEST(ClusterViewTest, AKilledBrokerIsNamedWithWhatItLacks) {
  kafka::DescribeClusterResponse brokers = ThreeBrokers();
  brokers.brokers[1].is_fenced = true;
  const ClusterView view = MakeClusterView(brokers, Orders({{1, {1, 3}}, {-1, {2}}}), Quorum(), {});
  EXPECT_EQ(Found(view),
            (Lines{"node-fenced | node 2 | registered at h:9002, but the controller hears nothing "
                   "from it: it is stopped or cut off",
                   "no-leader | orders-1 | no leader; replicas 1,2,3, in sync 2, node 2 is fenced",
                   "not-in-sync | node 1 | not in sync on 1 of its 2 partitions: orders-1",
                   "not-in-sync | node 2 | not in sync on 1 of its 2 partitions: orders-0",
                   "not-in-sync | node 3 | not in sync on 1 of its 2 partitions: orders-1"}));
}

TEST(ClusterViewTest, LeaderlessForTheSameReasonIsOneProblem) {
  const ClusterView view =
      MakeClusterView(ThreeBrokers(), Orders({{-1, {1}}, {-1, {2}}, {-1, {1}}}), Quorum(), {});
  const std::vector<Problem> problems = FindProblems(view);
  ASSERT_GE(problems.size(), 2u);
  EXPECT_EQ(problems[0].where, "orders-0, orders-2");
  EXPECT_EQ(problems[0].partitions, (Lines{"orders-0", "orders-2"}));
  EXPECT_EQ(problems[1].where, "orders-1");
}

TEST(ClusterViewTest, ABrokerThatIsNotThereAtAll) {
  // Brokers before Kafka 4.0 do not tell of fenced ones.
  kafka::DescribeClusterResponse brokers = ThreeBrokers();
  brokers.brokers.pop_back();
  const ClusterView view =
      MakeClusterView(brokers, Orders({{1, {1, 2}}}), absl::UnimplementedError("no API 55"), {});
  EXPECT_EQ(Found(view), (Lines{"node-unknown | node 3 | 1 partitions have a replica on it, but no "
                                "such broker is alive",
                                "not-in-sync | node 3 | not in sync on 1 of its 1 partitions: "
                                "orders-0"}));
}

TEST(ClusterViewTest, ABrokerThatOnlyThisClientCannotReach) {
  const ClusterView view =
      MakeClusterView(ThreeBrokers(), Orders(kAllWell), Quorum(), {{3, "Connection refused"}});
  EXPECT_EQ(Found(view),
            (Lines{"node-unreachable | node 3 | cannot be reached from here at h:9003: "
                   "Connection refused"}));
}

TEST(ClusterViewTest, VotersThatDoNotFollow) {
  kafka::DescribeQuorumResponse quorum = Quorum();
  auto& voters = quorum.topics[0].partitions[0].current_voters;
  voters[0].last_fetch_timestamp = 995'000;  // node 3
  voters[0].log_end_offset = 60;
  voters[2].log_end_offset = -1;  // node 2
  ClusterView view = MakeClusterView(ThreeBrokers(), Orders(kAllWell), quorum, {});
  EXPECT_EQ(Found(view),
            (Lines{"voter-behind | node 2 | voter of the metadata quorum has not fetched from this "
                   "leader yet",
                   "voter-behind | node 3 | voter of the metadata quorum has not fetched for 5s, "
                   "40 entries behind"}));
  EXPECT_EQ(view.quorum->following(), 1);

  // It fetches, but gets nowhere.
  voters[0].last_fetch_timestamp = 999'900;
  voters[0].last_caught_up_timestamp = 970'000;
  voters[2].log_end_offset = 100;
  view = MakeClusterView(ThreeBrokers(), Orders(kAllWell), quorum, {});
  EXPECT_EQ(Found(view), (Lines{"voter-behind | node 3 | voter of the metadata quorum 40 entries "
                                "behind for 30s"}));
}

TEST(ClusterViewTest, AQuorumWithoutALeaderOrAnAnswer) {
  kafka::DescribeQuorumResponse quorum = Quorum();
  quorum.topics[0].partitions[0].leader_id = -1;
  const auto first = [&](const absl::StatusOr<kafka::DescribeQuorumResponse>& response) {
    const Lines lines = Found(MakeClusterView(ThreeBrokers(), Orders(kAllWell), response, {}));
    return lines.empty() ? "" : lines[0];
  };
  EXPECT_EQ(first(quorum),
            "no-quorum-leader | quorum | the metadata quorum has no leader in epoch 7: a majority "
            "of its 3 voters must run and reach each other");
  EXPECT_EQ(first(absl::DeadlineExceededError("no answer from h:9001 in time")),
            "quorum-unknown | quorum | no quorum leader has answered: no answer from h:9001 in "
            "time");
  quorum.error_code = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
  EXPECT_EQ(first(quorum),
            "quorum-unknown | quorum | no quorum leader has answered: CLUSTER_AUTHORIZATION_FAILED "
            "(31)");
  // Not judged: nothing is known, and the broker is not to blame for its age.
  EXPECT_EQ(first(absl::UnimplementedError("no API 55")), "");
}

TEST(ClusterViewTest, AgesAreByTheLeadersClock) {
  kafka::DescribeQuorumResponse quorum = Quorum();
  // Version 0 of the answer has no times: nothing is said of ages, nobody is in trouble.
  for (auto& voter : quorum.topics[0].partitions[0].current_voters) {
    voter.last_fetch_timestamp = voter.last_caught_up_timestamp = -1;
  }
  absl::StatusOr<QuorumView> view = MakeQuorumView(quorum);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->members[1].fetched_ago_ms, std::nullopt);
  EXPECT_EQ(view->following(), 3);
  view = MakeQuorumView(Quorum());
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->members[0].node_id, 1) << "by id";
  EXPECT_EQ(view->members[1].fetched_ago_ms, 100);
}

TEST(ClusterViewTest, PartitionsThatRefuseWritesAreNamedApart) {
  const std::vector<Partition> partitions = {{1, {1}}, {2, {2, 3}}, {1, {1}}, {-1, {3}}};
  ClusterView view =
      MakeClusterView(ThreeBrokers(), Orders(partitions), Quorum(), {}, {{{"orders", 2}}, {}});
  EXPECT_EQ(view.below_min_isr(), 2);
  const std::vector<Problem> problems = FindProblems(view);
  ASSERT_GE(problems.size(), 2u);
  EXPECT_EQ(problems[0].check, "no-leader") << "whoever cannot be written at all is named first";
  EXPECT_EQ(problems[1].check, "below-min-isr");
  EXPECT_EQ(problems[1].partitions, (Lines{"orders-0", "orders-2"}));
  EXPECT_EQ(problems[1].what,
            "1 of 3 replicas in sync and min.insync.replicas is 2: writes with acks=all are "
            "refused");
  // More than there are to be replicas are not asked for, and who only comes does not count.
  view = MakeClusterView(ThreeBrokers(), Orders({{1, {1}}, {2, {2}}}), Quorum(), {},
                         {{{"orders", 5}}, {{"orders-1", 2}}});
  EXPECT_EQ(view.partitions[0].min_isr, 3);
  EXPECT_EQ(view.partitions[1].min_isr, 1);
  EXPECT_EQ(view.below_min_isr(), 1);
  // Where it is not known nothing is said of it.
  view = MakeClusterView(ThreeBrokers(), Orders(partitions), Quorum(), {}, {{{"other", 2}}, {}});
  EXPECT_EQ(view.below_min_isr(), 0);
  for (const Problem& each : FindProblems(view)) EXPECT_NE(each.check, "below-min-isr");
}

TEST(ClusterViewTest, LongListsAreCut) {
  EXPECT_EQ(FirstOf({"a", "b", "c"}, 2), "a, b, c") << "'and 1 more' would be no shorter";
  EXPECT_EQ(FirstOf({"a", "b", "c", "d"}, 2), "a, b and 2 more");
}

}  // namespace
}  // namespace soliton::cli
