#include "consumer/fetcher_core.h"

#include <gtest/gtest.h>

#include <map>

namespace soliton::consumer {
namespace {

using kafka::ErrorCode;

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

FetchOutcome Data(int64_t next_offset, int64_t bytes = 100, int32_t epoch = 3) {
  return {.high_watermark = 1000,
          .next_offset = next_offset,
          .last_batch_epoch = epoch,
          .records_bytes = bytes};
}

class FetcherCoreTest : public ::testing::Test {
 protected:
  explicit FetcherCoreTest(FetcherOptions options = {}) : core_(options, 1) { Add(); }

  PartitionIndex Add() {
    const PartitionIndex partition = core_.AddPartition();
    core_.SetLeader(partition, {1, 3}, At(0));
    return partition;
  }
  std::optional<FetchPlan> Plan(int64_t ms, int32_t broker = 1) {
    return core_.Plan(broker, At(ms));
  }
  bool Answer(const FetchPlan& plan, const FetchOutcome& outcome, int64_t ms) {
    const bool kept = core_.OnOutcome(plan.id, 0, outcome, At(ms));
    core_.OnAnswered(plan.id, false, At(ms));
    return kept;
  }

  FetcherCore core_;
};

class EarliestTest : public FetcherCoreTest {
 protected:
  EarliestTest() : FetcherCoreTest({.reset_policy = ResetPolicy::kEarliest}) {}
};
class NoResetTest : public FetcherCoreTest {
 protected:
  NoResetTest() : FetcherCoreTest({.reset_policy = ResetPolicy::kNone}) {}
};

TEST_F(FetcherCoreTest, NothingIsFetchedWithoutAPosition) {
  EXPECT_FALSE(Plan(0).has_value());
  core_.Seek(0, 42, 2);
  const auto plan = Plan(0);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->partitions[0].offset, 42);
  EXPECT_EQ(plan->partitions[0].current_leader_epoch, 3);
  EXPECT_EQ(plan->partitions[0].last_fetched_epoch, 2);
  EXPECT_FALSE(Plan(0).has_value()) << "one fetch per broker";
}

TEST_F(FetcherCoreTest, AnAnswerMovesThePositionAndItsEpoch) {
  core_.Seek(0, 42);
  EXPECT_TRUE(Answer(*Plan(0), Data(50), 1));
  EXPECT_EQ(core_.fetch_position(0), 50);
  EXPECT_EQ(core_.high_watermark(0), 1000);
  const auto next = Plan(1);
  EXPECT_EQ(next->partitions[0].offset, 50);
  EXPECT_EQ(next->partitions[0].last_fetched_epoch, 3);
}

TEST_F(FetcherCoreTest, AnAnswerToAnOldPositionIsDropped) {
  core_.Seek(0, 42);
  const auto plan = Plan(0);
  core_.Seek(0, 7);
  EXPECT_FALSE(Answer(*plan, Data(50), 1));
  EXPECT_EQ(core_.fetch_position(0), 7);
}

TEST_F(FetcherCoreTest, AnAnswerOfADeposedLeaderIsDropped) {
  core_.Seek(0, 42);
  const auto plan = Plan(0);
  core_.SetLeader(0, {2, 4}, At(1));
  EXPECT_TRUE(core_.BrokersWithWork(At(1)).contains(2));
  EXPECT_FALSE(Answer(*plan, Data(50), 1));
  EXPECT_EQ(core_.fetch_position(0), 42);
}

TEST_F(FetcherCoreTest, AFullBufferStopsFetching) {
  core_.Seek(0, 0);
  EXPECT_TRUE(Answer(*Plan(0), Data(10, 2 << 20), 1));
  EXPECT_FALSE(Plan(1).has_value());
  core_.Consumed(0, 2 << 20);
  EXPECT_TRUE(Plan(1).has_value());
}

TEST_F(FetcherCoreTest, APausedPartitionIsNotFetched) {
  core_.Seek(0, 0);
  core_.SetPaused(0, true);
  EXPECT_FALSE(Plan(0).has_value());
  core_.SetPaused(0, false);
  EXPECT_TRUE(Plan(0).has_value());
}

TEST_F(FetcherCoreTest, AMovedLeaderIsRetriedAfterAPauseOrWhenItIsKnown) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.error = ErrorCode::NOT_LEADER_OR_FOLLOWER}, 1);
  EXPECT_TRUE(core_.TakeRefreshRequest());
  EXPECT_FALSE(Plan(1).has_value());
  ASSERT_TRUE(core_.NextWakeup(At(1)).has_value());
  EXPECT_TRUE(Plan(21).has_value());
  core_.SetLeader(0, {2, 4}, At(22));
  EXPECT_TRUE(Plan(22, 2).has_value());
}

TEST_F(FetcherCoreTest, ErrorsThatAreNotRetriableEndThePartition) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.error = ErrorCode::TOPIC_AUTHORIZATION_FAILED}, 1);
  const auto events = core_.TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, FetchEvent::Kind::kFailed);
  EXPECT_TRUE(absl::IsPermissionDenied(events[0].status));
  EXPECT_TRUE(core_.failed(0));
  EXPECT_FALSE(Plan(1000).has_value());
}

TEST_F(EarliestTest, OutOfRangeAsksForANewPosition) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.error = ErrorCode::OFFSET_OUT_OF_RANGE}, 1);
  const auto wanted = core_.TakePositionsWanted();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].where, ResetPolicy::kEarliest);
  EXPECT_EQ(core_.TakeEvents()[0].kind, FetchEvent::Kind::kReset);
  EXPECT_FALSE(Plan(1000).has_value());
  core_.Seek(0, 100);
  EXPECT_EQ(Plan(1000)->partitions[0].offset, 100);
}

TEST_F(EarliestTest, WhatIsDeletedIsSkippedWithoutGoingBack) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.error = ErrorCode::OFFSET_OUT_OF_RANGE, .log_start_offset = 100}, 1);
  EXPECT_TRUE(core_.TakePositionsWanted().empty())
      << "another leader may not know that records were deleted";
  const auto events = core_.TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, FetchEvent::Kind::kReset);
  EXPECT_EQ(events[0].offset, 42);
  EXPECT_EQ(Plan(1)->partitions[0].offset, 100);
}

TEST_F(EarliestTest, AnEndBelowThePositionAsksForANewOne) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.error = ErrorCode::OFFSET_OUT_OF_RANGE, .log_start_offset = 3}, 1);
  EXPECT_EQ(core_.TakePositionsWanted().size(), 1u);
}

TEST_F(NoResetTest, OutOfRangeFailsWithoutAPolicy) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.error = ErrorCode::OFFSET_OUT_OF_RANGE}, 1);
  EXPECT_TRUE(absl::IsOutOfRange(core_.TakeEvents()[0].status));
}

TEST_F(EarliestTest, ADivergingLogMovesThePositionBack) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.diverging_epoch = 2, .diverging_end_offset = 30}, 1);
  const auto events = core_.TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, FetchEvent::Kind::kTruncated);
  EXPECT_EQ(events[0].offset, 42);
  const auto plan = Plan(1);
  EXPECT_EQ(plan->partitions[0].offset, 30);
  EXPECT_EQ(plan->partitions[0].last_fetched_epoch, 2);
}

TEST_F(NoResetTest, ADivergingLogIsDataLossWithoutAPolicy) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.diverging_epoch = 2, .diverging_end_offset = 30}, 1);
  EXPECT_TRUE(absl::IsDataLoss(core_.TakeEvents()[0].status));
}

TEST_F(FetcherCoreTest, ABatchThatDoesNotFitRaisesTheLimitOnce) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.cut_batch_bytes = 3 << 20}, 1);
  const auto larger = Plan(1);
  EXPECT_EQ(larger->partitions[0].max_bytes, 3 << 20);
  Answer(*larger, Data(43), 2);
  core_.Consumed(0, 100);
  EXPECT_EQ(Plan(2)->partitions[0].max_bytes, 1 << 20);
}

TEST_F(FetcherCoreTest, ABrokerThatOnlyRepeatsOldBatchesIsReported) {
  core_.Seek(0, 42);
  EXPECT_FALSE(Answer(*Plan(0), Data(42), 1));
  EXPECT_TRUE(absl::IsDataLoss(core_.TakeEvents()[0].status));
}

TEST_F(FetcherCoreTest, ALostFetchIsRepeatedFromTheSamePosition) {
  core_.Seek(0, 42);
  core_.OnAnswered(Plan(0)->id, true, At(1));
  EXPECT_TRUE(core_.TakeRefreshRequest());
  EXPECT_FALSE(Plan(1).has_value());
  EXPECT_EQ(Plan(50)->partitions[0].offset, 42);
}

TEST_F(FetcherCoreTest, ASlowAnswerAsksForMetadata) {
  core_.Seek(0, 42);
  Plan(0);
  core_.Tick(At(999));
  EXPECT_FALSE(core_.TakeRefreshRequest());
  core_.Tick(At(1000));
  EXPECT_TRUE(core_.TakeRefreshRequest());
}

TEST_F(FetcherCoreTest, PartitionsTakeTurnsAtTheFront) {
  const PartitionIndex second = Add();
  core_.Seek(0, 0);
  core_.Seek(second, 0);
  const auto first_plan = Plan(0);
  ASSERT_EQ(first_plan->partitions.size(), 2u);
  core_.OnAnswered(first_plan->id, false, At(1));
  EXPECT_NE(Plan(1)->partitions[0].partition, first_plan->partitions[0].partition);
}

TEST_F(FetcherCoreTest, ARemovedPartitionIsForgotten) {
  core_.Seek(0, 42);
  const auto plan = Plan(0);
  core_.RemovePartition(0);
  EXPECT_FALSE(Answer(*plan, Data(50), 1));
  EXPECT_FALSE(Plan(1).has_value());
}

// Whatever happens in whatever order, the kept answers of a partition follow each other without a
// gap or an overlap, unless the core said that it moved the position.
TEST(FetcherPropertyTest, KeptAnswersAreContiguous) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    FetcherCore core({.reset_policy = ResetPolicy::kEarliest}, seed);
    constexpr PartitionIndex kPartitions = 3;
    std::map<PartitionIndex, int64_t> expected;
    for (PartitionIndex i = 0; i < kPartitions; ++i) {
      core.AddPartition();
      core.Seek(i, 0);
      expected[i] = 0;
    }
    std::vector<FetchPlan> out;
    MonotonicTime now{};
    for (int step = 0; step < 600; ++step) {
      now += Duration(random.Between(0, 30'000'000));
      const auto partition = static_cast<PartitionIndex>(random.Below(kPartitions));
      switch (random.Below(7)) {
        case 0:
          core.SetLeader(partition, {static_cast<int32_t>(random.Below(3)), step}, now);
          break;
        case 1:
          core.Consumed(partition, core.buffered_bytes(partition));
          break;
        case 2:
          if (random.Chance(1, 5)) {
            expected[partition] = static_cast<int64_t>(random.Below(1000));
            core.Seek(partition, expected[partition]);
          }
          break;
        case 3:
          for (const int32_t broker : core.BrokersWithWork(now)) {
            if (auto plan = core.Plan(broker, now)) out.push_back(*plan);
          }
          break;
        default: {
          if (out.empty()) break;
          const auto at = static_cast<ptrdiff_t>(random.Below(out.size()));
          const FetchPlan plan = out[static_cast<size_t>(at)];
          out.erase(out.begin() + at);
          if (random.Chance(1, 5)) {
            core.OnAnswered(plan.id, true, now);
            break;
          }
          for (const FetchPartition& asked : plan.partitions) {
            const int64_t next = asked.offset + random.Between(1, 20);
            FetchOutcome outcome = Data(next, random.Between(1, 1 << 20));
            if (random.Chance(1, 6)) outcome = {.error = ErrorCode::FENCED_LEADER_EPOCH};
            if (core.OnOutcome(plan.id, asked.partition, outcome, now)) {
              ASSERT_EQ(asked.offset, expected[asked.partition]) << "seed " << seed;
              expected[asked.partition] = next;
            }
          }
          core.OnAnswered(plan.id, false, now);
        }
      }
    }
  }
}

// KIP-392: broker 1 leads, broker 2 is a replica in our rack.
TEST_F(EarliestTest, AdviceOfTheLeaderIsFollowedUntilTheLeaseEnds) {
  core_.Seek(0, 42);
  EXPECT_FALSE(Answer(*Plan(0), {.high_watermark = 50, .preferred_read_replica = 2}, 1));
  EXPECT_EQ(core_.BrokersWithWork(At(1)), std::set<int32_t>{2}) << "at once";
  EXPECT_FALSE(Plan(1).has_value());
  auto plan = Plan(1, 2);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->partitions[0].offset, 42);
  EXPECT_TRUE(Answer(*plan, Data(50), 2));
  EXPECT_TRUE(Answer(*Plan(299'000, 2), Data(60), 299'000));
  EXPECT_FALSE(Plan(300'001, 2).has_value());
  EXPECT_TRUE(Plan(300'001, 1).has_value()) << "the leader is asked again";
}

// The follower is busy with another fetch for longer than the lease: asked again, the leader would
// only say the same, and nothing would ever be read.
TEST_F(EarliestTest, AdviceIsFollowedOnceHoweverShortTheLease) {
  core_.Seek(0, 42);
  EXPECT_FALSE(Answer(*Plan(0), {.high_watermark = 50, .preferred_read_replica = 2}, 1));
  const int64_t late = 400'000;
  EXPECT_EQ(core_.BrokersWithWork(At(late)), std::set<int32_t>{2});
  const auto plan = Plan(late, 2);
  ASSERT_TRUE(plan.has_value());
  EXPECT_TRUE(Answer(*plan, Data(50), late));
  EXPECT_EQ(core_.BrokersWithWork(At(late)), std::set<int32_t>{1}) << "once";
}

TEST_F(EarliestTest, WhateverIsWrongAtAFollowerTheLeaderIsAskedAboutIt) {
  const FetchOutcome wrong[] = {
      {.error = ErrorCode::OFFSET_OUT_OF_RANGE},
      {.error = ErrorCode::OFFSET_NOT_AVAILABLE},
      {.error = ErrorCode::UNKNOWN_LEADER_EPOCH},
      {.error = ErrorCode::TOPIC_AUTHORIZATION_FAILED},
      {.diverging_epoch = 2, .diverging_end_offset = 7},
  };
  int64_t ms = 0;
  core_.Seek(0, 42);
  for (const FetchOutcome& outcome : wrong) {
    SCOPED_TRACE(kafka::ErrorName(outcome.error));
    ms += 2000;
    EXPECT_FALSE(Answer(*Plan(ms), {.preferred_read_replica = 2}, ms));
    EXPECT_FALSE(Answer(*Plan(ms, 2), outcome, ms));
    EXPECT_TRUE(core_.TakeEvents().empty());
    EXPECT_TRUE(core_.TakePositionsWanted().empty());
    EXPECT_EQ(core_.fetch_position(0), 42);
    EXPECT_FALSE(Plan(ms).has_value()) << "not at once: it may send us back";
    EXPECT_TRUE(core_.NextWakeup(At(ms)).has_value());
  }
  ms += 2000;
  EXPECT_TRUE(Answer(*Plan(ms), Data(50), ms));
}

TEST_F(EarliestTest, AFollowerThatIsGoneOrANewLeaderEndTheAdvice) {
  core_.Seek(0, 42);
  Answer(*Plan(0), {.preferred_read_replica = 2}, 0);
  core_.OnAnswered(Plan(0, 2)->id, true, At(1));
  EXPECT_TRUE(core_.TakeRefreshRequest());
  Answer(*Plan(2000), {.preferred_read_replica = 2}, 2000);
  core_.SetLeader(0, {3, 4}, At(2001));
  EXPECT_EQ(core_.BrokersWithWork(At(2001)), std::set<int32_t>{3});
}

}  // namespace
}  // namespace soliton::consumer
