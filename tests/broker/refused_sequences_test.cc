#include "broker/partition/refused_sequences.h"

#include "protocol/record/record_batch.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

TEST(RefusedSequencesTest, WhatCameBehindIsOutOfOrderUntilItComesAgain) {
  RefusedSequences refused;
  EXPECT_TRUE(refused.empty());
  refused.Note("t", 0, {7, 1, 10}, At(0));
  refused.Note("t", 0, {7, 1, 20}, At(1));
  EXPECT_TRUE(refused.IsMissingBefore("t", 0, {7, 1, 20}, At(2)));
  EXPECT_FALSE(refused.IsMissingBefore("t", 0, {7, 1, 10}, At(2))) << "the missing one itself";
  EXPECT_FALSE(refused.IsMissingBefore("t", 0, {7, 2, 20}, At(2))) << "begun anew";
  EXPECT_FALSE(refused.IsMissingBefore("t", 1, {7, 1, 20}, At(2)));
  EXPECT_FALSE(refused.IsMissingBefore("u", 0, {7, 1, 20}, At(2)));
  EXPECT_FALSE(refused.IsMissingBefore("t", 0, {8, 1, 20}, At(2)));
  refused.Forget("t", 0, {7, 1, 10});
  EXPECT_FALSE(refused.IsMissingBefore("t", 0, {7, 1, 20}, At(3)));
}

TEST(RefusedSequencesTest, ProducersWithoutIdsLeaveNothing) {
  RefusedSequences refused;
  refused.Note("t", 0, {}, At(0));
  EXPECT_TRUE(refused.empty());
}

TEST(RefusedSequencesTest, NotesEnd) {
  RefusedSequences refused;
  refused.Note("t", 0, {7, 1, 10}, At(0));
  EXPECT_FALSE(refused.IsMissingBefore("t", 0, {7, 1, 20}, At(120'000)));
  refused.Note("t", 0, {8, 1, 10}, At(120'000));
  refused.Forget("t", 0, {8, 1, 10});
  EXPECT_TRUE(refused.empty()) << "what ended is gone with the next note";
}

TEST(RefusedSequencesTest, ThereAreSoManyAtMost) {
  RefusedSequences refused;
  const auto many = static_cast<int64_t>(RefusedSequences::kMaxNotes) + 1;
  for (int64_t id = 0; id < many; ++id) refused.Note("t", 0, {id, 1, 0}, At(0));
  EXPECT_FALSE(refused.IsMissingBefore("t", 0, {0, 1, 5}, At(1))) << "the oldest went";
  EXPECT_TRUE(refused.IsMissingBefore("t", 0, {1, 1, 5}, At(1)));
  EXPECT_TRUE(refused.IsMissingBefore("t", 0, {many - 1, 1, 5}, At(1)));
}

class FirstBatchTest : public BrokerClusterTest {
 protected:
  kafka::ProduceRequest RequestOf(int32_t sequence) {
    kafka::ProduceRequest request = ProduceTo(
        topic_id_, 0,
        Batch("value", {.producer_id = 7, .producer_epoch = 0, .base_sequence = sequence}));
    request.topic_data[0].name = "t";
    return request;
  }
  ErrorCode Send(int to, int32_t sequence) {
    return Result(Call(to, RequestOf(sequence))).error_code;
  }
  // Sequences 0 to count - 1, all sent before the first is answered; the first error.
  ErrorCode SendTogether(RawClient& client, int32_t count) {
    client_.Post([this, &client, count] {
      for (int32_t sequence = 0; sequence < count; ++sequence) {
        client.Send(kafka::EncodeRequest({.api_key = kafka::ProduceRequest::kApiKey,
                                          .api_version = 12,
                                          .correlation_id = 100 + sequence,
                                          .client_id = "test",
                                          .unknown_tagged_fields = {}},
                                         RequestOf(sequence)));
      }
    });
    for (int32_t sequence = 0; sequence < count; ++sequence) {
      auto frame = NextFrame(client);
      if (!frame.ok()) return ErrorCode::UNKNOWN_SERVER_ERROR;
      const ErrorCode error =
          Result(kafka::DecodeResponse<kafka::ProduceResponse>(*frame, 12, 100 + sequence))
              .error_code;
      if (error != ErrorCode::NONE) return error;
    }
    return ErrorCode::NONE;
  }
  Uuid topic_id_;
};

// What librdkafka sends: several batches at once, and the answer to a later one that was written is
// an answer to all before it.
TEST_F(FirstBatchTest, OneThatWasRefusedIsNotOvertaken) {
  adjust_ = [](BrokerOptions& options) { options.replica_lag_time_max = milliseconds(300); };
  Start(2);
  topic_id_ = CreateTopic("t", 1, 2, {{"min.insync.replicas", "2"}});
  const int leader = LeaderOf("t");
  const int follower = 3 - leader;
  node(follower).Crash({.lose_unsynced = false});
  ASSERT_TRUE(world_.RunUntil(
      [&] {
        auto replica = Replica(leader, "t", 0);
        return replica && replica->leader && replica->isr.size() == 1;
      },
      seconds(30)));
  ASSERT_EQ(Send(leader, 0), ErrorCode::NOT_ENOUGH_REPLICAS);
  RestartAndServe(follower);
  ASSERT_TRUE(world_.RunUntil(
      [&] {
        auto replica = Replica(leader, "t", 0);
        return replica && replica->isr.size() == 2;
      },
      seconds(30)));
  EXPECT_EQ(Send(leader, 1), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(SendTogether(Connect(leader), 2), ErrorCode::NONE) << "in one turn of the loop";
}

TEST_F(FirstBatchTest, NorIsOneThatCameBeforeItsTopic) {
  Start(1);
  RawClient& client = Connect(1);
  const auto send = [&](int32_t sequence) {
    SendRequest(client, 12, 77, RequestOf(sequence));
    auto frame = NextFrame(client);
    EXPECT_TRUE(frame.ok()) << frame.status();
    return Result(kafka::DecodeResponse<kafka::ProduceResponse>(*frame, 12, 77)).error_code;
  };
  ASSERT_EQ(send(0), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  kafka::CreateTopicsRequest create;
  auto& topic = create.topics.emplace_back();
  topic.name = "t";
  topic.num_partitions = 1;
  topic.replication_factor = 1;
  create.timeout_ms = 10000;
  SendRequest(client, 7, 78, create);  // on the same connection
  ASSERT_TRUE(NextFrame(client).ok());
  ASSERT_TRUE(world_.RunUntil([&] { return Replica(1, "t", 0).has_value(); }, seconds(10)));
  EXPECT_EQ(send(1), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(SendTogether(client, 3), ErrorCode::NONE);
}

}  // namespace
}  // namespace soliton::broker
