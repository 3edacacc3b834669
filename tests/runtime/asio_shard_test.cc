#include "runtime/loop/asio_shard.h"

#include <gtest/gtest.h>

#include <csignal>

#include "runtime/loop/signals.h"
#include "tests/runtime/await.h"

namespace soliton {
namespace {

ShardOptions Seeded(int shard_count) { return {.shard_count = shard_count, .seed = 1}; }

TEST(AsioShardTest, TasksOfOneSenderRunInOrder) {
  AsioShardSet shards(Seeded(3));
  shards.Start();
  // Shard 0 and the test thread both send to shard 2.
  std::vector<int> from_shard, from_thread;
  std::promise<void> shard_done, thread_done;
  constexpr int kTasks = 5000;
  Shard& target = shards.shard(2);
  shards.shard(0).Post([&] {
    for (int i = 0; i < kTasks; ++i) {
      target.Post([&, i] {
        from_shard.push_back(i);
        if (i == kTasks - 1) shard_done.set_value();
      });
    }
  });
  for (int i = 0; i < kTasks; ++i) {
    target.Post([&, i] {
      from_thread.push_back(i);
      if (i == kTasks - 1) thread_done.set_value();
    });
  }
  Await(shard_done.get_future());
  Await(thread_done.get_future());
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_EQ(from_shard[static_cast<size_t>(i)], i);
    ASSERT_EQ(from_thread[static_cast<size_t>(i)], i);
  }
}

TEST(AsioShardTest, ATaskPostedToItselfRunsLater) {
  AsioShardSet shards(Seeded(1));
  std::vector<int> order;
  Shard& shard = shards.shard(0);
  shard.Post([&] {
    shard.Post([&] {
      order.push_back(2);
      shards.Stop();
    });
    order.push_back(1);
  });
  shards.RunOnCaller();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(AsioShardTest, OnlyTheRunningThreadIsCurrent) {
  AsioShardSet shards(Seeded(2));
  EXPECT_TRUE(shards.shard(0).IsCurrent()) << "whoever builds owns it until it runs";
  shards.Start();
  EXPECT_FALSE(shards.shard(0).IsCurrent());
  EXPECT_TRUE(RunOn(shards.shard(0), [&] { return shards.shard(0).IsCurrent(); }));
  EXPECT_FALSE(RunOn(shards.shard(0), [&] { return shards.shard(1).IsCurrent(); }));
  shards.Stop();
  shards.Join();
  EXPECT_TRUE(shards.shard(0).IsCurrent());
}

TEST(AsioShardTest, TimersFireInOrderAndNotEarly) {
  AsioShardSet shards(Seeded(1));
  Shard& shard = shards.shard(0);
  const MonotonicTime start = shard.clock().Now();
  std::vector<int> fired;
  const auto note = [&](int name, Duration delay) {
    return [&, name, delay] {
      EXPECT_GE(shard.clock().Now() - start, delay);
      fired.push_back(name);
    };
  };
  shard.ScheduleAt(start + milliseconds(30), note(3, milliseconds(30)));
  // Earlier than the one that is armed already.
  shard.ScheduleAt(start + milliseconds(10), note(1, milliseconds(10)));
  shard.ScheduleAt(start + milliseconds(10), note(2, milliseconds(10)));
  const TimerId cancelled = shard.ScheduleAt(start + milliseconds(5), note(0, milliseconds(5)));
  EXPECT_TRUE(shard.CancelTimer(cancelled));
  EXPECT_FALSE(shard.CancelTimer(cancelled));
  shard.ScheduleAt(start + milliseconds(40), [&] { shards.Stop(); });
  shards.RunOnCaller();
  EXPECT_EQ(fired, (std::vector<int>{1, 2, 3}));
}

TEST(AsioShardTest, ATimerThatReschedulesItselfForThePastDoesNotStarveTasks) {
  AsioShardSet shards(Seeded(1));
  Shard& shard = shards.shard(0);
  int fired = 0;
  std::function<void()> again = [&] {
    ++fired;
    shard.ScheduleAt(MonotonicTime(), again);
  };
  shard.ScheduleAt(MonotonicTime(), again);
  std::function<void(int)> hop = [&](int left) {
    if (left == 0) return shards.Stop();
    shard.Post([&, left] { hop(left - 1); });
  };
  shard.Post([&] { hop(20); });
  shards.RunOnCaller();
  EXPECT_GT(fired, 0);
}

TEST(AsioShardTest, RunOnCallerMayBeRepeatedAndKeepsWhatWasQueuedMeanwhile) {
  AsioShardSet shards(Seeded(1));
  for (int round = 0; round < 3; ++round) {
    bool ran = false;
    shards.shard(0).Post([&] {
      ran = true;
      shards.Stop();
    });
    shards.RunOnCaller();
    EXPECT_TRUE(ran);
  }
}

TEST(AsioShardTest, TasksAfterStopAreDroppedUnrun) {
  auto held = std::make_shared<int>(0);
  bool ran = false;
  AsioShardSet shards(Seeded(2));
  shards.Start();
  shards.Stop();
  shards.Join();
  for (int i = 0; i < 2; ++i) shards.shard(i).Post([held, &ran] { ran = true; });
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1);
}

// What a dropped task captured may come back to any shard of the set.
TEST(AsioShardTest, DroppedTasksMayCallBackFromTheirDestructors) {
  struct CallsBack {
    AsioShardSet& shards;
    ~CallsBack() {
      for (int i = 0; i < shards.size(); ++i) {
        shards.shard(i).Post([] {});
        (void)shards.shard(i).ScheduleAt(MonotonicTime(), [] {});
      }
    }
  };
  AsioShardSet shards(Seeded(3));
  for (int i = 0; i < 3; ++i) {
    auto guard = std::make_shared<CallsBack>(shards);
    shards.shard(i).Post([guard] {});
    shards.shard(i).ScheduleAfter(seconds(1000), [guard] {});
  }
}

TEST(AsioShardTest, SeedFixesTheRandomSequencesAndShardsDiffer) {
  AsioShardSet a(Seeded(2)), b(Seeded(2));
  const uint64_t first = a.shard(0).random().Next();
  EXPECT_EQ(first, b.shard(0).random().Next());
  EXPECT_NE(first, a.shard(1).random().Next());
}

TEST(AsioShardTest, OwnerOfIsStableAndUsesAllShards) {
  AsioShardSet shards(Seeded(4));
  std::set<int> used;
  for (uint64_t key = 0; key < 100; ++key) {
    used.insert(shards.OwnerOf(key).index());
    EXPECT_EQ(&shards.OwnerOf(key), &shards.OwnerOf(key));
  }
  EXPECT_EQ(used.size(), 4u);
}

TEST(SignalTest, SignalsArriveAsTasksOnTheFirstShard) {
  AsioShardSet shards(Seeded(1));
  std::vector<int> received;
  auto watcher = OnSignal(shards, [&](int number) {
    EXPECT_TRUE(shards.shard(0).IsCurrent());
    received.push_back(number);
    if (number == SIGTERM) return shards.Stop();
    std::raise(SIGTERM);
  });
  shards.shard(0).Post([] { std::raise(SIGHUP); });
  shards.RunOnCaller();
  EXPECT_EQ(received, (std::vector<int>{SIGHUP, SIGTERM}));
}

}  // namespace
}  // namespace soliton
