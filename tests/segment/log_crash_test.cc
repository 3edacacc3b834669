// Power loss at every single disk operation of every script, and of the recovery that follows. What
// the disk kept is enumerated for the scripts and crash points where that is feasible, and drawn
// for the others.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "runtime/base/check.h"
#include "segment/checkpoint_file.h"
#include "segment/log_recovery.h"
#include "segment/segment.h"
#include "segment/segment_checkpoint.h"
#include "segment/state/leader_epoch_cache.h"
#include "segment/state/producer_state.h"
#include "tests/segment/log_scripts.h"

namespace soliton::segment {
namespace {

// Of the files that are replaced as a whole; the others are appended to.
bool IsWhole(std::string_view name, const std::string& content) {
  if (name.ends_with(kSnapshotSuffix)) return ProducerStateTable::Decode(content).ok();
  if (name == kSegmentCheckpointName) return SegmentCheckpoint::Decode(content).ok();
  if (name == kEpochCheckpointName) return LeaderEpochCache::Decode(content).ok();
  if (name == "partition.metadata") return ParsePartitionMetadata(content).ok();
  return true;
}

// Walks through all answers to a varying row of questions, depth first.
class Odometer final : public sim::CrashChooser {
 public:
  size_t Choose(size_t options) override {
    if (at_ == digits_.size()) digits_.push_back({0, options});
    CHECK(digits_[at_].options == options, "the same questions, asked again, differ");
    return digits_[at_++].value;
  }
  // To the next row of answers; false when there is none.
  bool Next() {
    at_ = 0;
    while (!digits_.empty() && digits_.back().value + 1 == digits_.back().options) {
      digits_.pop_back();
    }
    if (digits_.empty()) return false;
    ++digits_.back().value;
    return true;
  }

 private:
  struct Digit {
    size_t value;
    size_t options;
  };
  std::vector<Digit> digits_;
  size_t at_ = 0;
};

class LogCrashTest : public testing::TestWithParam<LogScript> {
 protected:
  // A new disk and a log on it that runs the script, up to operation `crash_at` (0 = to the end).
  struct Run {
    Run(uint64_t seed, const LogScript& script, uint64_t crash_at)
        : fs(seed), log(fs, clock, ScriptOptions()) {
      CHECK(fs.CreateDirectories("/data").ok() && fs.SyncDirectory("/").ok());
      const uint64_t prepared = fs.operation_count();
      if (crash_at > 0) fs.SetCrashAtOperation(prepared + crash_at);
      if (log.Open(false).ok()) script.run(log);
      operations = fs.operation_count() - prepared;
      log.DropLog();
    }
    // Recovery made it durable: a second power loss changes nothing, and the log goes on.
    void GoOn(const std::string& context) {
      log.DropLog();
      fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
      log.OpenRecovered(context + ", again");
      if (HasFailure()) return;
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
    }
    sim::SimFileSystem fs;
    ManualClock clock;
    LogModel log;
    uint64_t operations = 0;
  };

  static uint64_t CountOperations() { return Run(1, GetParam(), 0).operations; }
  static void Report(const char* what, uint64_t crash_points, uint64_t wrecks) {
    std::printf("%s, %s: %lu crash points, %lu wrecks recovered\n", GetParam().name, what,
                static_cast<unsigned long>(crash_points), static_cast<unsigned long>(wrecks));
    RecordProperty("crash_points", static_cast<int>(crash_points));
    RecordProperty("wrecks", static_cast<int>(wrecks));
  }
};

// Nothing unsynced survives, and several draws of what does.
TEST_P(LogCrashTest, DrawnWrecks) {
  constexpr int kDraws = 4;
  const uint64_t operations = CountOperations();
  ASSERT_GT(operations, 5u);
  for (uint64_t n = 1; n <= operations; ++n) {
    for (int draw = 0; draw <= kDraws; ++draw) {
      const uint64_t seed = FirstSeed() + 100 + n * 31 + static_cast<uint64_t>(draw);
      const std::string context = fmt::format("crash at operation {}, seed {}", n, seed);
      Run run(seed, GetParam(), n);
      run.fs.CrashAndRecover(draw == 0 ? sim::CrashModel::kLoseUnsynced : sim::CrashModel::kRandom);
      run.log.OpenRecovered(context);
      if (HasFailure()) return;
      run.GoOn(context);
      if (HasFailure()) return;
    }
  }
  Report("drawn", operations, operations * (kDraws + 1));
}

// The process dies and the machine lives on: whatever stands under its final name is whole.
TEST_P(LogCrashTest, AKilledProcessTearsNothing) {
  const uint64_t operations = CountOperations();
  int looked_at = 0;
  for (uint64_t n = 1; n <= operations; ++n) {
    const std::string context = fmt::format("killed after operation {}", n);
    Run run(FirstSeed() + n, GetParam(), n);
    run.fs.ProcessExited();
    const auto entries = run.fs.List("/data/topic-0");
    for (const DirectoryEntry& entry : entries.ok() ? *entries : std::vector<DirectoryEntry>()) {
      const auto bytes = ReadFile(run.fs, JoinPath("/data/topic-0", entry.name));
      ASSERT_TRUE(bytes.ok()) << context << ": " << entry.name;
      EXPECT_TRUE(IsWhole(entry.name, *bytes)) << context << ": " << entry.name;
      ++looked_at;
    }
    run.log.OpenRecovered(context);
    if (HasFailure()) return;
  }
  EXPECT_GT(looked_at, 0);
}

// Every legal subset of what was not synced, at the crash points with not too many of them.
TEST_P(LogCrashTest, EveryWreck) {
  const char* const asked = std::getenv("SOLITON_CRASH_WRECKS");  // of one crash point
  const uint64_t most_wrecks = asked == nullptr ? 40 : std::strtoull(asked, nullptr, 10);
  const uint64_t operations = CountOperations();
  uint64_t enumerated_points = 0;
  uint64_t wrecks = 0;
  for (uint64_t n = 1; n <= operations; ++n) {
    Odometer odometer;
    bool more = true;
    for (uint64_t i = 0; more && i < most_wrecks; ++i) {
      const std::string context = fmt::format("crash at operation {}, wreck {}", n, i);
      Run run(1, GetParam(), n);
      run.fs.CrashAndRecover(odometer);
      run.log.OpenRecovered(context);
      if (HasFailure()) return;
      ++wrecks;
      more = odometer.Next();
    }
    if (!more) ++enumerated_points;
  }
  EXPECT_GT(enumerated_points, 0u);
  Report(fmt::format("{} of {} points exhaustively", enumerated_points, operations).c_str(),
         operations, wrecks);
}

// The recovery is interrupted as well, at each of its operations, until it gets through.
TEST_P(LogCrashTest, CrashesWhileRecovering) {
  const uint64_t operations = CountOperations();
  uint64_t crash_points = 0;
  for (uint64_t n = 1; n <= operations; n += 7) {
    for (uint64_t m = 1;; ++m) {
      const std::string context = fmt::format("crash at operation {}, and {} of recovery", n, m);
      ASSERT_LT(m, 200u) << "recovery does not end";
      Run run(FirstSeed() + n * 1000 + m, GetParam(), n);
      run.fs.CrashAndRecover();
      run.fs.SetCrashAtOperation(run.fs.operation_count() + m);
      const bool interrupted = !run.log.Open(false).ok() || run.fs.frozen();
      run.log.DropLog();
      run.fs.CrashAndRecover();
      run.log.OpenRecovered(context);
      if (HasFailure()) return;
      if (!interrupted) break;
      ++crash_points;
    }
  }
  Report("while recovering", crash_points, crash_points);
}

INSTANTIATE_TEST_SUITE_P(Scripts, LogCrashTest,
                         testing::ValuesIn(LogScripts().begin(), LogScripts().end()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace soliton::segment
