// Appending, rolling, reading and flushing of one log.
#include <gtest/gtest.h>

#include "runtime/base/endian.h"
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

TEST_F(LogTest, RollsBySize) {
  options.segment_bytes = 500;
  MustOpen();
  for (int i = 0; i < 10; ++i) Append({.value = std::string(100, 'x')});
  EXPECT_GT(log->segment_count(), 3);
  const auto entries = fs.List(directory);
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(".log")) continue;
    EXPECT_LE(ReadFile(fs, PathOf(entry.name))->size(), 500u) << entry.name;
  }
  const AppendResult result = Append({.value = std::string(500, 'x')});
  EXPECT_EQ(result.error, ErrorCode::RECORD_LIST_TOO_LARGE) << "no segment could hold it";
}

TEST_F(LogTest, RollsByRecordTimeOrElseByAge) {
  options.segment_ms = 1000;
  MustOpen();
  Append({.timestamp_ms = clock.wall_ms});
  Append({.timestamp_ms = clock.wall_ms + 1000});
  EXPECT_EQ(log->segment_count(), 1);
  Append({.timestamp_ms = clock.wall_ms + 1001});
  EXPECT_EQ(log->segment_count(), 2);
  // Without timestamps the segment's age counts.
  Append({.timestamp_ms = -1});
  EXPECT_EQ(log->segment_count(), 2);
  clock.wall_ms += 1001;
  Append({.timestamp_ms = -1});
  EXPECT_EQ(log->segment_count(), 3);
}

TEST_F(LogTest, RollsWhenAnIndexIsFull) {
  options.index_interval_bytes = 1;
  options.max_index_bytes = 48;
  MustOpen();
  for (int i = 0; i < 20; ++i) Append({.timestamp_ms = clock.wall_ms + i});
  EXPECT_GE(log->segment_count(), 4);
  EXPECT_EQ(ReadAll(*log).size(), 20u);
}

TEST_F(LogTest, RefusedBatchesLeaveNoTrace) {
  MustOpen();
  Append({.records = 2});
  const int64_t size_bytes = log->size_bytes();
  std::string bytes(MakeBatch({.records = 2}).view());
  bytes.back() ^= 1;
  EXPECT_EQ(log->AppendAsLeader(Buffer::CopyOf(bytes), 0).error, ErrorCode::CORRUPT_MESSAGE);
  EXPECT_NE(log->AppendAsLeader(Buffer(), 0).error, ErrorCode::NONE);
  EXPECT_EQ(log->log_end_offset(), 2);
  EXPECT_EQ(log->size_bytes(), size_bytes);
  EXPECT_TRUE(log->fatal_error().ok());
}

TEST_F(LogTest, IndexFilesAreKafkas) {
  options.segment_bytes = 1000;
  options.index_interval_bytes = 200;
  MustOpen();
  while (log->segment_count() < 2) {
    Append({.timestamp_ms = clock.wall_ms + log->log_end_offset(), .value = std::string(60, 'x')});
  }
  Flush();
  // Big-endian {relative offset, position}; each names a batch and its last offset.
  const std::string index = *ReadFile(fs, PathOf("00000000000000000000.index"));
  const std::string data = *ReadFile(fs, PathOf("00000000000000000000.log"));
  ASSERT_GE(index.size(), 16u);
  ASSERT_EQ(index.size() % 8, 0u);
  for (size_t at = 0; at < index.size(); at += 8) {
    const auto* entry = reinterpret_cast<const uint8_t*>(index.data()) + at;
    const auto position = LoadBigEndian<int32_t>(entry + 4);
    const kafka::RecordBatchHeader batch(reinterpret_cast<const uint8_t*>(data.data()) + position);
    EXPECT_EQ(batch.last_offset(), LoadBigEndian<int32_t>(entry));
  }
  // {timestamp, relative offset}; the last entry is the segment's newest record.
  const std::string timeindex = *ReadFile(fs, PathOf("00000000000000000000.timeindex"));
  ASSERT_EQ(timeindex.size() % 12, 0u);
  const auto* last = reinterpret_cast<const uint8_t*>(timeindex.data()) + timeindex.size() - 12;
  const auto last_offset = LoadBigEndian<int32_t>(last + 8);
  EXPECT_EQ(LoadBigEndian<int64_t>(last), clock.wall_ms + last_offset);
  EXPECT_EQ(last_offset + 2, log->log_end_offset());
}

}  // namespace
}  // namespace soliton::segment
