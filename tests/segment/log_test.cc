// Appending, rolling, reading and flushing of one log.
#include <gtest/gtest.h>

#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

using kafka::ErrorCode;

TEST_F(LogTest, NewLogIsEmptyAndNamed) {
  MustOpen();
  EXPECT_EQ(log->log_start_offset(), 0);
  EXPECT_EQ(log->log_end_offset(), 0);
  EXPECT_EQ(log->flushed_offset(), 0);
  EXPECT_EQ(log->segment_count(), 1);
  EXPECT_EQ(log->latest_leader_epoch(), -1);
  EXPECT_EQ(log->topic_id(), topic_id);
  EXPECT_TRUE(fs.Exists(PathOf("00000000000000000000.log")));
  EXPECT_EQ(*ReadFile(fs, PathOf("partition.metadata")),
            "version: 0\ntopic_id: " + topic_id.ToString() + "\n");
}

TEST_F(LogTest, AppendsAndReadsBack) {
  MustOpen();
  const AppendResult first = Append({.records = 3}, 5);
  EXPECT_EQ(first.error, ErrorCode::NONE) << first.error_message;
  EXPECT_EQ(first.base_offset, 0);
  EXPECT_EQ(first.last_offset, 2);
  EXPECT_EQ(first.log_append_time_ms, -1);
  const AppendResult second = Append({.records = 2}, 5);
  EXPECT_EQ(second.base_offset, 3);
  EXPECT_EQ(log->log_end_offset(), 5);

  const std::vector<StoredBatch> all = ReadAll(*log);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].bytes, MakeBatch({.records = 3}, 0, 5).view());
  EXPECT_EQ(all[1].bytes, MakeBatch({.records = 2}, 3, 5).view());
  // An offset inside a batch gives the whole batch.
  EXPECT_EQ(ReadAll(*log, 4, 5).front().base_offset, 3);
}

TEST_F(LogTest, FlushMovesTheFlushedOffset) {
  MustOpen();
  EXPECT_FALSE(Flush()) << "nothing to flush in an empty log";
  Append({.records = 3});
  EXPECT_EQ(log->flushed_offset(), 0);
  const std::optional<FlushTicket> ticket = log->TakeFlush();
  ASSERT_TRUE(ticket);
  Append({.records = 2});
  EXPECT_FALSE(log->TakeFlush()) << "one ticket at a time";
  EXPECT_EQ(log->flushed_offset(), 0);
  log->FlushDone(*ticket, ticket->Run(fs));
  EXPECT_EQ(log->flushed_offset(), 3);
  EXPECT_TRUE(Flush());
  EXPECT_EQ(log->flushed_offset(), 5);
  EXPECT_FALSE(Flush()) << "everything is durable";
}

TEST_F(LogTest, FlushedDataSurvivesPowerLoss) {
  MustOpen();
  Append({.records = 3}, 1);
  Append({.records = 1}, 2);
  Flush();
  const std::vector<StoredBatch> before = ReadAll(*log);
  Append({.records = 7}, 2);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 4);
  EXPECT_EQ(log->flushed_offset(), 4);
  EXPECT_EQ(ReadAll(*log), before);
  EXPECT_EQ(log->latest_leader_epoch(), 2);
  EXPECT_EQ(Append({}, 2).base_offset, 4);
}

TEST_F(LogTest, CleanCloseAndReopen) {
  options.segment_bytes = 1000;
  MustOpen();
  for (int i = 0; i < 50; ++i) Append({.records = 2, .value = std::string(50, 'x')}, i / 10);
  const std::vector<StoredBatch> before = ReadAll(*log);
  const int segments = log->segment_count();
  ASSERT_GT(segments, 3);
  ASSERT_TRUE(log->CloseCleanly().ok());
  EXPECT_EQ(Append().error, ErrorCode::KAFKA_STORAGE_ERROR);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen(true);
  EXPECT_EQ(ReadAll(*log), before);
  EXPECT_EQ(log->segment_count(), segments);
  EXPECT_EQ(log->latest_leader_epoch(), 4);
  EXPECT_EQ(log->flushed_offset(), 100);
  EXPECT_EQ(Append({}, 4).base_offset, 100);
  Flush();
  Crash();
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 101);
}

}  // namespace
}  // namespace soliton::segment
