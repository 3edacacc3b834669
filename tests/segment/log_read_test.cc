// Reading by offset and by time.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "runtime/base/random.h"
#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

constexpr int64_t kMaxOffset = std::numeric_limits<int64_t>::max();

TEST_F(LogTest, ReadRespectsItsBounds) {
  MustOpen();
  for (int i = 0; i < 10; ++i) Append({.records = 2, .value = std::string(100, 'x')});
  const int64_t batch_bytes = log->size_bytes() / 10;

  const auto two = log->Read(4, 20, 2 * batch_bytes + 10, false);
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(two->region.position, 2 * batch_bytes);
  EXPECT_EQ(two->region.length, 2 * batch_bytes);
  EXPECT_EQ(two->first_offset, 4);
  EXPECT_EQ(two->end_offset, 8);

  EXPECT_EQ(log->Read(4, 20, 10, true)->region.length, batch_bytes) << "one batch at least";
  EXPECT_EQ(log->Read(4, 20, 10, false)->region.length, 0);
  EXPECT_EQ(log->Read(4, 20, 0, true)->end_offset, 6);
  EXPECT_EQ(log->Read(4, 6, 1 << 20, true)->end_offset, 6) << "never past upper_bound";
  EXPECT_EQ(log->Read(4, 7, 1 << 20, true)->end_offset, 6) << "nor into a batch that crosses it";
  EXPECT_EQ(log->Read(4, 4, 1 << 20, true)->region.length, 0);
  EXPECT_EQ(log->Read(20, 20, 1 << 20, true)->region.length, 0);
  EXPECT_EQ(log->Read(0, kMaxOffset, 1 << 20, true)->end_offset, 20);
  EXPECT_EQ(log->Read(21, 30, 100, true).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(log->Read(-1, 30, 100, true).status().code(), absl::StatusCode::kOutOfRange);
}

// Tail reads, cold reads through the index and reads after a restart find the same batches.
TEST_F(LogTest, EveryOffsetIsFoundBySizeAndIndex) {
  options.segment_bytes = 20000;
  options.index_interval_bytes = 500;
  MustOpen();
  Random random(7);
  for (int i = 0; i < 1500; ++i) {
    Append({.records = static_cast<int>(random.Between(1, 4)),
            .value = std::string(static_cast<size_t>(random.Between(0, 80)), 'x')});
  }
  const std::vector<StoredBatch> all = ReadAll(*log);
  const auto check = [&](std::string_view when) {
    for (int i = 0; i < 2000; ++i) {
      const auto& batch = all[random.Below(all.size())];
      const int64_t offset = random.Between(batch.base_offset, batch.last_offset);
      const auto slice = log->Read(offset, log->log_end_offset(), random.Between(1, 3000), true);
      ASSERT_TRUE(slice.ok()) << when;
      ASSERT_EQ(slice->first_offset, batch.base_offset) << when << " at " << offset;
      ASSERT_GT(slice->end_offset, offset) << when;
    }
  };
  check("while hot");
  ASSERT_TRUE(Flush());
  check("after the flush");
  ASSERT_TRUE(log->CloseCleanly().ok());
  MustOpen(true);
  check("after a clean stop");
  Crash();
  MustOpen();
  check("after a crash");
  for (int64_t max_bytes : {1, 700, 5000}) {
    EXPECT_EQ(ReadAll(*log, 0, log->log_end_offset(), max_bytes), all);
  }
}

TEST_F(LogTest, RegionOutlivesRetention) {
  options.segment_bytes = 400;
  MustOpen();
  for (int i = 0; i < 10; ++i) Append({.records = 2, .value = std::string(40, 'x')});
  const auto slice = log->Read(0, 20, 100, true);
  ASSERT_TRUE(slice.ok());
  ASSERT_TRUE(log->AdvanceLogStart(20).ok());
  std::vector<uint8_t> bytes(static_cast<size_t>(slice->region.length));
  EXPECT_EQ(*slice->region.file->ReadAt(slice->region.position, bytes), bytes.size());
}

class TimestampTest : public LogTest {
 protected:
  // Records (timestamp, offset), as FindByTimestamp should see them.
  void AppendAt(std::vector<int64_t> timestamps_ms, kafka::Codec codec = kafka::Codec::kNone) {
    kafka::BatchBuilder builder({.codec = codec});
    for (const int64_t timestamp_ms : timestamps_ms) {
      builder.Append(timestamp_ms, "key", std::string(30, 'x'));
      records.emplace_back(timestamp_ms, static_cast<int64_t>(records.size()));
    }
    const AppendResult result = log->AppendAsLeader(builder.Build(), 3);
    ASSERT_EQ(result.error, kafka::ErrorCode::NONE) << result.error_message;
  }
  std::optional<TimestampOffset> Expected(int64_t timestamp_ms, int64_t upper_bound) const {
    for (const auto& [record_ms, offset] : records) {
      if (offset >= upper_bound) break;
      if (offset >= log->log_start_offset() && record_ms >= timestamp_ms) {
        return TimestampOffset{record_ms, offset, 3};
      }
    }
    return std::nullopt;
  }
  static std::string Show(const std::optional<TimestampOffset>& found) {
    return found ? fmt::format("{}@{} e{}", found->offset, found->timestamp_ms, found->leader_epoch)
                 : "none";
  }
  void CheckAll(int64_t low_ms, int64_t high_ms, int64_t upper_bound) {
    int64_t max_ms = -1;
    for (int64_t ms = low_ms; ms <= high_ms; ++ms) {
      const auto found = log->FindByTimestamp(ms, upper_bound);
      ASSERT_TRUE(found.ok()) << found.status().ToString();
      ASSERT_EQ(Show(*found), Show(Expected(ms, upper_bound)))
          << "at " << ms << " below " << upper_bound;
      if (Expected(ms, upper_bound)) max_ms = ms;
    }
    const auto newest = log->FindMaxTimestamp(upper_bound);
    ASSERT_TRUE(newest.ok());
    EXPECT_EQ(Show(*newest), Show(max_ms < 0 ? std::nullopt : Expected(max_ms, upper_bound)));
  }

  std::vector<std::pair<int64_t, int64_t>> records;
};

TEST_F(TimestampTest, FindsTheFirstRecordAtOrAfterATime) {
  MustOpen();
  EXPECT_EQ(Show(*log->FindByTimestamp(0, 100)), "none");
  EXPECT_EQ(Show(*log->FindMaxTimestamp(100)), "none");
  const int64_t now_ms = clock.wall_ms;
  AppendAt({now_ms + 10, now_ms + 12, now_ms + 11});
  AppendAt({now_ms + 15, now_ms + 15}, kafka::Codec::kZstd);
  AppendAt({now_ms + 14});
  for (const int64_t upper_bound : {6, 5, 3}) CheckAll(now_ms + 8, now_ms + 17, upper_bound);
  ASSERT_TRUE(log->AdvanceLogStart(2).ok());
  CheckAll(now_ms + 8, now_ms + 17, 6);
}

TEST_F(TimestampTest, AgreesWithAScanOverManySegments) {
  options.segment_bytes = 1500;
  options.index_interval_bytes = 200;
  MustOpen();
  Random random(3);
  const int64_t base_ms = clock.wall_ms;
  for (int i = 0; i < 150; ++i) {
    std::vector<int64_t> timestamps_ms;
    for (int64_t n = random.Between(1, 4); n > 0; --n) {
      timestamps_ms.push_back(base_ms + i + random.Between(-20, 20));
    }
    AppendAt(timestamps_ms, random.Chance(1, 3) ? kafka::Codec::kLz4 : kafka::Codec::kNone);
  }
  const auto end_offset = static_cast<int64_t>(records.size());
  // Bounds lie on batch boundaries, as the high watermark does.
  std::vector<int64_t> bounds = {end_offset};
  for (const StoredBatch& batch : ReadAll(*log)) {
    if (random.Chance(1, 15)) bounds.push_back(batch.base_offset);
  }
  for (const int64_t bound : bounds) CheckAll(base_ms - 22, base_ms + 172, bound);
  ASSERT_TRUE(log->CloseCleanly().ok());
  MustOpen(true);
  for (const int64_t bound : bounds) CheckAll(base_ms - 22, base_ms + 172, bound);
  Crash();
  MustOpen();
  ASSERT_TRUE(log->AdvanceLogStart(end_offset / 2).ok());
  for (const int64_t bound : bounds) CheckAll(base_ms - 22, base_ms + 172, bound);
}

TEST_F(TimestampTest, LogAppendTimeStampsTheBatch) {
  options.validation.timestamp_type = kafka::TimestampType::kLogAppendTime;
  MustOpen();
  const AppendResult result = Append({.records = 2, .timestamp_ms = 5});
  EXPECT_EQ(result.log_append_time_ms, clock.wall_ms);
  const auto found = log->FindByTimestamp(clock.wall_ms, 2);
  ASSERT_TRUE(found.ok() && *found);
  EXPECT_EQ((*found)->offset, 0);
  EXPECT_EQ((*found)->timestamp_ms, clock.wall_ms);
}

}  // namespace
}  // namespace soliton::segment
