#include "producer/accumulator_core.h"

#include <gtest/gtest.h>

#include "protocol/record/record_batch.h"

namespace soliton::producer {
namespace {

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

ProducerRecord Record(std::string value) {
  return {.topic = "t", .value = std::move(value), .timestamp_ms = 1000};
}

bool Append(AccumulatorCore& core, PartitionIndex partition, size_t bytes, MonotonicTime now,
            uint64_t generation = 1) {
  return core.Append(partition, Record(std::string(bytes, 'x')), nullptr, 0, generation, now);
}

TEST(AccumulatorCoreTest, ABatchWaitsForLinger) {
  AccumulatorCore core({.batch_bytes = 1000, .linger = milliseconds(5)});
  EXPECT_TRUE(Append(core, 0, 10, At(100)));   // a new batch: somebody must look at the clock
  EXPECT_FALSE(Append(core, 0, 10, At(102)));  // joins it
  EXPECT_FALSE(core.IsReady(0, At(104)));
  EXPECT_EQ(core.NextReady(At(104)), At(105));
  EXPECT_TRUE(core.IsReady(0, At(105)));
  EXPECT_EQ(core.Pop(0)->records.size(), 2u);
  EXPECT_FALSE(core.IsReady(0, At(200)));
  EXPECT_EQ(core.NextReady(At(200)), std::nullopt);
}

TEST(AccumulatorCoreTest, AFullBatchIsReadyAtOnceAndTheNextOneWaits) {
  AccumulatorCore core({.batch_bytes = 300, .linger = seconds(1)});
  Append(core, 0, 100, At(0));
  EXPECT_FALSE(core.IsReady(0, At(0)));
  Append(core, 0, 200, At(0));  // does not fit: a second batch, so the first is ready
  EXPECT_TRUE(core.IsReady(0, At(0)));
  EXPECT_EQ(core.Pop(0)->records.size(), 1u);
  EXPECT_FALSE(core.IsReady(0, At(0)));
}

TEST(AccumulatorCoreTest, ARecordLargerThanABatchTravelsAlone) {
  AccumulatorCore core({.batch_bytes = 100, .linger = seconds(1)});
  EXPECT_TRUE(Append(core, 0, 5000, At(0)));
  EXPECT_TRUE(core.IsReady(0, At(0)));
  Append(core, 0, 1, At(0));
  EXPECT_EQ(core.Pop(0)->records.size(), 1u);
}

TEST(AccumulatorCoreTest, AFlushIsReadyWithoutLingerAndLaterRecordsStartAnew) {
  AccumulatorCore core({.batch_bytes = 10000, .linger = seconds(1)});
  Append(core, 0, 10, At(0), 1);
  core.Flush(1);
  Append(core, 0, 10, At(0), 2);
  EXPECT_TRUE(core.IsReady(0, At(0)));
  const auto flushed = core.Pop(0);
  EXPECT_EQ(flushed->records.size(), 1u);
  EXPECT_EQ(flushed->generation, 1u);
  EXPECT_FALSE(core.IsReady(0, At(0)));
}

TEST(AccumulatorCoreTest, MemoryIsBoundedAndPressureSendsEarly) {
  AccumulatorCore core({.batch_bytes = 10000, .linger = seconds(1), .buffer_bytes = 1000});
  EXPECT_TRUE(core.HasRoomFor(5000));  // one record always goes, however large
  core.Charge(400);
  Append(core, 0, 10, At(0));
  EXPECT_FALSE(core.IsReady(0, At(0)));
  EXPECT_TRUE(core.HasRoomFor(600));
  EXPECT_FALSE(core.HasRoomFor(601));
  core.Charge(200);
  EXPECT_TRUE(core.IsReady(0, At(0)));
  core.Release(600);
  EXPECT_EQ(core.charged_bytes(), 0);
}

TEST(AccumulatorCoreTest, OldBatchesCanBeTakenOutPerPartition) {
  AccumulatorCore core({.batch_bytes = 10000, .linger = seconds(1)});
  Append(core, 0, 10, At(0));
  Append(core, 3, 10, At(50));
  EXPECT_EQ(core.OldestOpened(), At(0));
  EXPECT_EQ(core.PopOlderThan(3, At(49)), nullptr);
  EXPECT_NE(core.PopOlderThan(0, At(49)), nullptr);
  EXPECT_EQ(core.PopOlderThan(0, At(49)), nullptr);
  EXPECT_EQ(core.OldestOpened(), At(50));
  EXPECT_EQ(core.active(), std::set<PartitionIndex>{3});
}

}  // namespace
}  // namespace soliton::producer
