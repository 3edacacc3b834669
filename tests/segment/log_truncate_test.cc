// Losing data on purpose: truncation, log start, retention; and what that means for a flush under
// way.
#include <gtest/gtest.h>

#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

constexpr int64_t kHourMs = 3600 * 1000;

TEST_F(LogTest, TruncateRemovesTheBatchThatHoldsTheOffset) {
  MustOpen();
  Append({.records = 3}, 1);
  Append({.records = 3}, 2);
  Append({.records = 3}, 3);
  ASSERT_TRUE(log->TruncateTo(9).ok());
  EXPECT_EQ(log->log_end_offset(), 9) << "nothing above the end";
  ASSERT_TRUE(log->TruncateTo(7).ok());
  EXPECT_EQ(log->log_end_offset(), 6);
  EXPECT_EQ(log->latest_leader_epoch(), 2);
  ASSERT_TRUE(log->TruncateTo(3).ok());
  EXPECT_EQ(log->log_end_offset(), 3);
  EXPECT_EQ(log->latest_leader_epoch(), 1);
  EXPECT_EQ(Append({}, 4).base_offset, 3);
  ASSERT_TRUE(log->TruncateTo(0).ok());
  EXPECT_EQ(log->log_end_offset(), 0);
  EXPECT_EQ(log->size_bytes(), 0);
  EXPECT_EQ(log->latest_leader_epoch(), -1);
}

TEST_F(LogTest, TruncateAcrossSegments) {
  options.segment_bytes = 400;
  MustOpen();
  for (int i = 0; i < 30; ++i) Append({.records = 2, .value = std::string(40, 'x')}, i);
  ASSERT_GT(log->segment_count(), 8);
  const std::vector<StoredBatch> before = ReadAll(*log, 0, 20);
  ASSERT_TRUE(log->TruncateTo(20).ok());
  EXPECT_EQ(ReadAll(*log), before);
  EXPECT_EQ(log->latest_leader_epoch(), 9);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_LE(log->log_end_offset(), 20);
  EXPECT_FALSE(fs.Exists(PathOf("00000000000000000040.log")));
}

TEST_F(LogTest, TruncationBoundsTheFlushUnderWay) {
  MustOpen();
  Append({.records = 4});
  Flush();
  Append({.records = 4});
  Append({.records = 4});
  const std::optional<FlushTicket> ticket = log->TakeFlush();
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket->end_offset, 12);
  ASSERT_TRUE(log->TruncateTo(8).ok());
  Append({.records = 4}, 1);
  EXPECT_EQ(log->log_end_offset(), 12);
  log->FlushDone(*ticket, ticket->Run(fs));
  EXPECT_EQ(log->flushed_offset(), 8) << "offsets 8 to 11 are other records now";
  Flush();
  EXPECT_EQ(log->flushed_offset(), 12);
}

TEST_F(LogTest, TruncationBelowTheFlushedOffsetLowersIt) {
  MustOpen();
  for (int i = 0; i < 3; ++i) Append({.records = 2});
  Flush();
  ASSERT_TRUE(log->TruncateTo(2).ok());
  EXPECT_EQ(log->flushed_offset(), 2);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 2);
}

TEST_F(LogTest, TruncateFullyMovesStartAndEnd) {  // S12
  options.segment_bytes = 400;
  MustOpen();
  for (int i = 0; i < 10; ++i) Append({.records = 2, .value = std::string(40, 'x')}, i);
  ASSERT_TRUE(log->TruncateFullyAndStartAt(500).ok());
  EXPECT_EQ(log->log_start_offset(), 500);
  EXPECT_EQ(log->log_end_offset(), 500);
  EXPECT_EQ(log->flushed_offset(), 500);
  EXPECT_EQ(log->segment_count(), 1);
  EXPECT_EQ(log->latest_leader_epoch(), -1);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_start_offset(), 500);
  EXPECT_EQ(log->log_end_offset(), 500);
  EXPECT_EQ(Append({}, 3).base_offset, 500);
}

TEST_F(LogTest, ProducersAreRebuiltByTruncation) {
  options.segment_bytes = 300;
  MustOpen();
  for (int i = 0; i < 12; ++i) {
    const AppendResult result =
        Append({.producer_id = 7, .producer_epoch = 0, .base_sequence = i}, 1);
    ASSERT_EQ(result.error, kafka::ErrorCode::NONE) << result.error_message;
  }
  ASSERT_GT(log->segment_count(), 2);
  ASSERT_TRUE(log->TruncateTo(5).ok());
  // Sequence 5 is next again; 3 is known; 8 was forgotten with its batch.
  EXPECT_TRUE(Append({.producer_id = 7, .producer_epoch = 0, .base_sequence = 3}, 1).duplicate);
  EXPECT_EQ(Append({.producer_id = 7, .producer_epoch = 0, .base_sequence = 8}, 1).error,
            kafka::ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  const AppendResult next = Append({.producer_id = 7, .producer_epoch = 0, .base_sequence = 5}, 1);
  EXPECT_EQ(next.error, kafka::ErrorCode::NONE);
  EXPECT_FALSE(next.duplicate);
  EXPECT_EQ(next.base_offset, 5);
}

TEST_F(LogTest, LogStartDropsWholeSegmentsOnly) {
  options.segment_bytes = 400;
  MustOpen();
  for (int i = 0; i < 20; ++i) Append({.records = 2, .value = std::string(40, 'x')});
  Flush();
  const int segments = log->segment_count();
  ASSERT_TRUE(log->AdvanceLogStart(1).ok());
  EXPECT_EQ(log->segment_count(), segments);
  EXPECT_EQ(log->Read(0, 40, 1000, true).status().code(), absl::StatusCode::kOutOfRange);
  ASSERT_TRUE(log->Read(1, 40, 1000, true).ok());
  ASSERT_TRUE(log->AdvanceLogStart(15).ok());
  EXPECT_LT(log->segment_count(), segments);
  EXPECT_FALSE(fs.Exists(PathOf("00000000000000000000.log")));
  EXPECT_EQ(log->AdvanceLogStart(41).code(), absl::StatusCode::kOutOfRange);
  ASSERT_TRUE(log->AdvanceLogStart(3).ok()) << "going back is ignored";
  EXPECT_EQ(log->log_start_offset(), 15);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_start_offset(), 15);
  EXPECT_EQ(log->log_end_offset(), 40);
}

// Giving back the blocks of a large file takes long: the owner only renames, a disk thread removes.
TEST_F(LogTest, RetiredSegmentsAreRemovedWithTheNextTicket) {
  options.segment_bytes = 400;
  MustOpen();
  for (int i = 0; i < 20; ++i) Append({.records = 2, .value = std::string(40, 'x')});
  while (Flush()) {
  }
  const auto count = [this](std::string_view suffix) {
    int found = 0;
    const auto entries = fs.List(directory);
    for (const DirectoryEntry& entry : *entries) found += entry.name.ends_with(suffix);
    return found;
  };
  const int segments = log->segment_count();
  ASSERT_TRUE(log->ApplyRetention(-1, 1000, 40).ok());
  const int left = log->segment_count();
  ASSERT_LT(left, segments);
  EXPECT_EQ(count(".log"), left);
  EXPECT_EQ(count(".log.deleted"), segments - left);
  // They go first, so that a full disk gets its room.
  fs.set_capacity_bytes(fs.used_bytes());
  std::optional<FlushTicket> ticket = log->TakeFlush();
  ASSERT_TRUE(ticket.has_value()) << "there is that to do";
  EXPECT_TRUE(ticket->Run(fs).ok());
  log->FlushDone(*ticket, absl::OkStatus());
  EXPECT_EQ(count(".log.deleted"), 0);
  EXPECT_LT(fs.used_bytes(), 3000);
  fs.set_capacity_bytes(std::nullopt);
  // Without a ticket the next start removes them; a segment of the same name is another one.
  ASSERT_TRUE(log->TruncateFullyAndStartAt(100).ok());
  EXPECT_EQ(count(".log.deleted"), left);
  ASSERT_TRUE(log->TruncateFullyAndStartAt(100).ok());
  EXPECT_EQ(Append().base_offset, 100);
  while (Flush()) {
  }
  EXPECT_EQ(count(".log"), 1);
  EXPECT_EQ(ReadAll(*log).size(), 1u);
  ASSERT_TRUE(log->TruncateFullyAndStartAt(7).ok());
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 7);
  EXPECT_EQ(count(".log.deleted"), 0);
}

TEST_F(LogTest, RetentionBySizeStopsAtTheLimit) {
  options.segment_bytes = 400;
  MustOpen();
  for (int i = 0; i < 20; ++i) Append({.records = 2, .value = std::string(40, 'x')});
  ASSERT_TRUE(log->ApplyRetention(-1, 0, 10).ok());
  EXPECT_GT(log->log_start_offset(), 0);
  EXPECT_LE(log->log_start_offset(), 10);
  ASSERT_TRUE(log->ApplyRetention(-1, 1000, 40).ok());
  EXPECT_GE(log->size_bytes(), 1000);
  EXPECT_LT(log->size_bytes(), 1400);
  ASSERT_TRUE(log->ApplyRetention(-1, 0, 40).ok());
  EXPECT_EQ(log->segment_count(), 1) << "the active segment stays";
  EXPECT_GT(log->size_bytes(), 0);
}

TEST_F(LogTest, RetentionByTimeTakesTheActiveSegmentToo) {
  MustOpen();
  for (int i = 0; i < 5; ++i) Append({.timestamp_ms = clock.wall_ms});
  Flush();
  clock.wall_ms += 2 * kHourMs;
  ASSERT_TRUE(log->ApplyRetention(3 * kHourMs, -1, 5).ok());
  EXPECT_EQ(log->log_start_offset(), 0);
  ASSERT_TRUE(log->ApplyRetention(kHourMs, -1, 4).ok());
  EXPECT_EQ(log->log_start_offset(), 0) << "not above the high watermark";
  ASSERT_TRUE(log->ApplyRetention(kHourMs, -1, 5).ok());
  EXPECT_EQ(log->log_start_offset(), 5);
  EXPECT_EQ(log->log_end_offset(), 5);
  EXPECT_EQ(log->segment_count(), 1);
  EXPECT_EQ(Append({}, 1).base_offset, 5);
}

TEST_F(LogTest, FutureTimestampsDoNotPinTheLog) {  // S57
  options.validation.timestamp_after_max_ms = std::numeric_limits<int64_t>::max();
  MustOpen();
  Append({.timestamp_ms = clock.wall_ms + int64_t{100} * 365 * 24 * kHourMs});
  Flush();
  clock.wall_ms += 2 * kHourMs;
  ASSERT_TRUE(log->ApplyRetention(kHourMs, -1, 1).ok());
  EXPECT_EQ(log->log_start_offset(), 1);
}

TEST_F(LogTest, EpochOfTheLogStartStaysKnown) {  // kafka-facts 3.2 (b)
  options.segment_bytes = 400;
  MustOpen();
  for (int i = 0; i < 20; ++i) {
    Append({.records = 2, .value = std::string(40, 'x')}, i < 10 ? 3 : 6);
  }
  ASSERT_TRUE(log->AdvanceLogStart(13).ok());
  EXPECT_EQ(log->LeaderEpochOf(13), 3);
  EXPECT_EQ(log->LeaderEpochOf(12), -1);
  EXPECT_EQ(log->EndOffsetForEpoch(3), (EpochEndOffset{3, 20}));
  Flush();
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->LeaderEpochOf(13), 3);
  EXPECT_EQ(log->EndOffsetForEpoch(3), (EpochEndOffset{3, 20}));
  ASSERT_TRUE(log->AdvanceLogStart(40).ok());
  EXPECT_EQ(log->latest_leader_epoch(), 6) << "known although the log is empty";
}

}  // namespace
}  // namespace soliton::segment
