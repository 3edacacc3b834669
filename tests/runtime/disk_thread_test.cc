#include "runtime/file/disk_thread.h"

#include <gtest/gtest.h>

#include "runtime/loop/asio_shard.h"
#include "runtime/native_ports.h"
#include "tests/runtime/await.h"

namespace soliton {
namespace {

TEST(DiskThreadsTest, LanesKeepTheirOrderAndRepliesComeBackToTheShard) {
  constexpr int kLanes = 5;
  constexpr int kJobsPerLane = 200;
  AsioShardSet shards(ShardOptions{.shard_count = 2, .seed = 1});
  DiskThreads disk(3);
  shards.Start();
  Shard& home = shards.shard(1);
  struct Record {
    std::vector<int> worked[kLanes];   // each lane is written by one disk thread
    std::vector<int> replied[kLanes];  // by the shard
    int replies = 0;
  };
  auto record = std::make_shared<Record>();
  std::promise<void> all_done;
  for (int job = 0; job < kJobsPerLane; ++job) {
    for (int lane = 0; lane < kLanes; ++lane) {
      disk.Submit(
          static_cast<uint64_t>(lane), home,
          [record, lane, job, &home] {
            CHECK(!home.IsCurrent(), "work ran on the shard");
            record->worked[lane].push_back(job);
          },
          [record, lane, job, &home, &all_done] {
            CHECK(home.IsCurrent(), "reply ran elsewhere");
            record->replied[lane].push_back(job);
            if (++record->replies == kLanes * kJobsPerLane) all_done.set_value();
          });
    }
  }
  Await(all_done.get_future());
  std::vector<int> in_order;
  for (int job = 0; job < kJobsPerLane; ++job) in_order.push_back(job);
  for (int lane = 0; lane < kLanes; ++lane) {
    EXPECT_EQ(record->worked[lane], in_order) << "lane " << lane;
    EXPECT_EQ(record->replied[lane], in_order) << "lane " << lane;
  }
}

TEST(DiskThreadsTest, DifferentLanesRunInParallel) {
  AsioShardSet shards(ShardOptions{.shard_count = 1, .seed = 1});
  DiskThreads disk(2);
  std::promise<void> second_ran;
  std::promise<void> first_done;
  // The first lane waits for the second: on one thread this would never end.
  disk.Submit(
      0, shards.shard(0),
      [&] {
        Await(second_ran.get_future());
        first_done.set_value();
      },
      [] {});
  disk.Submit(1, shards.shard(0), [&] { second_ran.set_value(); }, [] {});
  Await(first_done.get_future());
}

TEST(DiskThreadsTest, TheUrgentLaneWaitsForNobody) {
  AsioShardSet shards(ShardOptions{.shard_count = 1, .seed = 1});
  DiskThreads disk(1);
  std::promise<void> urgent_ran;
  std::promise<void> first_done;
  disk.Submit(
      0, shards.shard(0),
      [&] {
        Await(urgent_ran.get_future());
        first_done.set_value();
      },
      [] {});
  disk.Submit(kUrgentLane, shards.shard(0), [&] { urgent_ran.set_value(); }, [] {});
  Await(first_done.get_future());
}

TEST(DiskThreadsTest, DestructionFinishesWhatWasSubmitted) {
  AsioShardSet shards(ShardOptions{.shard_count = 1, .seed = 1});
  int worked = 0;
  {
    DiskThreads disk(1);
    for (int i = 0; i < 100; ++i) disk.Submit(0, shards.shard(0), [&] { ++worked; }, [] {});
  }
  EXPECT_EQ(worked, 100);
}

// A node is destroyed after Join: work that still ran would use it.
TEST(DiskThreadsTest, JoiningThePortsWaitsForDiskWork) {
  constexpr int kJobs = 1000;
  int worked = 0;
  bool replied = false;
  NativePorts native({.shard_count = 1, .disk_thread_count = 1});
  native.Start();
  native.Stop();
  for (int i = 0; i < kJobs; ++i) {
    native.ports().disk->Submit(
        0, native.ports().shards->shard(0), [&worked] { ++worked; },
        [&replied] { replied = true; });
  }
  native.Join();
  EXPECT_EQ(worked, kJobs);
  EXPECT_FALSE(replied) << "a stopped shard ran a reply";
}

}  // namespace
}  // namespace soliton
