// The sender's rules one by one; sender_property_test.cc has their interplay.
#include "producer/sender_core.h"

#include <gtest/gtest.h>

#include "producer/flush_tracker.h"

namespace soliton::producer {
namespace {

using kafka::ErrorCode;

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

class SenderCoreTest : public ::testing::Test {
 protected:
  explicit SenderCoreTest(SenderOptions options = {}) : sender_(options, 1) {
    if (options.idempotent) sender_.SetProducerId({77, 0});
    partition_ = sender_.AddPartition();
    sender_.SetLeader(partition_, {1, 5}, At(0));
  }

  void Admit(BatchId id, int32_t records = 10, MonotonicTime expires = At(1'000'000)) {
    sender_.Admit(partition_, {id, records, 100, expires});
  }
  std::optional<SendPlan> Plan(int64_t ms, int32_t broker = 1) {
    return sender_.Plan(broker, At(ms), 1000);
  }
  // Plans and expects one batch.
  SendPlan Sent(int64_t ms, BatchId batch, int32_t sequence, int32_t broker = 1) {
    const auto plan = Plan(ms, broker);
    if (!plan.has_value()) {
      ADD_FAILURE() << "nothing to send, expected batch " << batch;
      return {};
    }
    EXPECT_EQ(plan->batches.size(), 1u);
    EXPECT_EQ(plan->batches[0].batch, batch);
    EXPECT_EQ(plan->batches[0].base_sequence, sequence);
    return *plan;
  }
  void Answer(const SendPlan& plan, ErrorCode error, int64_t ms, int64_t offset = 0) {
    sender_.OnOutcome(plan.id, partition_, {.error = error, .base_offset = offset}, At(ms));
    sender_.OnAnswered(plan.id, At(ms));
  }
  // Gets the first acknowledgement of the epoch, so that batches may follow each other.
  void Establish() {
    Admit(1);
    Answer(Sent(0, 1, 0), ErrorCode::NONE, 0);
    EXPECT_EQ(sender_.TakeCompletions().size(), 1u);
  }
  // Batches 2 to 6, sequences 10 to 50: as many as may be unresolved.
  std::vector<SendPlan> SendFive() {
    Establish();
    std::vector<SendPlan> sent;
    for (BatchId id = 2; id <= 6; ++id) Admit(id);
    for (BatchId id = 2; id <= 6; ++id) {
      sent.push_back(Sent(0, id, static_cast<int32_t>(id) * 10 - 10));
    }
    return sent;
  }

  SenderCore sender_;
  PartitionIndex partition_;
};

class PlainSenderTest : public SenderCoreTest {
 protected:
  PlainSenderTest() : SenderCoreTest({.idempotent = false}) {}
};

TEST_F(SenderCoreTest, WaitsForAProducerId) {
  SenderCore sender({}, 1);
  sender.AddPartition();
  sender.SetLeader(0, {1, 0}, At(0));
  sender.Admit(0, {1, 1, 1, At(1000)});
  EXPECT_TRUE(sender.needs_producer_id());
  EXPECT_FALSE(sender.Plan(1, At(0), 1000).has_value());
  sender.SetProducerId({5, 0});
  EXPECT_FALSE(sender.needs_producer_id());
  const auto plan = sender.Plan(1, At(0), 1000);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->batches[0].producer, (ProducerIdentity{5, 0}));
}

TEST_F(SenderCoreTest, TheFirstBatchTravelsAlone) {
  Admit(1);
  Admit(2);
  const SendPlan first = Sent(0, 1, 0);
  EXPECT_FALSE(Plan(0).has_value());
  Answer(first, ErrorCode::NONE, 1);
  Sent(1, 2, 10);
}

TEST_F(SenderCoreTest, AtMostFiveAreUnresolved) {
  Establish();
  for (BatchId id = 2; id <= 6; ++id) Admit(id);
  EXPECT_FALSE(sender_.CanAdmit(partition_));
  for (int i = 0; i < 5; ++i) Sent(0, static_cast<BatchId>(i) + 2, 10 + 10 * i);
  EXPECT_FALSE(Plan(0).has_value());
}

TEST_F(SenderCoreTest, AnAckedBatchKeepsItsPlaceBehindAnUnresolvedOne) {
  const std::vector<SendPlan> sent = SendFive();
  Answer(sent[0], ErrorCode::REQUEST_TIMED_OUT, 1);
  for (size_t i = 1; i < sent.size(); ++i) Answer(sent[i], ErrorCode::NONE, 1);
  // A sixth sequence would push batch 2 out of what the broker remembers.
  EXPECT_FALSE(sender_.CanAdmit(partition_));
  Answer(Sent(100, 2, 10), ErrorCode::NONE, 100);
  EXPECT_TRUE(sender_.CanAdmit(partition_));
}

// A new leader has both batches in its log and turned the first away when it did not lead yet.
TEST_F(SenderCoreTest, EndsAreToldInTheOrderAdmitted) {
  Establish();
  for (BatchId id = 2; id <= 4; ++id) Admit(id);
  for (BatchId id = 2; id <= 4; ++id) Sent(0, id, static_cast<int32_t>(id) * 10 - 10);
  sender_.SetLeader(partition_, {2, 6}, At(1));
  const SendPlan two = Sent(1, 2, 10, 2);
  const SendPlan three = Sent(1, 3, 20, 2);
  const SendPlan four = Sent(1, 4, 30, 2);
  Answer(two, ErrorCode::NOT_LEADER_OR_FOLLOWER, 2);
  Answer(three, ErrorCode::NONE, 3, 120);
  Answer(four, ErrorCode::MESSAGE_TOO_LARGE, 4);
  EXPECT_TRUE(sender_.TakeCompletions().empty()) << "batch 2 has not ended";
  EXPECT_FALSE(sender_.Plan(2, At(4), 1000).has_value());
  Answer(Sent(100, 2, 10, 2), ErrorCode::NONE, 101, 110);
  const auto done = sender_.TakeCompletions();
  ASSERT_EQ(done.size(), 3u);
  EXPECT_EQ(done[0].base_offset, 110);
  EXPECT_EQ(done[1].base_offset, 120);
  EXPECT_EQ(done[2].error, ErrorCode::MESSAGE_TOO_LARGE);
}

TEST_F(SenderCoreTest, WhatWaitsToBeToldTakesAPlace) {
  const std::vector<SendPlan> sent = SendFive();
  Answer(sent[0], ErrorCode::NOT_ENOUGH_REPLICAS, 1);
  for (size_t i = 1; i < sent.size(); ++i) Answer(sent[i], ErrorCode::MESSAGE_TOO_LARGE, 1);
  EXPECT_EQ(sender_.unresolved(partition_), 1u);
  EXPECT_FALSE(sender_.CanAdmit(partition_));
  Answer(Sent(100, 2, 10), ErrorCode::NONE, 100);
  EXPECT_EQ(sender_.TakeCompletions().size(), 5u);
  EXPECT_TRUE(sender_.CanAdmit(partition_));
}

TEST_F(SenderCoreTest, ALaterBatchInFlightHoldsARetryBack) {
  Establish();
  Admit(2);
  Admit(3);
  const SendPlan two = Sent(0, 2, 10);
  const SendPlan three = Sent(0, 3, 20);
  Answer(two, ErrorCode::NOT_ENOUGH_REPLICAS, 1);
  EXPECT_FALSE(Plan(1000).has_value()) << "batch 3 is still in flight";
  Answer(three, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, 1001);
  Sent(2000, 2, 10);
  Sent(2000, 3, 20);
  EXPECT_EQ(sender_.sequence_resets(), 0u);
}

TEST_F(SenderCoreTest, ANewLeaderEndsThePause) {
  Establish();
  Admit(2);
  Answer(Sent(0, 2, 10), ErrorCode::NOT_LEADER_OR_FOLLOWER, 1);
  EXPECT_TRUE(sender_.TakeRefreshRequest());
  EXPECT_FALSE(Plan(1).has_value());
  sender_.SetLeader(partition_, {2, 6}, At(1));
  Sent(1, 2, 10, 2);
}

TEST_F(SenderCoreTest, WhatIsInFlightToADeposedLeaderGoesToTheNewOneAtOnce) {
  Establish();
  Admit(2);
  const SendPlan old = Sent(0, 2, 10, 1);
  sender_.SetLeader(partition_, {2, 6}, At(1));
  const SendPlan repeated = Sent(1, 2, 10, 2);
  Answer(old, ErrorCode::NOT_LEADER_OR_FOLLOWER, 2);  // too late to matter
  Answer(repeated, ErrorCode::NONE, 3, 42);
  const auto done = sender_.TakeCompletions();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_TRUE(done[0].acked);
  EXPECT_EQ(done[0].base_offset, 42);
}

TEST_F(PlainSenderTest, WithoutIdempotenceAnAnswerIsWaitedFor) {
  Admit(1);
  const SendPlan old = Sent(0, 1, -1, 1);
  EXPECT_FALSE(sender_.CanAdmit(partition_));
  sender_.SetLeader(partition_, {2, 6}, At(1));
  EXPECT_FALSE(Plan(1, 2).has_value()) << "it may have been written: sending it again duplicates";
  Answer(old, ErrorCode::NONE, 2);
  EXPECT_TRUE(sender_.TakeCompletions()[0].acked);
}

TEST_F(SenderCoreTest, ALostConnectionRepeatsEverythingInOrder) {
  Establish();
  Admit(2);
  Admit(3);
  const SendPlan two = Sent(0, 2, 10);
  const SendPlan three = Sent(0, 3, 20);
  sender_.OnLost(two.id, At(1));
  sender_.OnLost(three.id, At(1));
  EXPECT_TRUE(sender_.TakeRefreshRequest());
  EXPECT_FALSE(Plan(1).has_value());
  ASSERT_TRUE(sender_.NextWakeup(At(1)).has_value());
  EXPECT_LE(*sender_.NextWakeup(At(1)), At(11));
  Sent(11, 2, 10);
  Sent(11, 3, 20);
}

TEST_F(SenderCoreTest, AGapProvedByTheBrokerRaisesTheEpoch) {
  Establish();
  Admit(2);
  Answer(Sent(0, 2, 10), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, 1);
  const auto plan = Plan(100);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->batches[0].producer, (ProducerIdentity{77, 1}));
  EXPECT_EQ(plan->batches[0].base_sequence, 0);
  EXPECT_EQ(sender_.sequence_resets(), 1u);
}

TEST_F(SenderCoreTest, ARejectedBatchLeavesNoGap) {
  Establish();
  Admit(2);
  Answer(Sent(0, 2, 10), ErrorCode::INVALID_RECORD, 1);
  const auto done = sender_.TakeCompletions();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].error, ErrorCode::INVALID_RECORD);
  EXPECT_FALSE(done[0].maybe_appended);
  Admit(3);
  Sent(1, 3, 10);
}

TEST_F(SenderCoreTest, AnUnknownIdNeedsANewOneUnlessTheBatchMayBeWritten) {
  Establish();
  Admit(2);
  Admit(3);
  const SendPlan two = Sent(0, 2, 10);
  const SendPlan three = Sent(0, 3, 20);
  sender_.OnLost(two.id, At(1));  // batch 2 may be in the log
  Answer(three, ErrorCode::INVALID_PRODUCER_EPOCH, 2);
  const auto done = sender_.TakeCompletions();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].batch, 2u);
  EXPECT_TRUE(done[0].maybe_appended);
  EXPECT_TRUE(sender_.needs_producer_id());
  EXPECT_FALSE(Plan(1000).has_value());
  sender_.SetProducerId({78, 0});
  const auto plan = Plan(1000);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->batches[0].batch, 3u);
  EXPECT_EQ(plan->batches[0].producer, (ProducerIdentity{78, 0}));
}

TEST_F(SenderCoreTest, DuplicateOfTheBrokerCountsAsSuccess) {
  Admit(1);
  Answer(Sent(0, 1, 0), ErrorCode::DUPLICATE_SEQUENCE_NUMBER, 1, -1);
  EXPECT_TRUE(sender_.TakeCompletions()[0].acked);
}

TEST_F(SenderCoreTest, TheDeliveryTimeoutEndsWaitingAndFlyingBatches) {
  Admit(1, 10, At(50));
  Admit(2, 10, At(50));
  const SendPlan one = Sent(0, 1, 0);
  EXPECT_EQ(sender_.NextWakeup(At(0)), At(50));
  sender_.Tick(At(50));
  const auto done = sender_.TakeCompletions();
  ASSERT_EQ(done.size(), 2u);
  EXPECT_TRUE(done[0].timed_out);
  EXPECT_TRUE(done[0].maybe_appended);
  EXPECT_TRUE(done[1].timed_out);
  EXPECT_FALSE(done[1].maybe_appended);
  Answer(one, ErrorCode::NONE, 60);
  EXPECT_TRUE(sender_.TakeCompletions().empty()) << "an end is reported once";
}

TEST_F(SenderCoreTest, ASlowAnswerAsksForMetadata) {
  Admit(1);
  Sent(0, 1, 0);
  sender_.Tick(At(499));
  EXPECT_FALSE(sender_.TakeRefreshRequest());
  sender_.Tick(At(500));
  EXPECT_TRUE(sender_.TakeRefreshRequest());
  // The cluster may find out a moment later than the client does.
  sender_.Tick(At(549));
  EXPECT_FALSE(sender_.TakeRefreshRequest());
  EXPECT_EQ(sender_.NextWakeup(At(549)), At(550));
  sender_.Tick(At(550));
  EXPECT_TRUE(sender_.TakeRefreshRequest());
}

TEST_F(SenderCoreTest, OnePlanTakesOneBatchOfEachPartitionOfTheBroker) {
  const PartitionIndex other = sender_.AddPartition();
  const PartitionIndex elsewhere = sender_.AddPartition();
  sender_.SetLeader(other, {1, 0}, At(0));
  sender_.SetLeader(elsewhere, {2, 0}, At(0));
  Admit(1);
  sender_.Admit(other, {2, 1, 100, At(1000)});
  sender_.Admit(elsewhere, {3, 1, 100, At(1000)});
  EXPECT_EQ(sender_.BrokersWithWork(At(0)), (std::set<int32_t>{1, 2}));
  const auto plan = Plan(0);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->batches.size(), 2u);
  EXPECT_EQ(sender_.BrokersWithWork(At(0)), (std::set<int32_t>{2}));
}

TEST_F(SenderCoreTest, AThrottledBrokerIsLeftAlone) {
  Admit(1);
  sender_.Throttle(1, At(100));
  EXPECT_FALSE(Plan(99).has_value());
  EXPECT_EQ(sender_.NextWakeup(At(99)), At(100));
  Sent(100, 1, 0);
}

TEST_F(SenderCoreTest, AbortEndsEverything) {
  Admit(1);
  Admit(2);
  const SendPlan one = Sent(0, 1, 0);
  sender_.Abort(ErrorCode::CLUSTER_AUTHORIZATION_FAILED, "no");
  EXPECT_EQ(sender_.TakeCompletions().size(), 2u);
  Answer(one, ErrorCode::NONE, 1);
  EXPECT_TRUE(sender_.TakeCompletions().empty());
  EXPECT_EQ(sender_.unresolved(partition_), 0u);
}

TEST(FlushTrackerTest, AFlushWaitsForWhatWasSentBefore) {
  FlushTracker tracker;
  tracker.Started(tracker.current(), 2);
  const uint64_t closed = tracker.Close();
  tracker.Started(tracker.current());
  EXPECT_FALSE(tracker.Done(closed));
  tracker.Ended(closed);
  EXPECT_FALSE(tracker.Done(closed));
  tracker.Ended(closed);
  EXPECT_TRUE(tracker.Done(closed));
  EXPECT_FALSE(tracker.Done(tracker.Close()));
}

}  // namespace
}  // namespace soliton::producer
