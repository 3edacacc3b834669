// The owner goes on working while the disk thread is between any two operations of a flush ticket.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/segment/log_scripts.h"

namespace soliton::segment {
namespace {

void PrepareDisk(sim::SimFileSystem& fs) {
  ASSERT_TRUE(fs.CreateDirectories("/data").ok());
  ASSERT_TRUE(fs.SyncDirectory("/").ok());
}

void InterleaveEverywhere(const std::function<void(LogModel&)>& between) {
  for (int n = 1; !testing::Test::HasFailure(); ++n) {
    sim::SimFileSystem fs(static_cast<uint64_t>(n));
    ManualClock clock;
    PrepareDisk(fs);
    LogModel log(fs, clock, ScriptOptions());
    ASSERT_TRUE(log.Open(false).ok());
    AppendSome(log, 10, 1);
    log.Flush();
    AppendSome(log, 10, 2);
    log.TakeFlush();
    const bool done = log.FinishFlushWith(n, [&] { between(log); });
    if (!done) {
      EXPECT_GT(n, 10);
      return;
    }
    const std::string context = fmt::format("after operation {} of the ticket", n);
    log.Check(context);
    AppendSome(log, 2, 4);
    log.Flush();
    EXPECT_EQ(log.log().flushed_offset(), log.end_offset()) << context;
    log.Check(context);
    AppendSome(log, 5, 4);
    log.DropLog();
    fs.CrashAndRecover();
    log.OpenRecovered(context);
  }
}

TEST(LogInterleaving, AppendsAndRolls) {
  InterleaveEverywhere([](LogModel& log) { AppendSome(log, 12, 3); });
}

TEST(LogInterleaving, Truncation) {
  InterleaveEverywhere([](LogModel& log) {
    log.TruncateTo(22);
    AppendSome(log, 12, 3);
  });
  InterleaveEverywhere([](LogModel& log) {
    log.TruncateTo(7);
    AppendSome(log, 12, 3);
  });
}

TEST(LogInterleaving, FullTruncation) {
  InterleaveEverywhere([](LogModel& log) {
    log.TruncateFullyAndStartAt(24);
    AppendSome(log, 12, 3);
  });
}

TEST(LogInterleaving, LogStart) {
  InterleaveEverywhere([](LogModel& log) {
    log.AdvanceLogStart(30);
    AppendSome(log, 12, 3);
  });
}

}  // namespace
}  // namespace soliton::segment
