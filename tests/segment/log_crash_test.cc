// Power loss at every single disk operation of several histories, under several draws of what the
// disk kept.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/segment/log_model.h"

namespace soliton::segment {
namespace {

using Script = std::function<void(LogModel&)>;

LogOptions SmallSegments() {
  LogOptions options;
  options.segment_bytes = 700;
  options.index_interval_bytes = 100;
  options.checkpoint_step_bytes = 300;
  return options;
}

void PrepareDisk(sim::SimFileSystem& fs) {
  ASSERT_TRUE(fs.CreateDirectories("/data").ok());
  ASSERT_TRUE(fs.SyncDirectory("/").ok());
}

// Runs the script, dies at operation `crash_at` (0 = never), and returns how many operations there
// were.
uint64_t RunOnce(const Script& script, uint64_t crash_at, uint64_t seed, sim::CrashModel model) {
  sim::SimFileSystem fs(seed);
  ManualClock clock;
  PrepareDisk(fs);
  const uint64_t prepared = fs.operation_count();
  if (crash_at > 0) fs.SetCrashAtOperation(prepared + crash_at);
  LogModel log(fs, clock, SmallSegments());
  if (log.Open(false).ok()) script(log);
  const uint64_t operations = fs.operation_count() - prepared;
  if (crash_at == 0) return operations;

  const std::string context = fmt::format("crash at operation {} with seed {}", crash_at, seed);
  log.DropLog();
  fs.CrashAndRecover(model);
  log.OpenRecovered(context);
  if (testing::Test::HasFailure()) return operations;
  // Recovery made it durable: a second power loss changes nothing, and the log goes on.
  log.DropLog();
  fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  log.OpenRecovered(context + ", again");
  if (testing::Test::HasFailure()) return operations;
  const int32_t leader_epoch = log.latest_epoch() + 1;
  for (const int64_t producer_id : {0, 1}) {
    log.RetryLastOf(producer_id, leader_epoch);
    log.AppendAsProducer(producer_id, {.records = 2}, leader_epoch);
  }
  log.Flush();
  log.Check(context + ", after more appends");
  log.DropLog();
  fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  log.OpenRecovered(context + ", at last");
  return operations;
}

void CrashEverywhere(const Script& script, int random_draws = 4) {
  const uint64_t operations = RunOnce(script, 0, 1, sim::CrashModel::kLoseUnsynced);
  ASSERT_GT(operations, 10u);
  for (uint64_t n = 1; n <= operations && !testing::Test::HasFailure(); ++n) {
    RunOnce(script, n, 1, sim::CrashModel::kLoseUnsynced);
    for (int draw = 0; draw < random_draws; ++draw) {
      if (testing::Test::HasFailure()) return;
      RunOnce(script, n, FirstSeed() + 100 + n * 31 + static_cast<uint64_t>(draw),
              sim::CrashModel::kRandom);
    }
  }
}

void AppendSome(LogModel& log, int count, int32_t leader_epoch) {
  for (int i = 0; i < count; ++i) {
    const BatchSpec spec = {.records = 1 + i % 3, .value = std::string(20 + 30 * (i % 4), 'x')};
    if (i % 5 == 0) {
      log.AppendAsLeader(spec, leader_epoch);
    } else {
      log.AppendAsProducer(i % 2, spec, leader_epoch);
    }
  }
}

TEST(LogCrash, WhileAppendingAndRolling) {
  CrashEverywhere([](LogModel& log) {
    for (int round = 0; round < 6; ++round) {
      AppendSome(log, 5, round / 2);
      log.Flush();
    }
    AppendSome(log, 3, 3);
  });
}

TEST(LogCrash, WhileAppendsGoOnDuringTheFlush) {
  CrashEverywhere([](LogModel& log) {
    for (int round = 0; round < 6; ++round) {
      AppendSome(log, 4, round);
      log.TakeFlush();
      AppendSome(log, 4, round);
      log.FinishFlush();
    }
  });
}

TEST(LogCrash, WhileFollowing) {
  CrashEverywhere([](LogModel& log) {
    for (int round = 0; round < 4; ++round) {
      log.AppendAsFollower({{.records = 3, .value = std::string(150, 'a')},
                            {.records = 1, .value = std::string(250, 'b')},
                            {.records = 2, .value = std::string(200, 'c')}},
                           round);
      log.Flush();
    }
  });
}

TEST(LogCrash, WhileTruncating) {
  CrashEverywhere([](LogModel& log) {
    AppendSome(log, 12, 1);
    log.Flush();
    AppendSome(log, 8, 2);
    log.TruncateTo(25);
    AppendSome(log, 8, 3);
    log.Flush();
    AppendSome(log, 8, 4);
    log.TruncateTo(5);
    AppendSome(log, 4, 5);
    log.Flush();
  });
}

TEST(LogCrash, WhileTruncatingUnderAFlush) {
  CrashEverywhere([](LogModel& log) {
    AppendSome(log, 16, 1);
    log.TakeFlush();
    log.TruncateTo(12);
    AppendSome(log, 14, 2);
    log.FinishFlush();
    log.TakeFlush();
    log.TruncateTo(9);
    log.FinishFlush();
    AppendSome(log, 14, 3);
    log.Flush();
  });
}

TEST(LogCrash, WhileTruncatingFully) {
  CrashEverywhere([](LogModel& log) {
    AppendSome(log, 12, 1);
    log.Flush();
    log.TruncateFullyAndStartAt(1000);
    AppendSome(log, 6, 2);
    log.TakeFlush();
    log.TruncateFullyAndStartAt(2000);
    AppendSome(log, 6, 3);
    log.FinishFlush();
    log.Flush();
    log.TruncateFullyAndStartAt(10);
    AppendSome(log, 6, 4);
    log.Flush();
  });
}

TEST(LogCrash, WhileTheLogStartMoves) {
  CrashEverywhere([](LogModel& log) {
    AppendSome(log, 20, 1);
    log.Flush();
    log.AdvanceLogStart(4);
    log.AdvanceLogStart(17);
    AppendSome(log, 10, 2);
    log.Flush();
    log.ApplyRetention(-1, 900);
    AppendSome(log, 3, 3);
    log.AdvanceLogStart(log.end_offset());
    AppendSome(log, 3, 3);
    log.Flush();
  });
}

TEST(LogCrash, WhileClosingAndReopening) {
  CrashEverywhere([](LogModel& log) {
    for (int round = 0; round < 3; ++round) {
      AppendSome(log, 7, round);
      if (!log.CloseCleanly()) return;
      if (!log.Open(true).ok()) return;
    }
    AppendSome(log, 7, 4);
    log.Flush();
  });
}

// The owner goes on while the disk thread is between any two steps of a ticket.
void InterleaveEverywhere(const Script& between) {
  for (int n = 1; !testing::Test::HasFailure(); ++n) {
    sim::SimFileSystem fs(static_cast<uint64_t>(n));
    ManualClock clock;
    PrepareDisk(fs);
    LogModel log(fs, clock, SmallSegments());
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

// Recovery itself is interrupted, at each of its operations.
TEST(LogCrash, WhileRecovering) {
  for (uint64_t n = 1; n < 60; ++n) {
    sim::SimFileSystem fs(FirstSeed() + n);
    ManualClock clock;
    PrepareDisk(fs);
    LogModel log(fs, clock, SmallSegments());
    ASSERT_TRUE(log.Open(false).ok());
    AppendSome(log, 10, 1);
    log.Flush();
    AppendSome(log, 10, 2);
    log.DropLog();
    fs.CrashAndRecover();
    fs.SetCrashAtOperation(fs.operation_count() + n);
    const bool interrupted = !log.Open(false).ok();
    log.DropLog();
    fs.CrashAndRecover();
    log.OpenRecovered(fmt::format("recovery interrupted at operation {}", n));
    if (HasFailure()) return;
    if (!interrupted) return;
  }
  FAIL() << "recovery took 60 operations or more";
}

}  // namespace
}  // namespace soliton::segment
