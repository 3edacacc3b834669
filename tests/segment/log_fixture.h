// What the log tests share: a simulated disk, a clock set by hand, and short words for batches.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "protocol/record/batch_builder.h"
#include "runtime/loop/clock.h"
#include "segment/log.h"
#include "tests/sim/sim_file_system.h"

namespace soliton::segment {

class ManualClock final : public Clock {
 public:
  MonotonicTime Now() const override { return MonotonicTime(milliseconds(wall_ms)); }
  int64_t WallMs() const override { return wall_ms; }
  int64_t wall_ms = 1'700'000'000'000;
};

struct BatchSpec {
  int records = 1;
  int64_t timestamp_ms = 1'700'000'000'000;
  std::string value = "v";
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  kafka::Codec codec = kafka::Codec::kNone;
};

// As a client sends it; with an offset and epoch, as a leader stores it.
Buffer MakeBatch(const BatchSpec& spec, int64_t base_offset = 0, int32_t leader_epoch = -1);
// Where random tests begin: SOLITON_TEST_SEED times a million, 0 when that is not set.
uint64_t FirstSeed();
// The batches' bytes, back to back.
Buffer Concatenate(const std::vector<Buffer>& pieces);

struct StoredBatch {
  int64_t base_offset;
  int64_t last_offset;
  int32_t leader_epoch;
  std::string bytes;
  friend bool operator==(const StoredBatch&, const StoredBatch&) = default;
};

// Every batch from `offset` to `upper_bound`, read in slices of `max_bytes`.
std::vector<StoredBatch> ReadAll(Log& log, int64_t offset, int64_t upper_bound,
                                 int64_t max_bytes = 1 << 20);
std::vector<StoredBatch> ReadAll(Log& log);

void PrintTo(const StoredBatch& batch, std::ostream* out);

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    // As the data directory does before it opens logs.
    ASSERT_TRUE(fs.CreateDirectories("/data").ok());
    ASSERT_TRUE(fs.SyncDirectory("/").ok());
  }
  // Opens (or opens again) `log`.
  absl::Status Open(bool clean_shutdown = false);
  void MustOpen(bool clean_shutdown = false) {
    const absl::Status status = Open(clean_shutdown);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  // Takes a ticket, runs it and gives it back. True when there was one.
  bool Flush();
  AppendResult Append(const BatchSpec& spec = {}, int32_t leader_epoch = 0) {
    return log->AppendAsLeader(MakeBatch(spec), leader_epoch);
  }
  std::string PathOf(std::string_view name) const { return JoinPath(directory, name); }
  // Power loss; what was open is gone.
  void Crash(sim::CrashModel model = sim::CrashModel::kRandom) {
    log.reset();
    fs.CrashAndRecover(model);
  }

  sim::SimFileSystem fs{1};
  ManualClock clock;
  LogOptions options;
  std::string directory = "/data/topic-0";
  Uuid topic_id{1, 2};
  std::unique_ptr<Log> log;
};

}  // namespace soliton::segment
