// Appending what a leader sent, and the epochs that tell two replicas where they part.
#include <gtest/gtest.h>

#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

Buffer Batches(std::initializer_list<std::pair<int64_t, int32_t>> offsets_and_epochs) {
  std::vector<Buffer> pieces;
  for (const auto& [offset, epoch] : offsets_and_epochs) {
    pieces.push_back(MakeBatch({.records = 2}, offset, epoch));
  }
  return Concatenate(pieces);
}

TEST_F(LogTest, FollowerKeepsTheLeadersBytes) {
  MustOpen();
  const absl::StatusOr<int> count = log->AppendAsFollower(Batches({{0, 1}, {2, 1}, {4, 3}}), 3);
  ASSERT_TRUE(count.ok()) << count.status().ToString();
  EXPECT_EQ(*count, 3);
  EXPECT_EQ(log->log_end_offset(), 6);
  const std::vector<StoredBatch> all = ReadAll(*log);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].bytes, MakeBatch({.records = 2}, 4, 3).view());
  EXPECT_EQ(log->EndOffsetForEpoch(2), (EpochEndOffset{1, 4}));
}

TEST_F(LogTest, FollowerIgnoresACutTail) {
  MustOpen();
  const Buffer whole = Batches({{0, 1}, {2, 1}});
  EXPECT_EQ(*log->AppendAsFollower(whole.Slice(0, whole.size() - 1), 1), 1);
  EXPECT_EQ(log->log_end_offset(), 2);
  EXPECT_EQ(*log->AppendAsFollower(Buffer::CopyOf(whole.view().substr(0, 10)), 1), 0);
}

TEST_F(LogTest, FollowerRefusesGapsAndOverlaps) {
  MustOpen();
  ASSERT_TRUE(log->AppendAsFollower(Batches({{0, 1}}), 1).ok());
  EXPECT_FALSE(log->AppendAsFollower(Batches({{0, 1}}), 1).ok());
  EXPECT_FALSE(log->AppendAsFollower(Batches({{1, 1}}), 1).ok());
  EXPECT_FALSE(log->AppendAsFollower(Batches({{4, 1}}), 1).ok());
  // What precedes the gap is kept.
  EXPECT_EQ(*log->AppendAsFollower(Batches({{2, 1}, {6, 1}}), 1), 1);
  EXPECT_EQ(log->log_end_offset(), 4);
  EXPECT_TRUE(log->fatal_error().ok());
}

TEST_F(LogTest, FollowerRefusesEpochsBeyondItsFetch) {  // kafka-facts 3.2 (f), KAFKA-18723
  MustOpen();
  EXPECT_FALSE(log->AppendAsFollower(Batches({{0, 5}}), 4).ok());
  EXPECT_EQ(*log->AppendAsFollower(Batches({{0, 4}, {2, 5}}), 4), 1);
  EXPECT_EQ(log->log_end_offset(), 2);
  EXPECT_FALSE(log->AppendAsFollower(Batches({{2, 3}}), 4).ok()) << "epochs never go back";
}

TEST_F(LogTest, FollowerRefusesDamagedBytes) {  // kafka-facts 3.2 (g)
  MustOpen();
  std::string bytes(Batches({{0, 1}, {2, 1}}).view());
  bytes.back() ^= 1;
  EXPECT_EQ(*log->AppendAsFollower(Buffer::CopyOf(bytes), 1), 1);
  EXPECT_EQ(
      log->AppendAsFollower(Buffer::CopyOf(std::string_view(bytes).substr(bytes.size() / 2)), 1)
          .status()
          .code(),
      absl::StatusCode::kDataLoss);
  EXPECT_EQ(log->log_end_offset(), 2);
  EXPECT_TRUE(log->fatal_error().ok());
}

TEST_F(LogTest, FirstBatchMayBeginBelowTheLogStart) {  // kafka-facts 3.2 (e)
  MustOpen();
  Append({.records = 5}, 0);
  ASSERT_TRUE(log->TruncateFullyAndStartAt(101).ok());
  EXPECT_FALSE(log->AppendAsFollower(Batches({{98, 4}}), 4).ok()) << "ends below the log start";
  ASSERT_EQ(*log->AppendAsFollower(Batches({{100, 4}, {102, 4}}), 4), 2);
  EXPECT_EQ(log->log_start_offset(), 101);
  EXPECT_EQ(log->log_end_offset(), 104);
  EXPECT_EQ(ReadAll(*log, 101, 104).front().base_offset, 100);
  Flush();
  EXPECT_EQ(log->flushed_offset(), 104);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_start_offset(), 101);
  EXPECT_EQ(log->log_end_offset(), 104);
  EXPECT_EQ(ReadAll(*log, 101, 104).size(), 2u);
}

// What could not be written leaves no end below the log's start (FOUND 33).
TEST_F(LogTest, AFullDiskBeforeAFirstBatchThatBeginsBelowTheLogStart) {
  MustOpen();
  ASSERT_TRUE(log->TruncateFullyAndStartAt(101).ok());
  const Buffer first = Batches({{100, 4}});
  // Room for the recovery point that says where the log begins anew, but not for the batch.
  fs.set_capacity_bytes(fs.used_bytes() + 64);
  EXPECT_TRUE(absl::IsResourceExhausted(log->AppendAsFollower(first, 4).status()));
  const auto expect_empty = [this] {
    EXPECT_EQ(log->log_start_offset(), 101);
    EXPECT_EQ(log->log_end_offset(), 101);
    EXPECT_EQ(log->flushed_offset(), 101);
    EXPECT_EQ(log->size_bytes(), 0);
  };
  expect_empty();
  EXPECT_TRUE(log->fatal_error().ok());
  fs.set_capacity_bytes(std::nullopt);
  ASSERT_TRUE(log->CloseCleanly().ok());
  MustOpen(/*clean_shutdown=*/true);
  expect_empty();
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  expect_empty();
  ASSERT_EQ(*log->AppendAsFollower(first, 4), 1);
  EXPECT_EQ(log->log_end_offset(), 102);
}

TEST_F(LogTest, AfterSuchAFullDiskAnyFirstBatchIsTaken) {
  for (const bool leads : {false, true}) {
    MustOpen();
    ASSERT_TRUE(log->TruncateFullyAndStartAt(101).ok());
    fs.set_capacity_bytes(fs.used_bytes() + 64);
    EXPECT_FALSE(log->AppendAsFollower(Batches({{100, 4}}), 4).ok());
    fs.set_capacity_bytes(std::nullopt);
    if (leads) {
      EXPECT_EQ(Append({.records = 2}, 5).base_offset, 101);
    } else {
      EXPECT_EQ(*log->AppendAsFollower(Batches({{101, 4}}), 4), 1);
    }
    EXPECT_EQ(log->log_end_offset(), 103);
    EXPECT_EQ(ReadAll(*log, 101, 103).front().base_offset, 101);
    Flush();
    Crash(sim::CrashModel::kLoseUnsynced);
    MustOpen();
    EXPECT_EQ(log->log_start_offset(), 101);
    EXPECT_EQ(log->log_end_offset(), 103);
    EXPECT_EQ(ReadAll(*log, 101, 103).front().base_offset, 101);
    ASSERT_TRUE(log->TruncateFullyAndStartAt(0).ok());
  }
}

TEST_F(LogTest, EmptyEpochIsKnownToTheNewLeader) {  // kafka-facts 3.2 (a), I4
  MustOpen();
  Append({.records = 3}, 1);
  log->AssignLeaderEpoch(2);
  EXPECT_EQ(log->latest_leader_epoch(), 2);
  EXPECT_EQ(log->EndOffsetForEpoch(1), (EpochEndOffset{1, 3}));
  EXPECT_EQ(log->EndOffsetForEpoch(2), (EpochEndOffset{2, 3}));
  EXPECT_TRUE(Flush()) << "an epoch alone is worth a ticket";
  EXPECT_NE(ReadFile(fs, PathOf("leader-epoch-checkpoint"))->find("2 3"), std::string::npos);
  // Deposed without writing: epoch 3 begins where 2 did and takes its place.
  log->AssignLeaderEpoch(3);
  EXPECT_EQ(log->EndOffsetForEpoch(2), (EpochEndOffset{1, 3}));
  EXPECT_EQ(log->EndOffsetForEpoch(3), (EpochEndOffset{3, 3}));
  log->AssignLeaderEpoch(2);
  EXPECT_EQ(log->latest_leader_epoch(), 3) << "an older epoch changes nothing";
}

TEST_F(LogTest, UnknownEpochsHaveNoEnd) {  // kafka-facts 3.2 (d)
  MustOpen();
  EXPECT_EQ(log->EndOffsetForEpoch(0), (EpochEndOffset{-1, -1}));
  Append({.records = 3}, 4);
  EXPECT_EQ(log->EndOffsetForEpoch(9), (EpochEndOffset{-1, -1}));
  EXPECT_EQ(log->EndOffsetForEpoch(-1), (EpochEndOffset{-1, -1}));
}

TEST_F(LogTest, FollowerRollsInsideOneAnswer) {
  options.segment_bytes = 300;
  MustOpen();
  std::vector<Buffer> pieces;
  for (int i = 0; i < 20; ++i) pieces.push_back(MakeBatch({.records = 2}, 2 * i, 1));
  EXPECT_EQ(*log->AppendAsFollower(Concatenate(pieces), 1), 20);
  EXPECT_GT(log->segment_count(), 4);
  EXPECT_EQ(ReadAll(*log).size(), 20u);
}

}  // namespace
}  // namespace soliton::segment
