// The log on a real file system, with flushes on a real disk thread's schedule left out: what is
// written, renamed and removed must work there as it does in the simulator.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/file/posix_file_system.h"
#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

class LogPosixTest : public testing::Test {
 protected:
  void SetUp() override {
    directory =
        JoinPath(testing::TempDir(),
                 fmt::format("soliton-{}", testing::UnitTest::GetInstance()->random_seed()));
    ASSERT_TRUE(fs.RemoveTree(directory).ok());
    ASSERT_TRUE(fs.CreateDirectories(directory).ok());
    options.segment_bytes = 4000;
    options.index_interval_bytes = 300;
  }
  void TearDown() override { EXPECT_TRUE(fs.RemoveTree(directory).ok()); }
  std::unique_ptr<Log> Open(bool clean_shutdown) {
    auto log = Log::Open(fs, clock, options,
                         {.directory = JoinPath(directory, "topic-0"),
                          .topic_id = Uuid{1, 2},
                          .clean_shutdown = clean_shutdown});
    EXPECT_TRUE(log.ok()) << log.status().ToString();
    return *std::move(log);
  }
  void Fill(Log& log, int count, int32_t leader_epoch) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(log.AppendAsLeader(MakeBatch({.records = 2, .value = std::string(200, 'x')}),
                                   leader_epoch)
                    .error,
                kafka::ErrorCode::NONE);
    }
  }
  void Flush(Log& log) {
    const std::optional<FlushTicket> ticket = log.TakeFlush();
    ASSERT_TRUE(ticket);
    const absl::Status status = ticket->Run(fs);
    ASSERT_TRUE(status.ok()) << status.ToString();
    log.FlushDone(*ticket, status);
  }

  PosixFileSystem fs;
  ManualClock clock;
  LogOptions options;
  std::string directory;
};

TEST_F(LogPosixTest, LivesThroughRollsTruncationsAndRestarts) {
  std::unique_ptr<Log> log = Open(false);
  Fill(*log, 40, 1);
  Flush(*log);
  EXPECT_EQ(log->flushed_offset(), 80);
  ASSERT_TRUE(log->TruncateTo(33).ok());
  EXPECT_EQ(log->log_end_offset(), 32);
  Fill(*log, 20, 2);
  Flush(*log);
  Fill(*log, 3, 3);
  std::vector<StoredBatch> before = ReadAll(*log);

  log.reset();  // killed
  log = Open(false);
  EXPECT_EQ(ReadAll(*log), before);
  ASSERT_TRUE(log->AdvanceLogStart(21).ok());
  Fill(*log, 3, 4);
  before = ReadAll(*log);
  ASSERT_TRUE(log->CloseCleanly().ok());

  log.reset();
  log = Open(true);
  EXPECT_EQ(ReadAll(*log), before);
  EXPECT_EQ(log->log_start_offset(), 21);
  EXPECT_GE(log->Read(25, log->log_end_offset(), 1000, true)->region.file->native_handle(), 0);
  ASSERT_TRUE(log->TruncateFullyAndStartAt(500).ok());
  Fill(*log, 2, 5);
  Flush(*log);
  log.reset();
  log = Open(false);
  EXPECT_EQ(log->log_start_offset(), 500);
  EXPECT_EQ(log->log_end_offset(), 504);
}

}  // namespace
}  // namespace soliton::segment
