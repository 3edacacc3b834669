#include "segment/segment_checkpoint.h"

#include <gtest/gtest.h>

#include "segment/segment.h"
#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

SegmentCheckpoint Example() {
  SegmentCheckpoint checkpoint{.base_offset = 100,
                               .end_offset = 180,
                               .end_position = 9000,
                               .first_timestamp_ms = 5,
                               .max_timestamp_ms = 77,
                               .max_timestamp_offset = 150,
                               .bytes_since_index_entry = 12,
                               .offset_index = OffsetIndex(100),
                               .time_index = TimeIndex(100)};
  checkpoint.offset_index.Append(130, 4200);
  checkpoint.offset_index.Append(160, 8400);
  checkpoint.time_index.MaybeAppend(60, 128);
  return checkpoint;
}

TEST(SegmentCheckpoint, RoundTrip) {
  const auto decoded = SegmentCheckpoint::Decode(Example().Encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(*decoded, Example());
}

TEST(SegmentCheckpoint, AnyDamageIsNoticed) {
  const std::string good = Example().Encode();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 16;
    EXPECT_TRUE(absl::IsDataLoss(SegmentCheckpoint::Decode(bad).status())) << "byte " << i;
    EXPECT_TRUE(absl::IsDataLoss(SegmentCheckpoint::Decode(good.substr(0, i)).status())) << i;
  }
  EXPECT_TRUE(absl::IsDataLoss(SegmentCheckpoint::Decode(good + "x").status()));
}

class CheckpointedLogTest : public LogTest {
 protected:
  void SetUp() override {
    LogTest::SetUp();
    options.checkpoint_step_bytes = 2000;
    options.index_interval_bytes = 200;
    MustOpen();
  }
  // Twenty idempotent batches a round, flushed one by one, so that checkpoints come and go.
  void Write(int rounds) {
    for (int i = 0; i < rounds * 20; ++i) {
      const AppendResult result = Append({.records = 2,
                                          .timestamp_ms = clock.wall_ms + next_,
                                          .value = std::string(50, 'x'),
                                          .producer_id = 7,
                                          .producer_epoch = 0,
                                          .base_sequence = static_cast<int32_t>(next_ * 2)},
                                         static_cast<int32_t>(next_ / 15));
      ASSERT_EQ(result.error, kafka::ErrorCode::NONE) << result.error_message;
      ++next_;
      Flush();
    }
  }
  void Exit() {
    log.reset();
    fs.ProcessExited();
  }
  std::string CheckpointPath() const { return PathOf(kSegmentCheckpointName); }

  int64_t next_ = 0;
};

TEST_F(CheckpointedLogTest, RecoveryReadsOnlyWhatLiesBehindIt) {
  Write(10);
  const std::vector<StoredBatch> before = ReadAll(*log, 2, 400);
  const EpochEndOffset epoch = log->EndOffsetForEpoch(5);
  Exit();
  const auto checkpoint = SegmentCheckpoint::Decode(*ReadFile(fs, CheckpointPath()));
  ASSERT_TRUE(checkpoint.ok());
  ASSERT_GT(checkpoint->end_position, 10'000);
  // A byte of an old record's value: whoever reads it notices, and recovery does not.
  fs.FlipBit(PathOf(SegmentFileName(0, kLogSuffix)), 150, 3);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 400);
  EXPECT_EQ(log->EndOffsetForEpoch(5), epoch);
  EXPECT_EQ(ReadAll(*log, 2, 400), before);
  EXPECT_EQ((*log->FindByTimestamp(clock.wall_ms + 33, 400))->offset, 66);
  // The producer is known: its next batch is accepted, an old one is not.
  EXPECT_NE(
      Append({.records = 2, .producer_id = 7, .producer_epoch = 0, .base_sequence = 10}, 20).error,
      kafka::ErrorCode::NONE);
  Write(1);
  EXPECT_EQ(log->log_end_offset(), 440);
}

TEST_F(CheckpointedLogTest, DamageBehindItIsReportedBelowTheMark) {
  Write(10);
  Exit();
  const auto checkpoint = SegmentCheckpoint::Decode(*ReadFile(fs, CheckpointPath()));
  fs.FlipBit(PathOf(SegmentFileName(0, kLogSuffix)), checkpoint->end_position + 70, 1);
  const absl::Status status = Open();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status.ToString();
}

TEST_F(CheckpointedLogTest, ADamagedOneIsIgnored) {
  Write(10);
  const std::vector<StoredBatch> before = ReadAll(*log);
  Exit();
  fs.FlipBit(CheckpointPath(), 20, 1);
  MustOpen();
  EXPECT_EQ(ReadAll(*log), before);
  EXPECT_FALSE(fs.Exists(CheckpointPath()));
}

TEST_F(CheckpointedLogTest, TruncationForgetsIt) {
  Write(10);
  ASSERT_TRUE(fs.Exists(CheckpointPath()));
  ASSERT_TRUE(log->TruncateTo(100).ok());
  EXPECT_FALSE(fs.Exists(CheckpointPath()));
  // Other records under the same offsets, up to beyond the old checkpoint.
  for (int i = 0; i < 150; ++i) {
    ASSERT_EQ(Append({.records = 2, .value = std::string(80, 'y')}, 40).error,
              kafka::ErrorCode::NONE);
    Flush();
  }
  const std::vector<StoredBatch> before = ReadAll(*log);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(ReadAll(*log), before);
}

TEST_F(CheckpointedLogTest, TruncationDuringTheFlushForgetsItToo) {
  for (int i = 0; i < 60; ++i) ASSERT_EQ(Append({.records = 2}, 0).error, kafka::ErrorCode::NONE);
  auto ticket = log->TakeFlush();
  ASSERT_TRUE(ticket);
  ASSERT_FALSE(ticket->hints.empty());
  ASSERT_TRUE(log->TruncateTo(40).ok());
  log->FlushDone(*ticket, ticket->Run(fs));
  EXPECT_FALSE(fs.Exists(CheckpointPath()));
  for (int i = 0; i < 60; ++i) ASSERT_EQ(Append({.records = 2}, 1).error, kafka::ErrorCode::NONE);
  Flush();
  Flush();
  EXPECT_TRUE(fs.Exists(CheckpointPath()));
  const std::vector<StoredBatch> before = ReadAll(*log);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(ReadAll(*log), before);
}

}  // namespace
}  // namespace soliton::segment
