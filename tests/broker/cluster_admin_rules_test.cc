// Quorum, leaders, replicas and brokers, through the requests of admin clients.
#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/describe_quorum.h"
#include "protocol/messages/elect_leaders.h"
#include "protocol/messages/list_partition_reassignments.h"
#include "protocol/messages/unregister_broker.h"
#include "runtime/obs/logging.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using Ids = std::vector<int32_t>;

class ClusterAdminRulesTest : public BrokerClusterTest {
 protected:
  static kafka::DescribeQuorumRequest QuorumOf(const std::string& topic, int32_t partition) {
    kafka::DescribeQuorumRequest request;
    auto& asked = request.topics.emplace_back();
    asked.topic_name = topic;
    asked.partitions.emplace_back().partition_index = partition;
    return request;
  }
  ErrorCode Move(const std::string& topic, std::optional<Ids> replicas, int via = 1) {
    kafka::AlterPartitionReassignmentsRequest request;
    auto& asked = request.topics.emplace_back();
    asked.name = topic;
    asked.partitions.emplace_back().replicas = std::move(replicas);
    auto response = Call(via, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->responses.at(0).partitions.at(0).error_code;
  }
  std::vector<kafka::ListPartitionReassignmentsResponse::OngoingTopicReassignment> Moves(
      int via = 1) {
    auto response = Call(via, kafka::ListPartitionReassignmentsRequest());
    EXPECT_TRUE(response.ok()) << response.status();
    return response->topics;
  }
  Ids ReplicasOf(const std::string& topic, int via = 1) {
    return Describe(via, topic).partitions.at(0).replica_nodes;
  }
  Ids SortedIsrOf(const std::string& topic, int via = 1) {
    Ids isr = Describe(via, topic).partitions.at(0).isr_nodes;
    std::sort(isr.begin(), isr.end());
    return isr;
  }
  bool Eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 100; ++i) {
      if (holds()) return true;
      world_.RunFor(milliseconds(100));
    }
    return false;
  }
  ErrorCode Elect(int8_t type, const std::string& topic, int16_t version = 2) {
    kafka::ElectLeadersRequest request;
    request.election_type = type;
    auto& asked = request.topic_partitions.emplace().emplace_back();
    asked.topic = topic;
    asked.partitions = {0};
    auto response = Call(1, request, version);
    EXPECT_TRUE(response.ok()) << response.status();
    if (response->replica_election_results.empty()) return response->error_code;
    return response->replica_election_results[0].partition_result.at(0).error_code;
  }
};

TEST_F(ClusterAdminRulesTest, DescribeQuorum) {
  Start(3);
  for (int16_t version = 0; version <= 2; ++version) {
    auto response = Call(2, QuorumOf("__cluster_metadata", 0), version);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->error_code, ErrorCode::NONE);
    const auto& partition = response->topics.at(0).partitions.at(0);
    EXPECT_EQ(partition.leader_id, 100);
    EXPECT_GE(partition.leader_epoch, 1);
    ASSERT_EQ(partition.current_voters.size(), 1u);
    EXPECT_EQ(partition.current_voters[0].replica_id, 100);
    EXPECT_EQ(partition.current_voters[0].log_end_offset, partition.high_watermark);
    EXPECT_EQ(partition.current_voters[0].replica_directory_id.is_zero(), version < 2);
    ASSERT_EQ(partition.observers.size(), 3u);
    EXPECT_EQ(partition.observers[2].replica_id, 3);
    EXPECT_GT(partition.observers[2].log_end_offset, 0);
  }
  for (const auto& [topic, index] :
       std::map<std::string, int>{{"t", 0}, {"__cluster_metadata", 1}}) {
    auto response = Call(1, QuorumOf(topic, index));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->topics.at(0).partitions.at(0).error_code,
              ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  }
}

TEST_F(ClusterAdminRulesTest, AReassignmentMovesTheRecordsAndThenTheFolders) {
  Start(4);
  const Uuid topic = CreateTopic("t", 1, 3);
  const Ids before = ReplicasOf("t");
  int64_t offset = -1;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(Produce(before[0], topic, 0, fmt::format("v{}", i), &offset), ErrorCode::NONE);
  }
  Ids after;
  for (int id = 4; id >= 1; --id) {
    if (id != before[0]) after.push_back(id);
  }
  ASSERT_EQ(Move("t", after, 2), ErrorCode::NONE);
  ASSERT_TRUE(Eventually([&] { return Moves().empty(); }));
  EXPECT_EQ(ReplicasOf("t"), after);
  Ids sorted = after;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(SortedIsrOf("t"), sorted);
  const int32_t leader = LeaderOf("t");
  EXPECT_NE(leader, before[0]) << "it holds the partition no more";
  EXPECT_TRUE(Eventually([&] { return !Replica(before[0], "t").has_value(); }));
  EXPECT_EQ(Produce(before[0], topic, 0, "lost"), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  ASSERT_EQ(Produce(leader, topic, 0, "one more", &offset), ErrorCode::NONE);
  EXPECT_EQ(offset, 20) << "nothing was lost on the way";
  for (const int32_t id : after) {
    EXPECT_TRUE(Eventually([&] {
      const auto replica = Replica(id, "t");
      return replica && replica->high_watermark == 21 && replica->log_end_offset == 21;
    })) << id;
  }
}

TEST_F(ClusterAdminRulesTest, AReplicaComesBackToABrokerThatItLeft) {
  Start(4);
  const Uuid topic = CreateTopic("t", 1, 3);
  const Ids home = ReplicasOf("t");
  const int32_t other = 10 - home[0] - home[1] - home[2];
  int64_t offset = -1;
  for (int round = 0; round < 6; ++round) {
    const Ids aim = round % 2 == 0 ? Ids{home[0], home[1], other} : home;
    ASSERT_EQ(Move("t", aim), ErrorCode::NONE);
    ASSERT_EQ(Produce(LeaderOf("t"), topic, 0, "x", &offset), ErrorCode::NONE);
    ASSERT_TRUE(Eventually([&] { return Moves().empty() && ReplicasOf("t") == aim; })) << round;
  }
  EXPECT_EQ(offset, 5);
  EXPECT_TRUE(Eventually([&] {
    const auto replica = Replica(home[2], "t");
    return replica && replica->high_watermark == 6;
  }));
}

TEST_F(ClusterAdminRulesTest, WhatAReplicaHadBeforeItLeftIsNoLossWhenItComesBack) {
  Start(4);
  const Uuid topic = CreateTopic("t", 1, 3);
  const Ids home = ReplicasOf("t");
  const int32_t other = 10 - home[0] - home[1] - home[2];
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Produce(home[0], topic, 0, "x"), ErrorCode::NONE);
  Ids everybody = home;
  std::sort(everybody.begin(), everybody.end());
  // Its next process knows from a checkpoint which records were committed here.
  StopCleanly(home[2]);
  RestartAndServe(home[2]);
  ASSERT_TRUE(Eventually([&] { return SortedIsrOf("t", home[0]) == everybody; }));
  std::vector<std::string> losses;
  SetLogSink([&](LogLevel, std::string_view line) {
    if (line.find("LOSS") != std::string_view::npos) losses.emplace_back(line);
  });
  for (const Ids& aim : {Ids{home[0], home[1], other}, home}) {
    EXPECT_EQ(Move("t", aim, home[0]), ErrorCode::NONE);
    EXPECT_TRUE(Eventually([&] { return Moves(home[0]).empty(); }));
  }
  SetLogSink(nullptr);
  EXPECT_EQ(losses, std::vector<std::string>());
  EXPECT_EQ(SortedIsrOf("t", home[0]), everybody);
}

TEST_F(ClusterAdminRulesTest, AReassignmentThatCannotEndIsListedAndTakenBack) {
  Start(4);
  CreateTopic("t", 1, 3);
  const Ids before = ReplicasOf("t");
  const int32_t other = 10 - before[0] - before[1] - before[2];
  node(other).Crash();
  const Ids aim = {before[1], other};
  ASSERT_EQ(Move("t", aim, before[0]), ErrorCode::NONE);
  auto moves = Moves(before[0]);
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].name, "t");
  const auto& partition = moves[0].partitions.at(0);
  EXPECT_EQ(partition.replicas, (Ids{before[1], other, before[0], before[2]}));
  EXPECT_EQ(partition.adding_replicas, Ids{other});
  EXPECT_EQ(partition.removing_replicas, (Ids{before[0], before[2]}));
  kafka::ListPartitionReassignmentsRequest named;
  auto& asked = named.topics.emplace().emplace_back();
  asked.name = "t";
  asked.partition_indexes = {0, 7, -1};
  EXPECT_EQ(Call(before[0], named)->topics.at(0).partitions.size(), 1u);
  asked.name = "nowhere";
  EXPECT_TRUE(Call(before[0], named)->topics.empty());

  ASSERT_EQ(Move("t", std::nullopt, before[0]), ErrorCode::NONE);
  EXPECT_TRUE(Moves(before[0]).empty());
  EXPECT_EQ(Move("t", std::nullopt, before[0]), ErrorCode::NO_REASSIGNMENT_IN_PROGRESS);
}

TEST_F(ClusterAdminRulesTest, MoreReplicasLeaveATopicWritable) {
  Start(3);
  const Uuid topic = CreateTopic("t", 1, 1, {{"min.insync.replicas", "2"}});
  const int32_t leader = LeaderOf("t");
  ASSERT_EQ(Produce(leader, topic, 0, "a"), ErrorCode::NONE);
  const int32_t down = leader % 3 + 1;
  const int32_t up = down % 3 + 1;
  node(down).Crash();
  ASSERT_EQ(Move("t", Ids{leader, down, up}, leader), ErrorCode::NONE);
  EXPECT_EQ(Produce(leader, topic, 0, "b"), ErrorCode::NONE) << "one replica was promised so far";
  node(down).Restart();
  ASSERT_TRUE(Eventually([&] { return Moves(leader).empty(); }));
  EXPECT_EQ(Produce(leader, topic, 0, "c"), ErrorCode::NONE);
}

TEST_F(ClusterAdminRulesTest, ElectLeaders) {
  Start(3);
  CreateTopic("t", 1, 3);
  const int32_t preferred = LeaderOf("t");
  EXPECT_EQ(Elect(0, "t"), ErrorCode::ELECTION_NOT_NEEDED);
  EXPECT_EQ(Elect(0, "nowhere"), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(Elect(9, "t"), ErrorCode::INVALID_REQUEST);
  StopCleanly(preferred);
  const int via = preferred % 3 + 1;
  ASSERT_TRUE(Eventually([&] { return LeaderOf("t", via) != preferred; }));
  RestartAndServe(preferred);
  ASSERT_TRUE(Eventually([&] { return SortedIsrOf("t", via) == (Ids{1, 2, 3}); }));
  EXPECT_NE(LeaderOf("t", via), preferred);
  EXPECT_EQ(Elect(7, "t", 0), ErrorCode::NONE) << "version 0 says no type: preferred";
  EXPECT_TRUE(Eventually([&] { return LeaderOf("t", via) == preferred; }));
  EXPECT_EQ(SortedIsrOf("t", via), (Ids{1, 2, 3}));
}

TEST_F(ClusterAdminRulesTest, LeadershipsGoBackByThemselves) {
  Start(3);
  CreateTopic("t", 1, 3);
  const int32_t preferred = LeaderOf("t");
  StopCleanly(preferred);
  const int via = preferred % 3 + 1;
  ASSERT_TRUE(Eventually([&] { return LeaderOf("t", via) != preferred; }));
  RestartAndServe(preferred);
  world_.RunFor(seconds(310));
  EXPECT_EQ(LeaderOf("t", via), preferred);
}

TEST_F(ClusterAdminRulesTest, UnregisterBroker) {
  Start(3);
  kafka::UnregisterBrokerRequest request;
  request.broker_id = 3;
  auto refused = Call(1, request);
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->error_code, ErrorCode::INVALID_REQUEST);
  EXPECT_NE(refused->error_message->find("stop it first"), std::string::npos);
  StopCleanly(3);
  EXPECT_TRUE(Eventually([&] { return Call(1, request)->error_code == ErrorCode::NONE; }));
  EXPECT_EQ(Call(1, request)->error_code, ErrorCode::BROKER_ID_NOT_REGISTERED);
  RestartAndServe(3);
}

TEST_F(ClusterAdminRulesTest, WithoutAControllerClientsAreToldToTryAgain) {
  Start(3);
  CreateTopic("t", 1, 3);
  controller_.Crash();
  world_.RunFor(seconds(1));
  EXPECT_EQ(Move("t", Ids{1, 2}), ErrorCode::NOT_CONTROLLER);
  EXPECT_EQ(Elect(0, "t"), ErrorCode::NOT_CONTROLLER);
  EXPECT_EQ(Call(1, QuorumOf("__cluster_metadata", 0))->error_code, ErrorCode::NOT_CONTROLLER);
  EXPECT_EQ(Call(1, kafka::UnregisterBrokerRequest())->error_code, ErrorCode::NOT_CONTROLLER);
}

}  // namespace
}  // namespace soliton::broker
