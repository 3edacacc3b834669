#include "tests/broker/partition_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class FollowerTest : public PartitionTest {};

TEST_F(FollowerTest, SaysWhatItHasAndWhatItHasFlushed) {
  Follow(2, 4);
  auto asked = partition_->NextFetch();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->fetch_offset, 0);
  EXPECT_EQ(asked->last_fetched_epoch, -1);
  ASSERT_TRUE(Receive(3, 3).ok());
  asked = partition_->NextFetch();
  EXPECT_EQ(asked->leader_epoch, 4);
  EXPECT_EQ(asked->fetch_offset, 3);
  EXPECT_EQ(asked->flushed_offset, 0);
  EXPECT_EQ(asked->last_fetched_epoch, 3);
  Flush();
  EXPECT_EQ(partition_->NextFetch()->flushed_offset, 3);
}

TEST_F(FollowerTest, NobodyToFollow) {
  EXPECT_FALSE(partition_->NextFetch()) << "no state yet";
  Follow(-1, 4);
  EXPECT_FALSE(partition_->NextFetch()) << "no leader";
  Lead(5, {1, 2});
  EXPECT_FALSE(partition_->NextFetch());
}

// What is called committed here must survive a power cut here.
TEST_F(FollowerTest, HighWatermarkFollowsTheFlush) {
  Follow(2, 4);
  Park(false);
  ASSERT_TRUE(Receive(3, 4, /*high_watermark=*/3).ok());
  EXPECT_EQ(high_watermark(), 0);
  EXPECT_EQ(rings_, 0);
  Flush();
  EXPECT_EQ(high_watermark(), 3);
  EXPECT_EQ(rings_, 1);
  EXPECT_GT(Consume(0).records.length, 0) << "consumers may read here (KIP-392)";
}

TEST_F(FollowerTest, OldClientsMustGoToTheLeader) {
  Follow(2, 4);
  FetchArgs args;
  args.max_bytes = 1 << 20;
  args.leader_only = true;
  EXPECT_EQ(partition_->Read(args).error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

TEST_F(FollowerTest, WhatTheLeaderMayHaveIsNotOutOfRange) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4).ok());
  EXPECT_EQ(Consume(9).error, ErrorCode::OFFSET_NOT_AVAILABLE);
  EXPECT_EQ(Consume(-1).error, ErrorCode::OFFSET_OUT_OF_RANGE);
}

TEST_F(FollowerTest, TruncatesWhereLogsDiverge) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 3).ok());
  ASSERT_TRUE(Receive(2, 4).ok());
  Flush();
  Follow(3, 6);
  auto answer = AnswerNow(/*high_watermark=*/5);
  answer.diverging = segment::EpochEndOffset{3, 7};
  answer.high_watermark = 5;
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  EXPECT_EQ(log().log_end_offset(), 3) << "the lower of both ends of epoch 3";
  EXPECT_EQ(high_watermark(), 0) << "nothing else of such an answer is taken (KAFKA-14704)";
  EXPECT_EQ(partition_->NextFetch()->last_fetched_epoch, 3);
}

// FOUND 43: the leader forgets where epochs began that begin below its start, so that what is there
// of another history would stay here, in what is known of producers, too.
TEST_F(FollowerTest, StartsOverWhereLogsMayDivergeBelowTheLeadersStart) {
  Follow(2, 4);
  for (int records : {3, 1, 1}) ASSERT_TRUE(Receive(records, 3).ok());
  Flush();
  Follow(3, 6);
  auto answer = AnswerNow();
  answer.diverging = segment::EpochEndOffset{3, 4};
  answer.log_start_offset = 3;
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  EXPECT_EQ(log().log_start_offset(), 0) << "above its start the leader knows";
  EXPECT_EQ(log().log_end_offset(), 4);
  answer = AnswerNow();
  answer.diverging = segment::EpochEndOffset{3, 3};
  answer.log_start_offset = 3;
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  EXPECT_EQ(log().log_start_offset(), 3);
  EXPECT_EQ(log().log_end_offset(), 3);
  EXPECT_EQ(partition_->NextFetch()->last_fetched_epoch, -1);
}

// A leader that was deposed before it wrote. Nobody else knows that epoch.
TEST_F(FollowerTest, ForgetsAnEpochThatItLedWithoutWriting) {
  Follow(2, 3);
  ASSERT_TRUE(Receive(3, 3).ok());
  Flush();
  Lead(5, {1, 2});
  Follow(2, 6);
  auto answer = AnswerNow();
  EXPECT_EQ(answer.last_fetched_epoch, 5);
  answer.diverging = segment::EpochEndOffset{3, 3};
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  EXPECT_EQ(partition_->NextFetch()->last_fetched_epoch, 3) << "or it would be told so for ever";
  // The same answer to a second fetch that was in flight.
  EXPECT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  ASSERT_TRUE(Receive(1, 4).ok()) << "records of an epoch between them follow on";
}

TEST_F(FollowerTest, AnswersToOtherQuestionsAreIgnored) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4).ok());
  Flush();
  auto stale = AnswerNow(3);
  stale.diverging = segment::EpochEndOffset{3, 0};
  auto other_epoch = stale, other_offset = stale, other_history = stale;
  other_epoch.leader_epoch = 3;
  other_offset.fetch_offset = 2;
  other_history.last_fetched_epoch = 3;
  for (const auto& answer : {other_epoch, other_offset, other_history}) {
    EXPECT_TRUE(partition_->OnFollowerAnswer(answer).ok());
    EXPECT_EQ(log().log_end_offset(), 3);
    EXPECT_EQ(high_watermark(), 0);
  }
  Lead(5, {1, 2});
  EXPECT_TRUE(partition_->OnFollowerAnswer(stale).ok());
  EXPECT_EQ(log().log_end_offset(), 3);
}

// KAFKA-18723: batches of an epoch after the one of the fetch.
TEST_F(FollowerTest, BatchesOfTheFutureAreRefused) {
  Follow(2, 4);
  EXPECT_FALSE(Receive(1, 5).ok());
  EXPECT_EQ(log().log_end_offset(), 0);
}

TEST_F(FollowerTest, BrokenRecordsAreRefusedAndProgressIsDemanded) {
  Follow(2, 4);
  auto answer = AnswerNow();
  answer.records = Batch(1, {.leader_epoch = 4});
  answer.records.mutable_data()[70] ^= 1;
  EXPECT_FALSE(partition_->OnFollowerAnswer(answer).ok());
  answer.records = Batch(1, {.leader_epoch = 4}).Slice(0, 40);
  EXPECT_FALSE(partition_->OnFollowerAnswer(answer).ok()) << "half a batch, again and again";
  EXPECT_EQ(log().log_end_offset(), 0);
  EXPECT_TRUE(failures_.empty()) << "the leader's fault, not the disk's";
}

// S12: below the leader's start everything goes, and both start and high watermark move.
TEST_F(FollowerTest, StartsOverAtTheLeadersStart) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4, 3).ok());
  Flush();
  auto answer = AnswerNow(120);
  answer.out_of_range = true;
  answer.log_start_offset = 100;
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  EXPECT_EQ(log().log_start_offset(), 100);
  EXPECT_EQ(log().log_end_offset(), 100);
  EXPECT_EQ(high_watermark(), 100);
  EXPECT_EQ(partition_->NextFetch()->flushed_offset, 100);
}

TEST_F(FollowerTest, UnknownToTheLeaderCutsWhatIsNotCommitted) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4, 3).ok());
  Flush();
  ASSERT_TRUE(Receive(2, 4, 3).ok());
  Flush();
  auto answer = AnswerNow(/*high_watermark=*/1);  // a new leader's may be behind
  answer.out_of_range = true;
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  EXPECT_EQ(log().log_end_offset(), 3);
  EXPECT_EQ(high_watermark(), 3);
}

// S2, S59: the leader came back with an empty disk. This may be the last copy.
TEST_F(FollowerTest, CommittedRecordsAreNotCutForALeaderThatLacksThem) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4, 3).ok());
  Flush();
  Follow(2, 5);
  auto diverging = AnswerNow();
  diverging.diverging = segment::EpochEndOffset{4, 0};
  EXPECT_EQ(partition_->OnFollowerAnswer(diverging).code(), absl::StatusCode::kDataLoss);
  auto out_of_range = AnswerNow();
  out_of_range.out_of_range = true;
  EXPECT_EQ(partition_->OnFollowerAnswer(out_of_range).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(log().log_end_offset(), 3);
  EXPECT_EQ(high_watermark(), 3);
  EXPECT_TRUE(failures_.empty());
  // S3: unless somebody decided that availability comes first.
  settings_.unclean_leader_election_enable = true;
  partition_->ApplySettings(settings_);
  EXPECT_TRUE(partition_->OnFollowerAnswer(AnswerNow()).ok());
  ASSERT_TRUE(partition_->OnFollowerAnswer(diverging).ok());
  EXPECT_EQ(log().log_end_offset(), 0);
  EXPECT_EQ(high_watermark(), 0);
}

TEST_F(FollowerTest, PageCacheModeFollowsALeaderThatLost) {
  flush_before_ack_ = false;
  Open();
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4, 3).ok());
  EXPECT_EQ(high_watermark(), 3);
  Follow(2, 5);
  auto answer = AnswerNow();
  answer.diverging = segment::EpochEndOffset{4, 1};
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  EXPECT_EQ(log().log_end_offset(), 0) << "whole batches";
}

TEST_F(FollowerTest, OutOfRangeWithNothingToCutIsAnError) {
  Follow(2, 4);
  auto answer = AnswerNow();
  answer.out_of_range = true;
  EXPECT_FALSE(partition_->OnFollowerAnswer(answer).ok()) << "or it would ask again at once";
}

TEST_F(FollowerTest, LogStartOfTheLeaderIsTaken) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4, 3).ok());
  Flush();
  auto answer = AnswerNow(3);
  answer.log_start_offset = 2;
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  EXPECT_EQ(log().log_start_offset(), 2);
  answer = AnswerNow(3);
  answer.log_start_offset = 9;  // beyond what this one has: it is out of range then
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  EXPECT_EQ(log().log_start_offset(), 2);
}

TEST_F(FollowerTest, FailedFlushEndsFollowing) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4).ok());
  fs_.FailNext(sim::FileOperation::kSync, ".log", absl::DataLossError("EIO"));
  Flush();
  EXPECT_FALSE(partition_->NextFetch()) << "it must fall out of the ISR";
  EXPECT_EQ(failures_.size(), 1u);
  EXPECT_EQ(Consume(0).error, ErrorCode::KAFKA_STORAGE_ERROR);
}

TEST_F(FollowerTest, TruncationWhileAFlushIsUnderWay) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 3).ok());
  ASSERT_TRUE(Receive(2, 4).ok());
  ASSERT_FALSE(tickets_.empty());
  Follow(3, 6);
  auto answer = AnswerNow();
  answer.diverging = segment::EpochEndOffset{3, 3};
  ASSERT_TRUE(partition_->OnFollowerAnswer(answer).ok());
  ASSERT_TRUE(Receive(4, 6).ok());
  EXPECT_LE(partition_->NextFetch()->flushed_offset, 3);
  Flush();
  EXPECT_EQ(partition_->NextFetch()->flushed_offset, 7);
}

// The checkpoint is a hint from before: the log decides.
TEST_F(FollowerTest, RestoredHighWatermarkIsBoundedByTheLog) {
  Follow(2, 4);
  ASSERT_TRUE(Receive(3, 4, 3).ok());
  Flush();
  Open(/*checkpointed_high_watermark=*/2);
  EXPECT_EQ(high_watermark(), 2);
  Open(/*checkpointed_high_watermark=*/50);
  EXPECT_EQ(high_watermark(), 3);
}

}  // namespace
}  // namespace soliton::broker
