#include "broker/partition/wall_clock_watch.h"

#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

constexpr int64_t kHourMs = 3600 * int64_t{1000};
constexpr int64_t kNoonMs = 1'700'000'000'000;

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

TEST(WallClockWatchTest, TimeThatPassesIsNoStep) {
  WallClockWatch watch;
  EXPECT_EQ(watch.Look(At(0), kNoonMs), 0);
  EXPECT_EQ(watch.Look(At(100 * kHourMs), kNoonMs + 100 * kHourMs + 59'000), 0) << "however long";
  EXPECT_EQ(watch.excess_ms(), 0);
}

TEST(WallClockWatchTest, AStepAheadIsNotBelievedForADay) {
  WallClockWatch watch;
  watch.Look(At(0), kNoonMs);
  EXPECT_EQ(watch.Look(At(1000), kNoonMs + 1000 + 50 * kHourMs), 50 * kHourMs);
  EXPECT_EQ(watch.excess_ms(), 50 * kHourMs);
  EXPECT_EQ(watch.Look(At(23 * kHourMs), kNoonMs + 73 * kHourMs), 0);
  EXPECT_EQ(watch.excess_ms(), 50 * kHourMs);
  EXPECT_EQ(watch.Look(At(25 * kHourMs), kNoonMs + 75 * kHourMs), 0);
  EXPECT_EQ(watch.excess_ms(), 0) << "nobody set it back: it is right";
}

TEST(WallClockWatchTest, AStepBackTakesItBack) {
  WallClockWatch watch;
  watch.Look(At(0), kNoonMs);
  watch.Look(At(1000), kNoonMs + 50 * kHourMs);
  EXPECT_EQ(watch.Look(At(2000), kNoonMs + 2000), 0);
  EXPECT_LT(watch.excess_ms(), 2000);
  watch.Look(At(3000), kNoonMs - 10 * kHourMs);
  EXPECT_EQ(watch.excess_ms(), 0) << "a clock that is behind deletes too little at most";
}

// S57, with the record times of whoever wrote them and with the broker's own.
class RetentionClockTest : public BrokerClusterTest,
                           public testing::WithParamInterface<const char*> {};

TEST_P(RetentionClockTest, AClockThatStepsAheadWipesNothing) {
  adjust_ = [](BrokerOptions& options) { options.retention_check_interval = seconds(2); };
  Start(1);
  const Uuid topic = CreateTopic(
      "t", 1, 1, {{"retention.ms", "86400000"}, {"message.timestamp.type", GetParam()}});
  const auto produce = [&](int64_t timestamp_ms) {
    kafka::BatchBuilder builder;
    builder.Append(timestamp_ms, std::nullopt, "value");
    EXPECT_EQ(Result(Call(1, ProduceTo(topic, 0, builder.Build()))).error_code,
              kafka::ErrorCode::NONE);
  };
  produce(node(1).clock().WallMs());
  node(1).clock().StepWall(72 * kHourMs, 0);
  world_.RunFor(seconds(10));
  EXPECT_EQ(Replica(1, "t")->log_start_offset, 0) << "too young by the clock before";
  node(1).clock().StepWall(0, 0);
  world_.RunFor(seconds(10));
  EXPECT_EQ(Replica(1, "t")->log_start_offset, 0);
  produce(node(1).clock().WallMs());
  EXPECT_EQ(Replica(1, "t")->log_end_offset, 2);
}

INSTANTIATE_TEST_SUITE_P(Times, RetentionClockTest, testing::Values("CreateTime", "LogAppendTime"));

}  // namespace
}  // namespace soliton::broker
