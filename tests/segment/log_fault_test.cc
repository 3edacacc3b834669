// Every disk operation of every script fails once, or the disk is full from there on: the error
// says what failed and where, nothing acknowledged is lost, and a full disk stops nothing for good.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/check.h"
#include "tests/segment/log_scripts.h"

namespace soliton::segment {
namespace {

using testing::HasSubstr;

class LogFaultTest : public testing::TestWithParam<LogScript> {
 protected:
  struct Run {
    explicit Run(uint64_t seed) : fs(seed), log(fs, clock, ScriptOptions()) {
      CHECK(fs.CreateDirectories("/data").ok() && fs.SyncDirectory("/").ok());
      prepared = fs.operation_count();
    }
    sim::SimFileSystem fs;
    ManualClock clock;
    LogModel log;
    uint64_t prepared;
  };

  static uint64_t CountOperations() {
    Run run(1);
    CHECK(run.log.Open(false).ok());
    GetParam().run(run.log);
    return run.fs.operation_count() - run.prepared;
  }

  // What the log says about the fault, while it is open or instead of opening.
  static void CheckMessage(const absl::Status& status, const absl::Status& fault) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(fault.message())));
    EXPECT_THAT(std::string(status.message()), HasSubstr("data"));
  }

  // Everything is still there after the process, or the machine, is gone.
  static void CheckNothingIsLost(Run& run, bool power_loss, const std::string& context) {
    run.log.DropLog();
    run.fs.ClearFaults();
    if (power_loss) {
      run.fs.CrashAndRecover();
    } else {
      run.fs.ProcessExited();
    }
    run.log.OpenRecovered(context);
    if (HasFailure()) return;
    // What a failed sync left readable must be on the disk now.
    run.log.DropLog();
    run.fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
    run.log.OpenRecovered(context + ", then a power loss");
  }

  static void FailEach(const absl::Status& fault) {
    const uint64_t operations = CountOperations();
    int usable = 0;
    for (uint64_t n = 1; n <= operations; ++n) {
      for (const bool power_loss : {false, true}) {
        const std::string context =
            fmt::format("operation {} fails with {}, {}", n, std::string(fault.message()),
                        power_loss ? "power loss" : "exit");
        Run run(FirstSeed() + n);
        run.fs.FailOperation(run.prepared + n, fault);
        const absl::Status opened = run.log.Open(false);
        if (opened.ok()) {
          GetParam().run(run.log);
        } else {
          CheckMessage(opened, fault);
        }
        if (!run.log.stopped()) {
          ++usable;
          run.log.Check(context);
          AppendSome(run.log, 3, run.log.latest_epoch() + 1);
          run.log.Flush();
          EXPECT_EQ(run.log.log().flushed_offset(), run.log.end_offset()) << context;
        } else if (run.log.is_open() && !absl::IsFailedPrecondition(run.log.log().fatal_error())) {
          CheckMessage(run.log.log().fatal_error(), fault);
          const AppendResult refused = run.log.log().AppendAsLeader(MakeBatch({}), 1000);
          EXPECT_EQ(refused.error, kafka::ErrorCode::KAFKA_STORAGE_ERROR) << context;
          EXPECT_FALSE(run.log.log().TakeFlush()) << context;
        }
        CheckNothingIsLost(run, power_loss, context);
        if (HasFailure()) return;
      }
    }
    if (absl::IsResourceExhausted(fault)) {
      EXPECT_GT(usable, 0) << "a full disk fences no log where nothing was promised";
    }
  }
};

TEST_P(LogFaultTest, EachOperationFailsWithAnIoError) {
  FailEach(absl::DataLossError("Input/output error"));
}

TEST_P(LogFaultTest, EachOperationFindsTheDiskFull) {
  FailEach(absl::ResourceExhaustedError("No space left on device"));
}

// From operation n on nothing can be written, until there is room again.
TEST_P(LogFaultTest, TheDiskIsFullForAWhile) {
  const uint64_t operations = CountOperations();
  for (uint64_t n = 1; n <= operations; n += 2) {
    const std::string context = fmt::format("full from operation {} on", n);
    Run run(FirstSeed() + n);
    run.fs.SetObserver([&](sim::FileOperation, const std::string&) {
      if (run.fs.operation_count() >= run.prepared + n) {
        run.fs.set_capacity_bytes(run.fs.used_bytes());
      }
    });
    if (run.log.Open(false).ok()) GetParam().run(run.log);
    run.fs.SetObserver(nullptr);
    if (!run.log.stopped()) {
      run.log.Check(context);
      run.log.FinishFlush();
      int tickets = 0;
      for (; tickets < 10 && run.log.log().fatal_error().ok(); ++tickets) {
        run.log.TakeFlush();
        if (!run.log.flush_is_out()) break;
        run.log.FinishFlush();
      }
      EXPECT_LT(tickets, 10) << context << ": flushes for ever";
    }
    run.fs.set_capacity_bytes(std::nullopt);
    if (!run.log.stopped()) {
      AppendSome(run.log, 8, run.log.latest_epoch() + 1);
      run.log.Flush();
      EXPECT_EQ(run.log.log().flushed_offset(), run.log.end_offset()) << context;
      run.log.Check(context);
    }
    CheckNothingIsLost(run, n % 4 == 1, context);
    if (HasFailure()) return;
  }
}

// A start on a disk that fails, at each operation of the recovery.
TEST_P(LogFaultTest, RecoveryMeetsTheFault) {
  for (const absl::Status& fault : {absl::DataLossError("Input/output error"),
                                    absl::ResourceExhaustedError("No space left on device")}) {
    bool reached_the_end = false;
    for (uint64_t m = 1; !reached_the_end; ++m) {
      ASSERT_LT(m, 200u);
      const std::string context = fmt::format("operation {} of recovery: {}", m, fault.ToString());
      Run run(FirstSeed() + m);
      ASSERT_TRUE(run.log.Open(false).ok());
      GetParam().run(run.log);
      run.log.DropLog();
      run.fs.CrashAndRecover();
      const uint64_t before = run.fs.operation_count();
      run.fs.FailOperation(before + m, fault);
      const absl::Status opened = run.log.Open(false);
      reached_the_end = run.fs.operation_count() < before + m;
      if (!opened.ok()) {
        EXPECT_FALSE(reached_the_end);
        CheckMessage(opened, fault);
        // A sync that found the disk full has lost bytes.
        EXPECT_TRUE(opened.code() == fault.code() || absl::IsDataLoss(opened)) << context;
      }
      CheckNothingIsLost(run, m % 2 == 0, context);
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scripts, LogFaultTest,
                         testing::ValuesIn(LogScripts().begin(), LogScripts().end()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace soliton::segment
