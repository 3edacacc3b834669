#include "tests/broker/partition_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class LeaderTest : public PartitionTest {};

TEST_F(LeaderTest, CommittedOnceEveryMemberHasFlushed) {
  Lead(5, {1, 2});
  auto result = AppendAndWait(3);
  EXPECT_EQ(FetchAs(2, 3, 0).error, ErrorCode::NONE);
  Flush();
  EXPECT_FALSE(result->has_value()) << "2 has it in memory only";
  FetchAs(2, 3, 3);
  EXPECT_EQ(*result, ErrorCode::NONE);
  EXPECT_EQ(high_watermark(), 3);
}

TEST_F(LeaderTest, OwnDiskCountsToo) {
  Lead(5, {1, 2});
  auto result = AppendAndWait();
  FetchAs(2, 1, 1);
  EXPECT_FALSE(result->has_value());
  Flush();
  EXPECT_EQ(*result, ErrorCode::NONE);
}

TEST_F(LeaderTest, WaitersFailWhenAnotherLeads) {
  Lead(5, {1, 2});
  auto result = AppendAndWait();
  Park(true);
  Park(false);
  Follow(2, 6);
  EXPECT_EQ(*result, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(rings_, 2);
  EXPECT_EQ(Append().error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(Append().leader_id, 2) << "the hint of KIP-951";
}

// A follower's death raises the epoch. The records are still in the log that everybody follows:
// telling producers otherwise would make those without idempotence write twice.
TEST_F(LeaderTest, WaitersOutliveAnEpochInWhichTheLeaderStays) {
  Lead(5, {1, 2, 3});
  auto result = AppendAndWait();
  Flush();
  FetchAs(2, 1, 1);
  Park(true);
  Lead(6, {1, 2});
  EXPECT_EQ(rings_, 1) << "nothing is committed before followers fetch in the new epoch";
  EXPECT_FALSE(result->has_value());
  FetchAs(2, 1, 1);
  EXPECT_EQ(*result, ErrorCode::NONE);
}

TEST_F(LeaderTest, AcksAllNeedsEnoughReplicas) {
  Lead(5, {1});
  ProduceOutcome refused = Append();
  EXPECT_EQ(refused.error, ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(refused.error_message, "1 in-sync replicas, 2 needed");
  EXPECT_EQ(log().log_end_offset(), 0) << "nothing was written";
  EXPECT_EQ(Append(1, /*acks=*/1).error, ErrorCode::NONE);
  Flush();
  EXPECT_EQ(high_watermark(), 0) << "nor is it committed";
}

// I4: an epoch in which nothing was written is known all the same.
TEST_F(LeaderTest, EpochIsKnownBeforeItsFirstRecord) {
  Lead(5, {1, 2});
  EXPECT_EQ(log().latest_leader_epoch(), 5);
}

TEST_F(LeaderTest, EpochsFence) {
  Lead(5, {1, 2});
  FetchArgs args;
  args.max_bytes = 1;
  for (auto [epoch, error] : {std::pair{4, ErrorCode::FENCED_LEADER_EPOCH},
                              {5, ErrorCode::NONE},
                              {6, ErrorCode::UNKNOWN_LEADER_EPOCH},
                              {-1, ErrorCode::NONE}}) {
    args.current_leader_epoch = epoch;
    EXPECT_EQ(partition_->Read(args).error, error) << epoch;
    EXPECT_EQ(partition_->FindOffset(-2, epoch, false).error, error) << epoch;
    EXPECT_EQ(partition_->EndOffsetForEpoch(5, epoch).error, error) << epoch;
  }
}

// KIP-320: a follower that does not say in which epoch it fetches has not been told where its log
// diverges. It is served, and commits nothing.
TEST_F(LeaderTest, AFetchWithoutALeaderEpochDoesNotCount) {
  Lead(5, {1, 2});
  auto result = AppendAndWait();
  Flush();
  FetchArgs args;
  args.replica_id = 2;
  args.replica_epoch = kEpochOf2;
  args.fetch_offset = args.flushed_offset = 1;
  args.last_fetched_epoch = 5;
  args.max_bytes = 1;
  args.current_leader_epoch = -1;
  EXPECT_EQ(partition_->Read(args).error, ErrorCode::NONE);
  EXPECT_EQ(high_watermark(), 0);
  EXPECT_FALSE(result->has_value());
  args.current_leader_epoch = 5;
  EXPECT_EQ(partition_->Read(args).error, ErrorCode::NONE);
  EXPECT_EQ(*result, ErrorCode::NONE);
}

TEST_F(LeaderTest, OnlyReplicasOfTheirIncarnationReadAsReplicas) {
  Lead(5, {1, 2});
  Append(1, 1);
  FetchArgs args;
  args.replica_id = 2;
  args.current_leader_epoch = 5;
  args.max_bytes = 1 << 20;
  args.flushed_offset = 1;
  EXPECT_EQ(partition_->Read(args).error, ErrorCode::CLUSTER_AUTHORIZATION_FAILED)
      << "a client that sets a replica id reads nothing uncommitted";
  args.replica_epoch = kEpochOf2;
  EXPECT_EQ(partition_->Read(args).error, ErrorCode::NONE);
  args.replica_epoch = kEpochOf2 - 1;
  EXPECT_EQ(partition_->Read(args).error, ErrorCode::STALE_BROKER_EPOCH);
  args.replica_id = 9;
  EXPECT_EQ(partition_->Read(args).error, ErrorCode::UNKNOWN_LEADER_EPOCH);
}

TEST_F(LeaderTest, FollowersAreToldWhereLogsDiverge) {
  Lead(5, {1, 2});
  Append(3, 1);
  Lead(7, {1, 2});
  Append(2, 1);
  FetchArgs args;
  args.replica_id = 2;
  args.replica_epoch = kEpochOf2;
  args.current_leader_epoch = 7;
  args.fetch_offset = 5;
  args.flushed_offset = 5;
  args.last_fetched_epoch = 5;  // epoch 5 ended at 3
  FetchOutcome outcome = partition_->Read(args);
  ASSERT_TRUE(outcome.diverging);
  EXPECT_EQ(outcome.diverging->leader_epoch, 5);
  EXPECT_EQ(outcome.diverging->end_offset, 3);
  EXPECT_EQ(outcome.records.length, 0);
  args.last_fetched_epoch = 6;  // nobody wrote in it here
  args.fetch_offset = 4;
  outcome = partition_->Read(args);
  ASSERT_TRUE(outcome.diverging);
  EXPECT_EQ(outcome.diverging->leader_epoch, 5);
  Flush();
  EXPECT_EQ(high_watermark(), 0) << "a diverging fetch acknowledges nothing (KAFKA-13141)";
  args.last_fetched_epoch = 8;
  EXPECT_EQ(partition_->Read(args).error, ErrorCode::OFFSET_OUT_OF_RANGE);
}

TEST_F(LeaderTest, ConsumersReadBelowTheHighWatermarkOnly) {
  Lead(5, {1, 2});
  Append(2, 1);
  Append(3, 1);
  Flush();
  FetchAs(2, 2, 2);
  FetchOutcome outcome = Consume(0);
  EXPECT_EQ(outcome.high_watermark, 2);
  const int64_t committed_bytes = outcome.records.length;
  EXPECT_GT(committed_bytes, 0);
  EXPECT_EQ(Consume(2).records.length, 0);
  EXPECT_EQ(Consume(4).error, ErrorCode::NONE) << "written, not committed: wait";
  EXPECT_EQ(Consume(6).error, ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(Consume(-1).error, ErrorCode::OFFSET_OUT_OF_RANGE);
  FetchAs(2, 5, 5);
  EXPECT_GT(Consume(0).records.length, committed_bytes);
}

// KIP-207: end offsets must not go back when the leader changes.
TEST_F(LeaderTest, EndOffsetIsToldOnceTheHighWatermarkIsKnown) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4).ok());
  Flush();
  Lead(5, {1, 2});
  EXPECT_EQ(partition_->FindOffset(-1, -1, false).error, ErrorCode::OFFSET_NOT_AVAILABLE);
  EXPECT_EQ(partition_->FindOffset(0, -1, false).error, ErrorCode::OFFSET_NOT_AVAILABLE);
  EXPECT_EQ(partition_->FindOffset(-2, -1, false).error, ErrorCode::NONE);
  FetchAs(2, 3, 3);
  OffsetOutcome latest = partition_->FindOffset(-1, -1, false);
  EXPECT_EQ(latest.error, ErrorCode::NONE);
  EXPECT_EQ(latest.offset, 3);
  EXPECT_EQ(latest.timestamp_ms, -1);
  EXPECT_EQ(latest.leader_epoch, 5);
  OffsetOutcome by_time = partition_->FindOffset(1'700'000'000'001, -1, false);
  EXPECT_EQ(by_time.offset, 1);
  EXPECT_EQ(by_time.leader_epoch, 4);
  EXPECT_EQ(partition_->FindOffset(-3, -1, false).offset, 2);
  EXPECT_EQ(partition_->FindOffset(1'800'000'000'000, -1, false).offset, -1);
  EXPECT_EQ(partition_->FindOffset(-9, -1, false).error, ErrorCode::UNSUPPORTED_VERSION);
}

TEST_F(LeaderTest, EndOffsetForEpochsThatAreNotThere) {
  Lead(5, {1, 2});
  for (int32_t epoch : {-1, 6}) {
    OffsetOutcome outcome = partition_->EndOffsetForEpoch(epoch, -1);
    EXPECT_EQ(outcome.error, ErrorCode::NONE);
    EXPECT_EQ(outcome.offset, -1);
  }
}

// S51: what a failed sync dropped may look clean to the next one.
TEST_F(LeaderTest, FailedFlushTakesTheReplicaOffline) {
  Lead(5, {1, 2});
  auto result = AppendAndWait();
  FetchAs(2, 1, 1);
  Park(false);
  fs_.FailNext(sim::FileOperation::kSync, ".log", absl::DataLossError("EIO"));
  Flush();
  EXPECT_EQ(*result, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(rings_, 1);
  ASSERT_EQ(failures_.size(), 1u) << "the broker must hear of it, once";
  EXPECT_EQ(Append().error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(Append(1, 1).error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(Consume(0).error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(FetchAs(2, 1, 1).error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(partition_->FindOffset(-1, -1, false).error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(high_watermark(), 0);
  EXPECT_TRUE(tickets_.empty());
  Lead(6, {1, 2});
  EXPECT_EQ(Append().error, ErrorCode::KAFKA_STORAGE_ERROR) << "no epoch brings it back";
  EXPECT_EQ(failures_.size(), 1u);
}

TEST_F(LeaderTest, BrokenDiskFailsThoseThatWaitAlready) {
  Lead(5, {1, 2});
  auto result = AppendAndWait();
  fs_.FailNext(sim::FileOperation::kAppend, ".log", absl::DataLossError("EIO"));
  EXPECT_EQ(Append().error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(*result, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(failures_.size(), 1u);
}

TEST_F(LeaderTest, FullDiskRefusesWhatItCannotTakeAndNothingElse) {
  Lead(5, {1, 2});
  auto result = AppendAndWait();
  fs_.FailNext(sim::FileOperation::kAppend, ".log", absl::ResourceExhaustedError("ENOSPC"));
  const ProduceOutcome refused = Append();
  EXPECT_EQ(refused.error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_NE(refused.error_message.find("ENOSPC"), std::string::npos);
  Flush();
  FetchAs(2, 1, 1);
  EXPECT_EQ(*result, ErrorCode::NONE);
  EXPECT_TRUE(failures_.empty());
  EXPECT_EQ(Append().error, ErrorCode::NONE);
}

TEST_F(LeaderTest, WhatIsOldGoesUnlessTheClockIsDoubted) {
  constexpr int64_t kDayMs = 24 * 3600 * int64_t{1000};
  Lead(5, {1, 2});
  Append(1, 1);
  Flush();
  FetchAs(2, 1, 1);
  ASSERT_EQ(high_watermark(), 1);
  partition_->DeleteWhatIsOld(std::numeric_limits<int64_t>::max());
  EXPECT_EQ(log().log_start_offset(), 0);
  partition_->DeleteWhatIsOld(200 * 365 * kDayMs);
  EXPECT_EQ(log().log_start_offset(), 0);
}

TEST_F(LeaderTest, BatchesOfOneTurnAreWrittenAtOnce) {
  Lead(5, {1, 2});
  const uint64_t before = fs_.operation_count();
  ProduceBatch batches[] = {{Batch(2), -1}, {Batch(1), 1}, {Batch(3), -1}};
  const std::vector<ProduceOutcome> outcomes = partition_->AppendAsLeader(batches);
  EXPECT_EQ(fs_.operation_count(), before + 1);
  EXPECT_EQ(tickets_.size(), 1u);
  EXPECT_EQ(outcomes[1].base_offset, 2);
  EXPECT_EQ(outcomes[2].base_offset, 3);
  EXPECT_EQ(outcomes[2].required_offset, 6);
  Flush();
  FetchAs(2, 6, 6);
  EXPECT_EQ(high_watermark(), 6);
}

TEST_F(LeaderTest, ARefusedBatchOfATurnLeavesTheOthersAlone) {
  Lead(5, {1});
  Buffer damaged = Batch();
  damaged.mutable_data()[damaged.size() - 1] ^= 1;
  ProduceBatch batches[] = {{Batch(2), -1}, {Batch(1), 1}, {damaged, 1}, {Batch(3), 0}};
  const std::vector<ProduceOutcome> outcomes = partition_->AppendAsLeader(batches);
  EXPECT_EQ(outcomes[0].error, ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(outcomes[1].base_offset, 0);
  EXPECT_EQ(outcomes[2].error, ErrorCode::CORRUPT_MESSAGE);
  EXPECT_EQ(outcomes[3].base_offset, 1);
  EXPECT_EQ(log().log_end_offset(), 4);
}

TEST_F(LeaderTest, ATurnThatMeetsABrokenDiskFailsWhole) {
  Lead(5, {1, 2});
  fs_.FailNext(sim::FileOperation::kAppend, ".log", absl::DataLossError("EIO"));
  ProduceBatch batches[] = {{Batch(), -1}, {Batch(), 1}};
  for (const ProduceOutcome& outcome : partition_->AppendAsLeader(batches)) {
    EXPECT_EQ(outcome.error, ErrorCode::KAFKA_STORAGE_ERROR);
  }
  EXPECT_EQ(failures_.size(), 1u);
}

TEST_F(LeaderTest, ClosingPartitionTakesNothingMore) {
  Lead(5, {1, 2});
  auto result = AppendAndWait();
  partition_->BeginClose();
  EXPECT_EQ(*result, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(Append().error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(Consume(0).error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(FetchAs(2, 0, 0).error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  const size_t tickets = tickets_.size();
  Flush();
  EXPECT_EQ(tickets, 1u);
  std::unique_ptr<segment::Log> released = partition_->ReleaseLog();
  EXPECT_TRUE(released->CloseCleanly().ok()) << "the flush that was under way has come back";
}

TEST_F(LeaderTest, JoinerIsProposedAndMetadataApplied) {
  Lead(5, {1, 2});
  FetchAs(3, 0, 0);
  ASSERT_EQ(proposals_.size(), 1u);
  EXPECT_EQ(proposals_[0].new_isr.size(), 3u);
  const int32_t accepted = proposals_[0].partition_epoch + 1;
  partition_->OnIsrAnswer(proposals_[0], ErrorCode::NONE, accepted);
  EXPECT_EQ(partition_->replica().isr().size(), 2u) << "the image says so, not the answer";
  EXPECT_TRUE(partition_->replica().isr_change_pending());
  partition_->OnTick();
  EXPECT_EQ(proposals_.size(), 1u) << "it is known to be accepted";
  partition_->ApplyState(State(kSelf, 5, accepted, {1, 2, 3}));
  EXPECT_EQ(partition_->replica().isr().size(), 3u);
  EXPECT_FALSE(partition_->replica().isr_change_pending());
}

// The controller knows of a larger minimum than this leader when it lets replica 3 go, and holds it
// for eligible. The answer comes first: what 3 has not got is not committed by the old minimum.
TEST_F(LeaderTest, AnAnswerThatOvertookItsMetadataCommitsNothing) {
  Lead(5, {1, 2, 3});
  auto result = AppendAndWait();
  Flush();
  FetchAs(2, 1, 1);
  clock_.now += seconds(11);
  FetchAs(2, 1, 1);
  partition_->OnTick();
  ASSERT_EQ(proposals_.size(), 1u);
  const int32_t accepted = proposals_[0].partition_epoch + 1;
  partition_->OnIsrAnswer(proposals_[0], ErrorCode::NONE, accepted);
  EXPECT_FALSE(result->has_value());
  EXPECT_EQ(high_watermark(), 0);
  min_isr_ = 3;
  partition_->ApplyState(State(kSelf, 5, accepted, {1, 2}));
  FetchAs(2, 1, 1);
  EXPECT_FALSE(result->has_value());
  EXPECT_EQ(high_watermark(), 0);
}

TEST_F(LeaderTest, MetadataMayBeFasterThanTheAnswer) {
  Lead(5, {1, 2});
  FetchAs(3, 0, 0);
  ASSERT_EQ(proposals_.size(), 1u);
  partition_->ApplyState(State(kSelf, 5, proposals_[0].partition_epoch + 2, {1, 3}));
  partition_->OnIsrAnswer(proposals_[0], ErrorCode::NONE, proposals_[0].partition_epoch + 1);
  EXPECT_EQ(partition_->replica().isr(), (std::vector<int32_t>{1, 3}));
}

TEST_F(LeaderTest, LostAnswerIsAskedForAgain) {
  Lead(5, {1, 2});
  FetchAs(3, 0, 0);
  ASSERT_EQ(proposals_.size(), 1u);
  partition_->OnIsrAnswer(proposals_[0], ErrorCode::REQUEST_TIMED_OUT, -1);
  partition_->OnTick();
  ASSERT_EQ(proposals_.size(), 2u);
  EXPECT_EQ(proposals_[1].partition_epoch, proposals_[0].partition_epoch);
  // Nothing to change after all: the next one may go.
  partition_->OnIsrAnswer(proposals_[1], ErrorCode::NONE, proposals_[1].partition_epoch);
  EXPECT_TRUE(partition_->replica().isr_change_pending());
  partition_->OnTick();
  EXPECT_EQ(proposals_.size(), 3u);
}

// KAFKA-13091: what waited for the one who left is committed when the controller lets it go.
TEST_F(LeaderTest, ShrinkingTheIsrCommits) {
  Lead(5, {1, 2, 3});
  auto result = AppendAndWait();
  Flush();
  FetchAs(2, 1, 1);
  clock_.now += seconds(11);
  FetchAs(2, 1, 1);
  partition_->OnTick();
  ASSERT_EQ(proposals_.size(), 1u);
  EXPECT_FALSE(result->has_value());
  partition_->ApplyState(State(kSelf, 5, proposals_[0].partition_epoch + 1, {1, 2}));
  EXPECT_EQ(*result, ErrorCode::NONE);
}

TEST_F(LeaderTest, RetryOfAnIdempotentBatchWaitsForTheOriginal) {
  Lead(5, {1, 2});
  const kafka::BatchOptions producer{.producer_id = 7, .producer_epoch = 0, .base_sequence = 0};
  ProduceOutcome first = Append(Batch(2, producer), -1);
  ProduceOutcome again = Append(Batch(2, producer), -1);
  EXPECT_EQ(again.error, ErrorCode::NONE);
  EXPECT_EQ(again.base_offset, first.base_offset);
  EXPECT_EQ(again.required_offset, 2);
  EXPECT_EQ(log().log_end_offset(), 2);
}

}  // namespace
}  // namespace soliton::broker
