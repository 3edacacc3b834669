// Clients that cannot read in a refusal who leads now, at a broker that led until a moment ago.
#include "broker/replication/produce_relay.h"

#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/elect_leaders.h"
#include "tests/broker/broker_lifecycle_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class ProduceRelayTest : public BrokerLifecycleTest {
 protected:
  static constexpr int16_t kOld = 7;  // librdkafka 2.0

  void SetUp() override {
    Start();
    topic_ = CreateTopic("t");
    old_leader_ = LeaderOf("t");
    new_leader_ = old_leader_ == 1 ? 2 : 1;
  }
  // The others' connections stay open meanwhile.
  template <typename AnyRequest>
  void Ask(int to, const AnyRequest& request, int16_t version) {
    RawClient& client = Connect(to);
    SendRequest(client, version, 77, request);
    ASSERT_TRUE(NextFrame(client).ok());
  }
  // The preferred replica first, then an election of it.
  void MoveLeadership(int to) {
    std::vector<int32_t> order = {to};
    for (int id = 1; id <= 3; ++id) {
      if (id != to) order.push_back(id);
    }
    kafka::AlterPartitionReassignmentsRequest reorder;
    reorder.timeout_ms = 10000;
    auto& topic = reorder.topics.emplace_back();
    topic.name = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = 0;
    partition.replicas.emplace(order.begin(), order.end());
    Ask(to, reorder, NewestOf<kafka::AlterPartitionReassignmentsRequest>());
    kafka::ElectLeadersRequest elect;
    elect.timeout_ms = 10000;
    auto& asked = elect.topic_partitions.emplace().emplace_back();
    asked.topic = "t";
    asked.partitions = {0};
    Ask(to, elect, NewestOf<kafka::ElectLeadersRequest>());
    ASSERT_TRUE(world_.RunUntil(
        [&] { return broker(old_leader_).Image()->FindPartition(topic_, 0)->leader == to; },
        seconds(5)));
  }
  kafka::ProduceRequest Request(int sequence) {
    kafka::BatchOptions options;
    options.producer_id = 7;
    options.producer_epoch = 0;
    options.base_sequence = sequence;
    kafka::ProduceRequest request =
        ProduceTo(topic_, 0, Batch(fmt::format("record {}", sequence), options));
    request.topic_data[0].name = "t";
    return request;
  }
  void Send(RawClient& client, int sequence) {
    SendRequest(client, kOld, sequence, Request(sequence));
  }
  PartitionResult Answer(RawClient& client, int sequence, int16_t version = kOld) {
    absl::StatusOr<Buffer> frame = NextFrame(client);
    if (!frame.ok()) return Result(frame.status());
    return Result(kafka::DecodeResponse<kafka::ProduceResponse>(*frame, version, sequence));
  }
  void ExpectAppended(RawClient& client, int sequence) {
    const PartitionResult result = Answer(client, sequence);
    EXPECT_EQ(result.error_code, ErrorCode::NONE) << sequence;
    EXPECT_EQ(result.base_offset, sequence);
  }

  Uuid topic_;
  int old_leader_ = 0;
  int new_leader_ = 0;
};

TEST_F(ProduceRelayTest, ABatchGoesOnToTheNewLeaderAndTheClientIsLetGo) {
  RawClient& client = Connect(old_leader_);
  Send(client, 0);
  ExpectAppended(client, 0);
  MoveLeadership(new_leader_);
  RawClient& late = Connect(old_leader_);
  Send(late, 1);
  ExpectAppended(late, 1);
  EXPECT_TRUE(absl::IsUnavailable(NextFrame(late).status())) << "nothing is led here any more";
  EXPECT_EQ(Replica(new_leader_, "t")->log_end_offset, 2);
}

TEST_F(ProduceRelayTest, WhoCanReadAHintGetsOne) {
  MoveLeadership(new_leader_);
  const PartitionResult result = Result(Call(old_leader_, Request(0)));
  EXPECT_EQ(result.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(result.current_leader.leader_id, new_leader_);
}

TEST_F(ProduceRelayTest, WhoNeverLedRefuses) {
  const PartitionResult result = Result(Call(new_leader_, Request(0), kOld));
  EXPECT_EQ(result.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

TEST_F(ProduceRelayTest, NothingIsRefusedOrOvertakenWhileLeadershipMoves) {
  constexpr int kBatches = 45;
  RawClient& client = Connect(old_leader_);
  int sent = 0;
  while (sent < 20) Send(client, sent++);
  MoveLeadership(new_leader_);
  while (sent < kBatches) Send(client, sent++);
  for (int i = 0; i < kBatches; ++i) ExpectAppended(client, i);
  EXPECT_EQ(Replica(new_leader_, "t")->log_end_offset, kBatches);
}

TEST_F(ProduceRelayTest, WhatIsUnderWayAtAStopIsAnsweredBeforeTheConnectionCloses) {
  constexpr int kBatches = 5;  // idempotent producers have no more under way
  RawClient& client = Connect(old_leader_);
  // Nobody but the leader has these when it is told to stop.
  for (int i = 0; i < kBatches; ++i) Send(client, i);
  StopCleanly(old_leader_);
  for (int i = 0; i < kBatches; ++i) ExpectAppended(client, i);
  EXPECT_TRUE(absl::IsUnavailable(NextFrame(client).status()));
}

// A client that outruns the relay is sent to the new leader, with all that it sends after that.
TEST_F(ProduceRelayTest, WhoOutrunsItIsRefused) {
  RawClient& client = Connect(old_leader_);
  Send(client, 0);
  ExpectAppended(client, 0);
  MoveLeadership(new_leader_);
  const int last = static_cast<int>(ProduceRelay::kMostWaiting) + 5;
  for (int i = 1; i <= last; ++i) Send(client, i);
  int appended = 1;
  while (appended <= last) {
    const PartitionResult result = Answer(client, appended);
    if (result.error_code != ErrorCode::NONE) {
      EXPECT_EQ(result.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
      break;
    }
    ++appended;
  }
  EXPECT_LE(appended, last) << "none was refused";
  for (int i = appended + 1; i <= last; ++i) {
    EXPECT_EQ(Answer(client, i).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER) << i;
  }
  EXPECT_EQ(Replica(new_leader_, "t")->log_end_offset, appended);
  RawClient& again = Connect(old_leader_);
  Send(again, appended);
  EXPECT_EQ(Answer(again, appended).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

// Its client may have sent it to the new leader meanwhile (S62).
TEST_F(ProduceRelayTest, WhatWaitedThroughAPauseIsRefused) {
  std::vector<RawClient*> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(&Connect(old_leader_));
  node(old_leader_).Pause();
  const int successor = WaitForLeaderOtherThan(old_leader_, "t");
  ASSERT_GT(successor, 0);
  kafka::ProduceRequest request = ProduceTo(topic_, 0, Batch("stale"), 1);
  request.topic_data[0].name = "t";
  for (size_t i = 0; i < clients.size(); ++i) {
    // Some come before it hears that it does not lead any more, and some after.
    if (i == clients.size() / 2) node(old_leader_).Resume();
    SendRequest(*clients[i], kOld, 1, request);
    if (i >= clients.size() / 2) world_.RunFor(milliseconds(1));
  }
  for (RawClient* client : clients) {
    EXPECT_EQ(Answer(*client, 1).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  }
  EXPECT_EQ(Replica(successor, "t")->log_end_offset, 0);
}

TEST_F(ProduceRelayTest, ItEndsWhenEveryClientHasAskedForMetadata) {
  MoveLeadership(new_leader_);
  world_.RunFor(ProduceRelay::kLongest + seconds(1));
  RawClient& client = Connect(old_leader_);
  Send(client, 0);
  EXPECT_EQ(Answer(client, 0).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

TEST_F(ProduceRelayTest, WhatCannotBeHandedOnIsRefused) {
  MoveLeadership(new_leader_);
  RawClient& client = Connect(old_leader_);
  node(new_leader_).Crash({.silent = true});
  const MonotonicTime begin = world_.Now();
  Send(client, 0);
  EXPECT_EQ(Answer(client, 0).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_LE(world_.Now() - begin, seconds(3));
}

}  // namespace
}  // namespace soliton::broker
