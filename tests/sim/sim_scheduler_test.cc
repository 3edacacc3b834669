// The world's clock and queue, and the shards on top of it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/sim/sim_node.h"
#include "tests/sim/sim_world.h"

namespace soliton::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two nodes whose shards post to each other and set timers; returns what ran, and the trace.
struct Trace {
  std::vector<std::string> log;
  uint64_t hash = 0;
};

Trace RunPingPong(uint64_t seed) {
  Trace trace;
  SimWorld world(seed);
  SimNetwork network(world, {});
  SimNode a(world, network, "node-1", {.shards = 3});
  SimNode b(world, network, "node-2", {.shards = 2});
  a.Restart();
  b.Restart();
  std::function<void(SimNode&, int, int)> hop = [&](SimNode& node, int index, int left) {
    Shard& shard = node.ports().shards->shard(index);
    shard.Post([&, index, left] {
      trace.log.push_back(fmt::format("{}/{} {}", node.name(), index, left));
      if (left == 0) return;
      Shard& self = node.ports().shards->shard(index);
      self.ScheduleAfter(microseconds(self.random().Between(0, 3)), [&, left] {
        SimNode& next = node.id() == a.id() ? b : a;
        const int to = static_cast<int>(node.ports().shards->shard(0).index() + left) %
                       next.ports().shards->size();
        hop(next, to, left - 1);
      });
    });
  };
  for (int i = 0; i < 3; ++i) hop(a, i, 20);
  world.RunFor(seconds(1));
  trace.hash = world.trace_hash();
  return trace;
}

TEST(SimWorldTest, EventsRunInTimeOrderAndTimeStandsStillWithinOne) {
  SimWorld world(1);
  std::vector<int> ran;
  const MonotonicTime start = world.Now();
  world.ScheduleAfter(milliseconds(2), {}, [&] { ran.push_back(2); });
  world.ScheduleAfter(milliseconds(1), {}, [&] { ran.push_back(1); });
  world.ScheduleAfter(milliseconds(3), {}, [&] {
    ran.push_back(3);
    EXPECT_EQ(world.Now(), start + milliseconds(3));
    world.ScheduleAt(start, {}, [&] { ran.push_back(4); });  // the past is now
  });
  world.RunFor(milliseconds(10));
  EXPECT_THAT(ran, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(world.Now(), start + milliseconds(10));
}

TEST(SimWorldTest, TiesAreDrawnFromTheSeed) {
  auto order = [](uint64_t seed) {
    SimWorld world(seed);
    std::string ran;
    for (char c = 'a'; c < 'k'; ++c) world.ScheduleAfter(Duration(5), {}, [&, c] { ran += c; });
    world.RunFor(milliseconds(1));
    return ran;
  };
  EXPECT_EQ(order(7), order(7));
  EXPECT_NE(order(7), order(8));
}

TEST(SimWorldTest, SameSeedSameTraceHashOtherSeedOther) {
  const Trace first = RunPingPong(42);
  const Trace again = RunPingPong(42);
  const Trace other = RunPingPong(43);
  EXPECT_EQ(first.log, again.log);
  EXPECT_EQ(first.hash, again.hash);
  EXPECT_EQ(first.log.size(), 63u);
  EXPECT_NE(first.hash, other.hash);
  EXPECT_NE(first.log, other.log);
}

TEST(SimWorldTest, RunUntilStopsAtThePredicateOrTheDeadline) {
  SimWorld world(1);
  int count = 0;
  for (int i = 1; i <= 5; ++i) world.ScheduleAfter(seconds(i), {}, [&] { ++count; });
  const MonotonicTime start = world.Now();
  EXPECT_TRUE(world.RunUntil([&] { return count == 2; }, seconds(10)));
  EXPECT_EQ(world.Now(), start + seconds(2));
  EXPECT_FALSE(world.RunUntil([&] { return count == 5; }, milliseconds(2500)));
  EXPECT_EQ(world.Now(), start + milliseconds(4500));
  EXPECT_EQ(count, 4);
}

TEST(SimWorldTest, AViolatedInvariantStopsTheRun) {
  SimWorld world(1);
  int count = 0;
  world.AddInvariant("at most two", [&] {
    return count <= 2 ? absl::OkStatus() : absl::InternalError(fmt::format("{} events", count));
  });
  for (int i = 1; i <= 5; ++i) world.ScheduleAfter(seconds(i), {}, [&] { ++count; });
  world.RunFor(seconds(10));
  EXPECT_EQ(count, 3);
  EXPECT_FALSE(world.Step());
  EXPECT_THAT(std::string(world.failure().message()), HasSubstr("at most two: 3 events"));
}

TEST(SimShardTest, TasksOfAShardRunInOrderAndOnlyWhileCurrent) {
  SimWorld world(5);
  SimNetwork network(world, {});
  SimNode node(world, network, "node-1", {.shards = 2});
  node.Restart();
  Shard& first = node.ports().shards->shard(0);
  Shard& second = node.ports().shards->shard(1);
  std::vector<int> ran;
  for (int i = 0; i < 5; ++i) {
    first.Post([&, i] {
      EXPECT_TRUE(first.IsCurrent());
      EXPECT_FALSE(second.IsCurrent());
      ran.push_back(i);
    });
  }
  EXPECT_FALSE(first.IsCurrent());
  world.Inspect([&] { EXPECT_TRUE(first.IsCurrent() && second.IsCurrent()); });
  EXPECT_FALSE(first.IsCurrent());
  EXPECT_TRUE(ran.empty()) << "Post never runs the task itself";
  world.RunFor(milliseconds(1));
  EXPECT_THAT(ran, ElementsAre(0, 1, 2, 3, 4));
}

TEST(SimShardTest, TimersFireInOrderNeverEarlyAndCanBeCancelled) {
  SimWorld world(6);
  SimNetwork network(world, {});
  SimNode node(world, network, "node-1");
  node.Restart();
  Shard& shard = node.ports().shards->shard(0);
  std::vector<int> ran;
  node.Post([&] {
    const MonotonicTime deadline = shard.clock().Now() + milliseconds(5);
    for (int i = 0; i < 3; ++i) {
      shard.ScheduleAt(deadline, [&, i, deadline] {
        EXPECT_GE(world.Now(), deadline);
        ran.push_back(i);
      });
    }
    shard.ScheduleAfter(milliseconds(1), [&] { ran.push_back(10); });
    const TimerId cancelled = shard.ScheduleAfter(milliseconds(2), [&] { ran.push_back(20); });
    EXPECT_TRUE(shard.CancelTimer(cancelled));
    EXPECT_FALSE(shard.CancelTimer(cancelled));
  });
  world.RunFor(milliseconds(10));
  EXPECT_THAT(ran, ElementsAre(10, 0, 1, 2));
}

TEST(SimShardTest, AnEndlessPosterStillLetsTimePass) {
  SimWorld world(7);
  SimNetwork network(world, {});
  SimNode node(world, network, "node-1");
  node.Restart();
  uint64_t runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    node.Post([&] { again(); });
  };
  node.Post([&] { again(); });
  world.RunFor(milliseconds(1));
  EXPECT_GT(runs, 100u);
  EXPECT_LT(runs, 10'000u);
}

}  // namespace
}  // namespace soliton::sim
