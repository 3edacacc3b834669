// The brain alone: requests in, records and answers out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ControllerConversationTest : public ::testing::Test {
 protected:
  struct Proposal {
    int32_t leader_epoch;
    int32_t partition_epoch;
    std::vector<std::pair<int32_t, int64_t>> isr;  // broker, broker epoch
  };

  ErrorCode AlterPartition(int32_t sender, const Uuid& topic, const Proposal& proposal,
                           int32_t index = 0) {
    pb::ControlRequest request;
    pb::AlterPartitionRequest* body = request.mutable_alter_partition();
    body->set_broker_id(sender);
    body->set_broker_epoch(harness_.EpochOf(sender));
    AddChange(topic, proposal, index, body);
    const pb::ControlResponse response = harness_.Handle(request);
    if (response.error() != 0) return ErrorFromPb(response.error());
    return ErrorFromPb(response.alter_partition().results(0).error());
  }
  static void AddChange(const Uuid& topic, const Proposal& proposal, int32_t index,
                        pb::AlterPartitionRequest* body) {
    pb::IsrChange* change = body->add_changes();
    ToPb(topic, change->mutable_topic_id());
    change->set_partition(index);
    change->set_leader_epoch(proposal.leader_epoch);
    change->set_partition_epoch(proposal.partition_epoch);
    for (const auto& [id, epoch] : proposal.isr) {
      pb::IsrMember* member = change->add_new_isr();
      member->set_broker_id(id);
      member->set_broker_epoch(epoch);
    }
  }
  std::pair<int32_t, int64_t> Member(int32_t id) { return {id, harness_.EpochOf(id)}; }
  bool Usable(int32_t id) { return harness_.image().FindBroker(id)->usable(); }

  CoreHarness harness_;
};

// ---- registration ----

TEST_F(ControllerConversationTest, EpochIsTheOffsetOfTheRegistration) {
  const int64_t epoch = harness_.Register(1);
  EXPECT_EQ(epoch, static_cast<int64_t>(harness_.log().size()) - 1);
  EXPECT_TRUE(harness_.log().back().has_register_broker());
  EXPECT_EQ(harness_.EpochOf(1), epoch);
  EXPECT_FALSE(Usable(1)) << "a broker starts fenced";
}

// S25, KAFKA-16952
TEST_F(ControllerConversationTest, TheSameIncarnationKeepsItsEpoch) {
  const int64_t epoch = harness_.Join(1);
  const size_t records = harness_.log().size();
  EXPECT_EQ(harness_.Register(1), epoch);
  EXPECT_EQ(harness_.log().size(), records);
  EXPECT_TRUE(Usable(1)) << "and stays unfenced";
}

TEST_F(ControllerConversationTest, ANewIncarnationIsRefusedWhileTheOldOneIsConnected) {
  harness_.Join(1);
  const auto refused =
      harness_.Handle(CoreHarness::RegisterRequest(1, 2), CoreHarness::ConnectionOf(1, 2));
  EXPECT_EQ(ErrorFromPb(refused.error()), ErrorCode::DUPLICATE_BROKER_REGISTRATION);
  EXPECT_THAT(refused.error_message(), HasSubstr("host-1:9092"));
  EXPECT_GT(refused.register_broker().session_timeout_ms(), 0);

  harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 1));
  const int64_t old_epoch = harness_.EpochOf(1);
  EXPECT_GT(harness_.Register(1, 2), old_epoch);
  EXPECT_FALSE(Usable(1));
}

TEST_F(ControllerConversationTest, ANewIncarnationReplacesAConnectedOneWhoseSessionRanOut) {
  harness_.Join(1);
  harness_.Advance(seconds(10));
  EXPECT_GT(harness_.Register(1, 2), 0);
}

TEST_F(ControllerConversationTest, RegistrationNeedsAnIdentity) {
  auto request = CoreHarness::RegisterRequest(1, 1);
  request.mutable_register_broker()->set_cluster_id("other");
  EXPECT_EQ(ErrorFromPb(harness_.Handle(request).error()), ErrorCode::INCONSISTENT_CLUSTER_ID);
  for (const auto& spoil : std::vector<std::function<void(pb::RegisterBrokerRequest*)>>{
           [](auto* body) { body->set_broker_id(-1); },
           [](auto* body) { body->clear_incarnation_id(); }, [](auto* body) { body->set_host(""); },
           [](auto* body) { body->set_port(0); }, [](auto* body) { body->set_port(65536); }}) {
    request = CoreHarness::RegisterRequest(1, 1);
    spoil(request.mutable_register_broker());
    EXPECT_EQ(ErrorFromPb(harness_.Handle(request).error()), ErrorCode::INVALID_REGISTRATION);
  }
  EXPECT_THAT(harness_.image().brokers, IsEmpty());
}

// A controller that lost its metadata (and kept its cluster id) does not look like a new cluster to
// brokers that have served it.
TEST_F(ControllerConversationTest, ABrokerThatKnowsOfMoreMetadataIsRefused) {
  const int64_t end = static_cast<int64_t>(harness_.log().size());
  auto response = harness_.Handle(CoreHarness::RegisterRequest(1, 1, end));
  EXPECT_EQ(ErrorFromPb(response.error()), ErrorCode::INVALID_REGISTRATION);
  EXPECT_THAT(response.error_message(), HasSubstr("metadata is missing"));
  EXPECT_THAT(harness_.image().brokers, IsEmpty());
  EXPECT_GE(harness_.Register(1, 1, end - 1), end);
}

// ---- heartbeats and fencing ----

TEST_F(ControllerConversationTest, AStaleBrokerEpochIsRefusedEverywhere) {
  const int64_t old_epoch = harness_.Join(1);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 1));
  harness_.Join(1, 2);
  EXPECT_EQ(ErrorFromPb(harness_.Heartbeat(1, old_epoch, 100).error()),
            ErrorCode::STALE_BROKER_EPOCH);
  pb::ControlRequest request;
  request.mutable_allocate_producer_ids()->set_broker_id(1);
  request.mutable_allocate_producer_ids()->set_broker_epoch(old_epoch);
  EXPECT_EQ(ErrorFromPb(harness_.Handle(request).error()), ErrorCode::STALE_BROKER_EPOCH);
  request.mutable_alter_partition()->set_broker_id(1);
  request.mutable_alter_partition()->set_broker_epoch(old_epoch);
  EXPECT_EQ(ErrorFromPb(harness_.Handle(request).error()), ErrorCode::STALE_BROKER_EPOCH);
  EXPECT_EQ(ErrorFromPb(harness_.Heartbeat(9, 1, 1).error()), ErrorCode::BROKER_ID_NOT_REGISTERED);
}

// S26, KAFKA-13959: caught up to its own registration is enough, however long the log grows
// meanwhile.
TEST_F(ControllerConversationTest, UnfencingNeedsTheOwnRegistrationOnly) {
  const int64_t epoch = harness_.Register(1);
  for (int id = 2; id <= 20; ++id) harness_.Join(id);
  EXPECT_TRUE(harness_.Heartbeat(1, epoch, epoch - 1).heartbeat().fenced());
  EXPECT_TRUE(harness_.Heartbeat(1, epoch, epoch, /*unfence=*/false).heartbeat().fenced());
  EXPECT_FALSE(harness_.Heartbeat(1, epoch, epoch).heartbeat().fenced());
  EXPECT_TRUE(Usable(1));
}

TEST_F(ControllerConversationTest, AnOldConnectionThatClosesLateSaysNothing) {
  const int64_t epoch = harness_.Join(1);
  harness_.Handle(CoreHarness::RegisterRequest(1, 1), 77);  // reconnected
  EXPECT_FALSE(harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 1)).has_value());
  EXPECT_EQ(harness_.core().Disconnected(77), (BrokerIncarnation{1, epoch}));
}

// ---- restarts, clean and unclean (S1, S2) ----

TEST_F(ControllerConversationTest, AnUncleanRestartLeavesIsrAndElr) {
  for (int id = 1; id <= 3; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3}}, 2);
  const Uuid other = harness_.CreateAssigned("u", {{2, 3}}, 2);
  EXPECT_EQ(AlterPartition(2, other, {0, 0, {Member(2)}}), ErrorCode::NONE);
  EXPECT_THAT(harness_.Partition(other).eligible_leaders, ElementsAre(3));
  harness_.core().Disconnected(CoreHarness::ConnectionOf(3, 1));
  harness_.Register(3, 2);
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(1, 2));
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, IsEmpty());
  EXPECT_THAT(harness_.Partition(other).eligible_leaders, IsEmpty());
}

TEST_F(ControllerConversationTest, ACleanRestartStaysEligible) {
  for (int id = 1; id <= 2; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2}}, 2);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 1));
  harness_.Register(2, 2, /*previous_epoch=*/harness_.EpochOf(2));
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(1));
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, ElementsAre(2));
}

// It registers, and dies before it has written its new epoch down; nothing was promised in that
// one.
TEST_F(ControllerConversationTest, ADeathBeforeTheNewEpochWasWrittenDownIsNoLoss) {
  for (int id = 1; id <= 2; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2}}, 2);
  const int64_t written = harness_.EpochOf(2);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 1));
  harness_.Register(2, 2, written);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 2));
  harness_.Register(2, 3, written);
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, ElementsAre(2));
  // One that came back with a new disk in between has nothing to prove any more.
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 3));
  harness_.Register(2, 4, -1);
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, IsEmpty());
}

TEST_F(ControllerConversationTest, AnOlderCleanMarkerIsNotClean) {
  for (int id = 1; id <= 2; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2}}, 2);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 1));
  harness_.Register(2, 2, harness_.EpochOf(2) - 1);
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, IsEmpty());
}

// S1: the last replica standing loses data; another one holds all that was committed, because the
// high watermark stood still below min.insync.replicas.
TEST_F(ControllerConversationTest, TheLastReplicaStandingGivesWayWhenItComesBackUnclean) {
  for (int id = 1; id <= 2; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2}}, 2);
  const auto second = harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 1));
  harness_.Perform(harness_.core().FenceUnreachable(*second));
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(1));
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, ElementsAre(2));
  harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 1));
  harness_.Join(1, 2);
  EXPECT_EQ(harness_.Partition(topic).leader, kNoLeader) << "1 may have lost records, 2 has not";
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(2));
  harness_.Heartbeat(2, harness_.EpochOf(2), 1000);  // the same incarnation, back from a cut
  EXPECT_EQ(harness_.Partition(topic).leader, 2);
}

TEST_F(ControllerConversationTest, ALoneReplicaStaysInTheIsrWhateverHappens) {
  harness_.Join(1);
  harness_.Join(2);
  const Uuid topic = harness_.CreateAssigned("t", {{1}});
  harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 1));
  harness_.Register(1, 2);
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(1));
  EXPECT_EQ(harness_.Partition(topic).leader, kNoLeader);
  EXPECT_EQ(harness_.Partition(topic).last_known_leader, 1);
  harness_.Heartbeat(1, harness_.EpochOf(1), harness_.EpochOf(1), true, false, 2);
  EXPECT_EQ(harness_.Partition(topic).leader, 1);
  EXPECT_EQ(harness_.Partition(topic).leader_epoch, 2);
}

// Everything is killed at once: the one that comes back last keeps the partition.
TEST_F(ControllerConversationTest, AllBrokersRestartUncleanlyOneAfterTheOther) {
  for (int id = 1; id <= 3; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3}}, 2);
  for (int id = 1; id <= 3; ++id) {
    harness_.core().Disconnected(CoreHarness::ConnectionOf(id, 1));
    harness_.Register(id, 2);
  }
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(3));
  for (int id = 1; id <= 3; ++id) {
    harness_.Heartbeat(id, harness_.EpochOf(id), 1000, true, false, 2);
  }
  EXPECT_EQ(harness_.Partition(topic).leader, 3);
}

// S3
TEST_F(ControllerConversationTest, UncleanElectionNeedsToBeAllowedAndIsNamed) {
  for (int id = 1; id <= 2; ++id) harness_.Join(id);
  pb::NewTopic topic;
  topic.set_name("t");
  topic.set_partition_count(-1);
  topic.set_replication_factor(-1);
  for (const int id : {1, 2}) {
    if (id == 1) topic.add_assignments();
    topic.mutable_assignments(0)->add_replicas(id);
  }
  topic.set_name("careful");
  const Uuid careful = FromPb(harness_.Create(topic).topic_id());
  topic.set_name("careless");
  AddSetting("unclean.leader.election.enable", "true", &topic);
  const Uuid careless = FromPb(harness_.Create(topic).topic_id());
  for (const Uuid& id : {careful, careless}) {
    EXPECT_EQ(AlterPartition(1, id, {0, 0, {Member(1)}}), ErrorCode::NONE);
  }
  const auto gone = harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 1));
  harness_.Perform(harness_.core().FenceUnreachable(*gone));
  EXPECT_EQ(harness_.Partition(careful).leader, kNoLeader);
  EXPECT_EQ(harness_.Partition(careless).leader, 2);
  EXPECT_EQ(harness_.last().leader_changes.size(), 2u);
  const auto unclean = std::count_if(
      harness_.last().leader_changes.begin(), harness_.last().leader_changes.end(),
      [](const LeaderChange& change) { return change.election == ElectionKind::kUnclean; });
  EXPECT_EQ(unclean, 1);
}

// ---- AlterPartition ----

TEST_F(ControllerConversationTest, AlterPartitionChecksEpochsAndSender) {
  for (int id = 1; id <= 3; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3}});
  const auto alter = [&](int32_t sender, const Proposal& proposal) {
    return AlterPartition(sender, topic, proposal);
  };
  EXPECT_EQ(alter(1, {0, 0, {Member(1), Member(2)}}), ErrorCode::NONE);
  EXPECT_EQ(alter(1, {0, 0, {Member(1), Member(2), Member(3)}}), ErrorCode::INVALID_UPDATE_VERSION);
  EXPECT_EQ(alter(1, {0, 2, {Member(1)}}), ErrorCode::NOT_CONTROLLER);
  EXPECT_EQ(alter(1, {1, 1, {Member(1)}}), ErrorCode::NOT_CONTROLLER);
  EXPECT_EQ(alter(2, {0, 1, {Member(2)}}), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(alter(1, {0, 1, {Member(2)}}), ErrorCode::INVALID_REQUEST) << "without the leader";
  EXPECT_EQ(alter(1, {0, 1, {}}), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(alter(1, {0, 1, {Member(1), Member(1)}}), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(alter(1, {0, 1, {Member(1), {9, 1}}}), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(AlterPartition(1, Uuid{1, 1}, {0, 0, {Member(1)}}), ErrorCode::UNKNOWN_TOPIC_ID);
  EXPECT_EQ(AlterPartition(1, topic, {0, 0, {Member(1)}}, 7),
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(AlterPartition(1, topic, {0, 0, {Member(1)}}, -1),
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  // A deposed leader.
  const auto gone = harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 1));
  harness_.Perform(harness_.core().FenceUnreachable(*gone));
  EXPECT_EQ(harness_.Partition(topic).leader, 2);
  EXPECT_EQ(alter(1, {0, 1, {Member(1), Member(2)}}), ErrorCode::FENCED_LEADER_EPOCH);
}

// S2, S16: KIP-841, KIP-903
TEST_F(ControllerConversationTest, IneligibleReplicasMayNotJoinTheIsr) {
  for (int id = 1; id <= 3; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3}});
  const int64_t old_epoch = harness_.EpochOf(3);
  EXPECT_EQ(AlterPartition(1, topic, {0, 0, {Member(1), Member(2)}}), ErrorCode::NONE);
  // Restarted: the leader still knows the epoch before, with a fetch offset that is not true any
  // more.
  harness_.core().Disconnected(CoreHarness::ConnectionOf(3, 1));
  harness_.Register(3, 2);
  EXPECT_EQ(AlterPartition(1, topic, {0, 1, {Member(1), Member(2), Member(3)}}),
            ErrorCode::INELIGIBLE_REPLICA)
      << "fenced";
  harness_.Heartbeat(3, harness_.EpochOf(3), 1000, true, false, 2);
  EXPECT_EQ(AlterPartition(1, topic, {0, 1, {Member(1), Member(2), {3, old_epoch}}}),
            ErrorCode::INELIGIBLE_REPLICA)
      << "another incarnation";
  EXPECT_EQ(AlterPartition(1, topic, {0, 1, {Member(1), Member(2), {3, -1}}}),
            ErrorCode::INELIGIBLE_REPLICA);
  EXPECT_EQ(AlterPartition(1, topic, {0, 1, {Member(1), Member(2), Member(3)}}), ErrorCode::NONE);
  // Shutting down.
  EXPECT_EQ(AlterPartition(1, topic, {0, 2, {Member(1), Member(2)}}), ErrorCode::NONE);
  harness_.Heartbeat(3, harness_.EpochOf(3), 1000, false, true, 2);
  EXPECT_EQ(AlterPartition(1, topic, {0, 3, {Member(1), Member(2), Member(3)}}),
            ErrorCode::INELIGIBLE_REPLICA);
}

TEST_F(ControllerConversationTest, ASecondChangeOfTheSamePartitionInOneRequestIsRefused) {
  for (int id = 1; id <= 3; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3}, {1, 2, 3}});
  pb::ControlRequest request;
  pb::AlterPartitionRequest* body = request.mutable_alter_partition();
  body->set_broker_id(1);
  body->set_broker_epoch(harness_.EpochOf(1));
  AddChange(topic, {0, 0, {Member(1), Member(2)}}, 0, body);
  AddChange(topic, {0, 0, {Member(1)}}, 1, body);
  AddChange(topic, {0, 0, {Member(1), Member(3)}}, 0, body);
  const auto response = harness_.Handle(request).alter_partition();
  EXPECT_EQ(response.results(0).error(), 0);
  EXPECT_EQ(response.results(1).error(), 0);
  EXPECT_EQ(ErrorFromPb(response.results(2).error()), ErrorCode::INVALID_REQUEST);
  EXPECT_THAT(harness_.Partition(topic, 0).isr, ElementsAre(1, 2));
  EXPECT_THAT(harness_.Partition(topic, 1).isr, ElementsAre(1));
  EXPECT_EQ(FromPb(response.results(0).state()), harness_.Partition(topic, 0));
}

// S14: an answer to the old topic never touches the new one of the same name.
TEST_F(ControllerConversationTest, AChangeForADeletedTopicDoesNotTouchItsSuccessor) {
  for (int id = 1; id <= 2; ++id) harness_.Join(id);
  const Uuid old_topic = harness_.CreateAssigned("t", {{1, 2}});
  pb::ControlRequest remove;
  remove.mutable_delete_topics()->add_topics()->set_name("t");
  harness_.Handle(remove);
  const Uuid new_topic = harness_.CreateAssigned("t", {{1, 2}});
  EXPECT_EQ(AlterPartition(1, old_topic, {0, 0, {Member(1)}}), ErrorCode::UNKNOWN_TOPIC_ID);
  EXPECT_THAT(harness_.Partition(new_topic).isr, ElementsAre(1, 2));
  // Fencing after the deletion finds the new one only.
  const auto gone = harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 1));
  harness_.Perform(harness_.core().FenceUnreachable(*gone));
  EXPECT_EQ(harness_.Partition(new_topic).leader, 2);
}

// ---- producer ids ----

TEST_F(ControllerConversationTest, ProducerIdBlocksAreHandedOutOnce) {
  const int64_t epoch = harness_.Join(1);
  pb::ControlRequest request;
  request.mutable_allocate_producer_ids()->set_broker_id(1);
  request.mutable_allocate_producer_ids()->set_broker_epoch(epoch);
  EXPECT_EQ(harness_.Handle(request).allocate_producer_ids().first(), 0);
  EXPECT_EQ(harness_.Handle(request).allocate_producer_ids().first(), 1000);
  EXPECT_EQ(harness_.image().next_producer_id, 2000);
}

TEST_F(ControllerConversationTest, UnknownRequestsAreAnswered) {
  pb::ControlRequest request;
  request.set_correlation_id(42);
  const auto response = harness_.Handle(request);
  EXPECT_EQ(ErrorFromPb(response.error()), ErrorCode::UNSUPPORTED_VERSION);
  EXPECT_EQ(response.correlation_id(), 42u);
}

}  // namespace
}  // namespace soliton::controller
