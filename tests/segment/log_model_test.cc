// Random histories against the model: appends in both roles, flushes, truncations, log start,
// retention, clean stops, process exits and power losses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/base/random.h"
#include "tests/segment/log_model.h"

namespace soliton::segment {
namespace {

BatchSpec DrawBatch(Random& random) {
  return {.records = static_cast<int>(random.Between(1, 6)),
          .value = std::string(static_cast<size_t>(random.Between(0, 200)), 'x'),
          .codec = random.Chance(1, 4) ? kafka::Codec::kLz4 : kafka::Codec::kNone};
}

void RunHistory(uint64_t seed) {
  Random random(seed);
  sim::SimFileSystem fs(seed);
  ManualClock clock;
  ASSERT_TRUE(fs.CreateDirectories("/data").ok());
  ASSERT_TRUE(fs.SyncDirectory("/").ok());
  LogOptions options;
  options.segment_bytes = random.Between(1500, 8000);  // the largest batch fits
  options.index_interval_bytes = random.Between(1, 800);
  options.max_index_bytes = random.Between(16, 400);
  options.checkpoint_step_bytes = random.Between(200, 6000);
  LogModel log(fs, clock, options);
  ASSERT_TRUE(log.Open(false).ok());
  int32_t leader_epoch = 0;
  for (int step = 0; step < 300; ++step) {
    const std::string context = fmt::format("seed {} step {}", seed, step);
    const uint64_t choice = random.Below(100);
    if (choice < 12) {
      log.AppendAsLeader(DrawBatch(random), leader_epoch);
    } else if (choice < 20) {
      std::vector<BatchSpec> specs;
      for (int64_t i = random.Between(2, 12); i > 0; --i) specs.push_back(DrawBatch(random));
      if (random.Chance(1, 2)) log.ContinueAll(random.Between(0, 3), specs);
      log.AppendTogether(specs, leader_epoch);
    } else if (choice < 37) {
      log.AppendAsProducer(random.Between(0, 3), DrawBatch(random), leader_epoch);
    } else if (choice < 40) {
      log.RetryLastOf(random.Between(0, 3), leader_epoch);
    } else if (choice < 55) {
      std::vector<BatchSpec> specs;
      for (int64_t i = random.Between(1, 8); i > 0; --i) specs.push_back(DrawBatch(random));
      if (random.Chance(1, 2)) log.Continue(random.Between(0, 3), specs.front());
      log.AppendAsFollower(specs, leader_epoch);
    } else if (choice < 62) {
      log.TakeFlush();
    } else if (choice < 74) {
      log.FinishFlush();
    } else if (choice < 79) {
      log.log().AssignLeaderEpoch(++leader_epoch);
    } else if (choice < 84) {
      log.TruncateTo(random.Between(std::max<int64_t>(log.start_offset(), log.end_offset() - 40),
                                    log.end_offset()));
      ++leader_epoch;
    } else if (choice < 86) {
      log.AdvanceLogStart(random.Between(log.start_offset(), log.end_offset()));
    } else if (choice < 88) {
      log.ApplyRetention(-1, random.Between(0, 4000));
    } else if (choice < 89) {
      log.TruncateFullyAndStartAt(random.Between(0, log.end_offset() + 100));
      ++leader_epoch;
    } else if (choice < 92) {
      ASSERT_TRUE(log.CloseCleanly()) << context;
      const absl::Status status = log.Open(true);
      ASSERT_TRUE(status.ok()) << context << ": " << status.ToString();
    } else if (choice < 94) {
      log.DropLog();
      if (random.Chance(1, 2)) {
        fs.ProcessExited();
      } else {
        fs.CrashAndRecover(random.Chance(1, 2) ? sim::CrashModel::kRandom
                                               : sim::CrashModel::kLoseUnsynced);
      }
      log.OpenRecovered(context);
    }
    if (testing::Test::HasFailure()) return;
    if (step % 10 == 0 || choice >= 79) log.Check(context);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(LogModel, RandomHistories) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    RunHistory(FirstSeed() + seed);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace soliton::segment
