// Every checker accepts a legal history and rejects the smallest illegal one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/checkers/invariant_01_one_leader_per_epoch.h"
#include "tests/sim/checkers/invariant_02_18_log_matching.h"
#include "tests/sim/checkers/invariant_07_acked_records.h"
#include "tests/sim/checkers/invariant_08_offset_immutability.h"
#include "tests/sim/checkers/invariant_09_10_idempotent_producer.h"
#include "tests/sim/checkers/invariant_12_monotone_visibility.h"
#include "tests/sim/checkers/invariant_14_truncation_bound.h"
#include "tests/sim/checkers/invariant_31_32_progress.h"

namespace soliton::sim {
namespace {

const PartitionName kPartition{"t", 0};
const PartitionName kOther{"t", 1};

ReplicaObservation Replica(int32_t broker, bool leader, int32_t epoch) {
  return {.broker = broker, .partition = kPartition, .leader = leader, .leader_epoch = epoch};
}

BatchObservation Batch(int64_t base, int64_t last, int32_t epoch, uint64_t hash) {
  return {.base_offset = base, .last_offset = last, .leader_epoch = epoch, .content_hash = hash};
}

BatchObservation ProducerBatch(int64_t base, int64_t last, int16_t producer_epoch,
                               int32_t sequence) {
  return {.base_offset = base,
          .last_offset = last,
          .producer_id = 9,
          .producer_epoch = producer_epoch,
          .base_sequence = sequence};
}

LogObservation Log(int32_t broker, int64_t high_watermark, std::vector<BatchObservation> batches) {
  return {.broker = broker,
          .partition = kPartition,
          .high_watermark = high_watermark,
          .batches = std::move(batches)};
}

TEST(OneLeaderPerEpochTest, RejectsASecondLeaderInAnEpoch) {
  OneLeaderPerEpoch checker;
  EXPECT_TRUE(checker.Observe(Replica(1, true, 5)).ok());
  EXPECT_TRUE(checker.Observe(Replica(1, true, 5)).ok());
  EXPECT_TRUE(checker.Observe(Replica(2, false, 5)).ok());
  EXPECT_TRUE(checker.Observe(Replica(2, true, 6)).ok()) << "the old leader may not know yet";
  EXPECT_FALSE(checker.Observe(Replica(2, true, 5)).ok());
}

TEST(LogMatchingTest, TailsMayDifferAboveTheHighWatermarks) {
  const auto a = Log(1, 2, {Batch(0, 1, 0, 100), Batch(2, 3, 1, 200)});
  EXPECT_TRUE(CheckLogsMatch(a, Log(2, 2, {Batch(0, 1, 0, 100), Batch(2, 2, 2, 300)})).ok());
  EXPECT_TRUE(CheckLogsMatch(a, Log(2, 2, {Batch(0, 1, 0, 100)})).ok());
}

TEST(LogMatchingTest, RejectsDifferencesBelowBothHighWatermarks) {
  const auto a = Log(1, 4, {Batch(0, 1, 0, 100), Batch(2, 3, 1, 200)});
  EXPECT_FALSE(CheckLogsMatch(a, Log(2, 4, {Batch(0, 1, 0, 100), Batch(2, 3, 2, 200)})).ok());
  EXPECT_FALSE(CheckLogsMatch(a, Log(2, 4, {Batch(0, 1, 0, 100)})).ok());
  EXPECT_FALSE(CheckLogsMatch(a, Log(2, 4, {Batch(0, 3, 0, 100)})).ok());
}

TEST(LogMatchingTest, RejectsAnEqualEndOnUnequalPrefixes) {
  const auto a = Log(1, 0, {Batch(0, 1, 0, 100), Batch(2, 3, 1, 200)});
  const auto b = Log(2, 0, {Batch(0, 1, 0, 101), Batch(2, 3, 1, 200)});
  EXPECT_FALSE(CheckLogsMatch(a, b).ok());
  EXPECT_FALSE(CheckLogsMatch({a, a, b}).ok());
  EXPECT_TRUE(CheckLogsMatch({a, a, a}).ok());
}

TEST(LogMatchingTest, ComparesOnlyWhatBothStillHave) {
  auto a = Log(1, 4, {Batch(2, 3, 1, 200)});
  a.log_start_offset = 2;
  EXPECT_TRUE(CheckLogsMatch(a, Log(2, 4, {Batch(0, 1, 0, 100), Batch(2, 3, 1, 200)})).ok());
}

TEST(AckedRecordsTest, FindsLostMovedAndDoublyPromisedRecords) {
  AckedRecords acked;
  EXPECT_TRUE(acked.OnAck(kPartition, 0, {1, 0}).ok());
  EXPECT_TRUE(acked.OnAck(kPartition, 1, {1, 1}).ok());
  EXPECT_TRUE(acked.OnAck(kOther, 0, {1, 0}).ok());
  EXPECT_FALSE(acked.OnAck(kPartition, 1, {2, 0}).ok());
  EXPECT_EQ(acked.acked_count(), 3);
  EXPECT_TRUE(acked.Audit(kPartition, 0, {{0, {1, 0}}, {1, {1, 1}}, {2, {7, 7}}}).ok());
  EXPECT_TRUE(acked.Audit(kPartition, 1, {{1, {1, 1}}}).ok()) << "retention took offset 0";
  EXPECT_EQ(acked.Audit(kPartition, 0, {{0, {1, 0}}}).code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(acked.Audit(kPartition, 0, {{0, {1, 1}}, {1, {1, 0}}}).ok());
}

TEST(OffsetImmutabilityTest, RejectsASecondContent) {
  OffsetImmutability checker;
  EXPECT_TRUE(checker.OnRead(kPartition, {5, {1, 3}}).ok());
  EXPECT_TRUE(checker.OnRead(kPartition, {5, {1, 3}}).ok());
  EXPECT_TRUE(checker.OnRead(kOther, {5, {1, 4}}).ok());
  EXPECT_FALSE(checker.OnRead(kPartition, {5, {1, 4}}).ok());
}

TEST(IdempotentProducersTest, FindsDuplicatesReorderingAndUnreportedGaps) {
  IdempotentProducers checker;
  for (int64_t i = 0; i < 4; ++i) checker.OnSent(kPartition, {1, i});
  EXPECT_TRUE(checker.Audit(kPartition, 0, {{0, {1, 0}}, {1, {2, 0}}, {2, {1, 1}}}, false).ok());
  EXPECT_FALSE(checker.Audit(kPartition, 0, {{0, {1, 0}}, {1, {1, 0}}}, false).ok());
  EXPECT_FALSE(checker.Audit(kPartition, 0, {{0, {1, 1}}, {1, {1, 0}}}, false).ok());
  const std::vector<RecordObservation> gap = {{0, {1, 0}}, {1, {1, 2}}, {2, {1, 3}}};
  EXPECT_FALSE(checker.Audit(kPartition, 0, gap, false).ok());
  checker.OnFailed(kPartition, {1, 1});
  EXPECT_TRUE(checker.Audit(kPartition, 0, gap, true).ok());
  EXPECT_FALSE(checker.Audit(kPartition, 0, {{0, {1, 0}}, {1, {1, 2}}}, true).ok())
      << "the last one is missing";
}

TEST(IdempotentProducersTest, SequencesFollowEachOther) {
  EXPECT_TRUE(CheckSequences(Log(1, 0,
                                 {ProducerBatch(0, 1, 0, 0), ProducerBatch(2, 2, 0, 2),
                                  ProducerBatch(3, 3, 1, 0)}))
                  .ok());
  EXPECT_FALSE(
      CheckSequences(Log(1, 0, {ProducerBatch(0, 1, 0, 0), ProducerBatch(2, 2, 0, 3)})).ok());
  EXPECT_FALSE(
      CheckSequences(Log(1, 0, {ProducerBatch(0, 1, 0, 0), ProducerBatch(2, 3, 0, 0)})).ok());
  EXPECT_FALSE(
      CheckSequences(Log(1, 0, {ProducerBatch(0, 1, 1, 0), ProducerBatch(2, 2, 0, 2)})).ok());
  EXPECT_FALSE(CheckSequences(Log(1, 0, {ProducerBatch(0, 1, 0, 4)})).ok());
  auto cut = Log(1, 0, {ProducerBatch(8, 9, 0, 4), ProducerBatch(10, 10, 0, 6)});
  cut.log_start_offset = 8;
  EXPECT_TRUE(CheckSequences(cut).ok());
  EXPECT_TRUE(
      CheckSequences(Log(1, 0,
                         {ProducerBatch(0, 0, 0, 0), ProducerBatch(1, INT32_MAX, 0, 1),
                          ProducerBatch(int64_t{INT32_MAX} + 1, int64_t{INT32_MAX} + 1, 0, 0)}))
          .ok())
      << "sequences wrap";
}

TEST(MonotoneVisibilityTest, RejectsAStepBackPerObserver) {
  MonotoneVisibility checker;
  EXPECT_TRUE(checker.Observe("c1", kPartition, "high watermark", 5).ok());
  EXPECT_TRUE(checker.Observe("c2", kPartition, "high watermark", 3).ok());
  EXPECT_TRUE(checker.Observe("c1", kOther, "high watermark", 0).ok());
  EXPECT_TRUE(checker.Observe("c1", kPartition, "log start", 0).ok());
  EXPECT_FALSE(checker.Observe("c1", kPartition, "high watermark", 4).ok());
}

TEST(TruncationBoundTest, RejectsCuttingBelowTheKnownHighWatermark) {
  ReplicaObservation replica = Replica(1, false, 0);
  replica.high_watermark = 5;
  replica.log_end_offset = 8;
  replica.flushed_offset = 8;
  TruncationBound checker;
  EXPECT_TRUE(checker.Observe(replica).ok());
  replica.log_end_offset = replica.flushed_offset = 5;
  EXPECT_TRUE(checker.Observe(replica).ok());
  replica.log_end_offset = replica.flushed_offset = replica.high_watermark = 4;
  EXPECT_FALSE(checker.Observe(replica).ok()) << "lowering the high watermark along does not help";
  replica.incarnation = 1;
  EXPECT_TRUE(checker.Observe(replica).ok());
  replica.flushed_offset = 6;
  EXPECT_FALSE(checker.Observe(replica).ok());
}

TEST(ProgressTest, WantsAcksAndAFullIsrOnEveryPartition) {
  Progress progress;
  progress.Begin({{kPartition, {100, 2}}, {kOther, {0, 3}}}, 10, 3);
  EXPECT_FALSE(progress.Check({{kPartition, {110, 3}}}).ok());
  EXPECT_FALSE(progress.Check({{kPartition, {109, 3}}, {kOther, {10, 3}}}).ok());
  EXPECT_FALSE(progress.Check({{kPartition, {110, 2}}, {kOther, {10, 3}}}).ok());
  EXPECT_TRUE(progress.Check({{kPartition, {110, 3}}, {kOther, {11, 3}}}).ok());
}

}  // namespace
}  // namespace soliton::sim
