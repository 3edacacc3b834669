// Brokers have thousands of logs that nothing is written to: they come and go without work for the
// disk.
#include <gtest/gtest.h>

#include "segment/recovery_point_file.h"
#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

class LogIdleTest : public LogTest {
 protected:
  // Batches of two records.
  void Fill(int batches, int32_t leader_epoch) {
    for (int i = 0; i < batches; ++i) {
      ASSERT_EQ(Append({.records = 2}, leader_epoch).error, kafka::ErrorCode::NONE);
    }
  }
};

TEST_F(LogIdleTest, AnIdleLogIsOpenedAndClosedWithoutWriting) {
  MustOpen();
  Fill(3, 1);
  ASSERT_TRUE(log->CloseCleanly().ok());
  const uint64_t before = fs.operation_count();
  for (int i = 0; i < 3; ++i) {
    MustOpen(true);
    EXPECT_EQ(log->log_end_offset(), 6);
    ASSERT_TRUE(log->CloseCleanly().ok());
  }
  EXPECT_LE(fs.operation_count() - before, 3u) << "the folder's name is synced each time";
  MustOpen(true);
  Fill(1, 2);
  ASSERT_TRUE(log->CloseCleanly().ok());
  MustOpen(true);
  EXPECT_EQ(log->log_end_offset(), 8) << "what was written is not forgotten for it";
  EXPECT_EQ(log->latest_leader_epoch(), 2);
  log->AssignLeaderEpoch(7);
  ASSERT_TRUE(log->CloseCleanly().ok());
  EXPECT_NE(ReadFile(fs, PathOf("leader-epoch-checkpoint"))->find("7 8"), std::string::npos);
}

TEST_F(LogIdleTest, AnEmptyLogComesBackWithoutWriting) {
  MustOpen();
  log->AssignLeaderEpoch(3);
  Flush();
  Flush();
  log.reset();
  fs.ProcessExited();
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 0);
  EXPECT_EQ(log->latest_leader_epoch(), -1);
  log.reset();
  int operations = 0;
  fs.SetObserver([&](sim::FileOperation operation, const std::string&) {
    EXPECT_EQ(operation, sim::FileOperation::kSyncDirectory);
    ++operations;
  });
  fs.ProcessExited();
  MustOpen();
  EXPECT_EQ(operations, 2);
  fs.SetObserver(nullptr);
  Fill(2, 4);
  Flush();
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 4) << "and keeps what it gets";
  EXPECT_EQ(log->latest_leader_epoch(), 4);
}

// Killed while nothing was written: everything is behind the mark.
TEST_F(LogIdleTest, ALogThatIsWhollyBehindItsMarkComesBackWithoutASync) {
  MustOpen();
  Fill(3, 1);
  Flush();
  for (int i = 0; i < 3; ++i) {
    log.reset();
    int syncs = 0;
    fs.SetObserver([&](sim::FileOperation operation, const std::string&) {
      syncs += operation == sim::FileOperation::kSync;
    });
    fs.ProcessExited();
    MustOpen();
    fs.SetObserver(nullptr);
    EXPECT_EQ(syncs, 0);
    EXPECT_EQ(log->flushed_offset(), 6);
  }
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 6) << "the mark may be gone, the records are not";
}

TEST_F(LogIdleTest, AMarkThatWasOnItsWayIsSyncedAfterTheOpening) {
  MustOpen();
  Fill(3, 1);
  Flush();
  log.reset();
  fs.ProcessExited();
  MustOpen();
  clock.wall_ms += 2000;
  ASSERT_TRUE(log->WantsFlush());
  Flush();
  EXPECT_FALSE(log->WantsFlush());
  Crash(sim::CrashModel::kLoseUnsynced);
  const auto file = RecoveryPointFile::Open(fs, directory);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->last());
  EXPECT_EQ(file->last()->durable_end_offset, 6);
}

// The checkpoint still names an epoch at the end of the log, which no batch was written in.
TEST_F(LogIdleTest, AnEmptyEpochOnTheDiskDoesNotComeBackOverLaterBatches) {
  MustOpen();
  Fill(3, 1);
  Flush();
  log->AssignLeaderEpoch(5);
  Flush();
  log.reset();
  fs.ProcessExited();
  MustOpen();
  EXPECT_EQ(log->latest_leader_epoch(), 1) << "nothing was written in 5";
  Fill(2, 1);
  Flush();
  Flush();
  log.reset();
  fs.ProcessExited();
  MustOpen();
  EXPECT_EQ(log->latest_leader_epoch(), 1);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 10);
  EXPECT_EQ(log->latest_leader_epoch(), 1);
}

}  // namespace
}  // namespace soliton::segment
