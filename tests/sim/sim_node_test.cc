#include "tests/sim/sim_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace soliton::sim {
namespace {

// An application that appends and syncs a line every millisecond, and checks in its destructor that
// a dead process reaches nothing.
class Writer {
 public:
  Writer(SimNode& node, int* destroyed) : ports_(node.ports()), destroyed_(destroyed) {
    file_ = *ports_.files->Open("log", OpenMode::kReadWriteOrCreate);
    EXPECT_TRUE(ports_.files->SyncDirectory(".").ok());
    shard().Post([this] { Tick(); });
  }
  ~Writer() {
    ++*destroyed_;
    EXPECT_TRUE(shard().IsCurrent()) << "destructors may assert ownership";
    shard().Post([] { ADD_FAILURE() << "ran on a dead process"; });
    EXPECT_EQ(shard().ScheduleAfter(seconds(1), [] { ADD_FAILURE(); }), 0u);
    ports_.disk->Submit(0, shard(), [] { ADD_FAILURE(); }, [] { ADD_FAILURE(); });
    EXPECT_FALSE(file_->Sync().ok());
    EXPECT_FALSE(ports_.files->Open("other", OpenMode::kReadWriteOrCreate).ok());
  }
  int64_t synced_lines() const { return synced_lines_; }

 private:
  Shard& shard() { return ports_.shards->shard(0); }
  void Tick() {
    const Buffer line = Buffer::CopyOf("line\n");
    EXPECT_TRUE(file_->Append({&line, 1}).ok());
    const int64_t lines = ++lines_;
    ports_.disk->Submit(
        7, shard(), [file = file_] { EXPECT_TRUE(file->Sync().ok()); },
        [this, lines] { synced_lines_ = lines; });
    timer_ = shard().ScheduleAfter(milliseconds(1), [this] { Tick(); });
  }

  Ports ports_;
  int* destroyed_;
  std::shared_ptr<File> file_;
  TimerId timer_ = 0;
  int64_t lines_ = 0;
  int64_t synced_lines_ = 0;
};

class SimNodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    node_.SetBoot([this](SimNode& node) { return std::make_shared<Writer>(node, &destroyed_); });
    node_.Restart();
  }
  int64_t LinesOnDisk() {
    const std::string text = *ReadFile(node_.files(), "log");
    return std::count(text.begin(), text.end(), '\n');
  }

  SimWorld world_{3};
  SimNetwork network_{world_, {}};
  int destroyed_ = 0;
  SimNode node_{world_, network_, "node-1"};
};

TEST_F(SimNodeTest, WhatWasSyncedIsThereAfterACrash) {
  for (int round = 0; round < 20; ++round) {
    const int64_t before = round == 0 ? 0 : LinesOnDisk();
    world_.RunFor(milliseconds(20));
    const int64_t synced = node_.app<Writer>()->synced_lines();
    EXPECT_GT(synced, 0);
    node_.Crash();
    EXPECT_EQ(destroyed_, round + 1);
    EXPECT_GE(LinesOnDisk(), before + synced);
    world_.RunFor(milliseconds(20));
    node_.Restart();
  }
  EXPECT_EQ(node_.incarnation(), 21);
}

TEST_F(SimNodeTest, AProcessCrashKeepsThePageCache) {
  world_.RunFor(milliseconds(20));
  const int64_t written = LinesOnDisk();
  node_.Crash({.lose_unsynced = false});
  EXPECT_EQ(LinesOnDisk(), written);
}

TEST_F(SimNodeTest, NothingRunsAfterACrash) {
  world_.RunFor(milliseconds(5));
  node_.Crash();
  const uint64_t operations = node_.files().operation_count();
  world_.RunFor(seconds(5));
  EXPECT_EQ(node_.files().operation_count(), operations);
  EXPECT_EQ(node_.app<Writer>(), nullptr);
}

TEST_F(SimNodeTest, APausedProcessDoesNothingAndGoesOn) {
  world_.RunFor(milliseconds(5));
  node_.Pause();
  const uint64_t operations = node_.files().operation_count();
  bool ran = false;
  node_.Post([&] { ran = true; });
  world_.RunFor(seconds(5));
  EXPECT_EQ(node_.files().operation_count(), operations);
  EXPECT_FALSE(ran);
  node_.Resume();
  world_.RunFor(milliseconds(20));
  EXPECT_TRUE(ran);
  EXPECT_GT(node_.files().operation_count(), operations + 10);
}

TEST_F(SimNodeTest, AStalledDiskCompletesNothing) {
  world_.RunFor(milliseconds(20));
  node_.StallDisk(seconds(1));
  const int64_t synced = node_.app<Writer>()->synced_lines();
  world_.RunFor(milliseconds(900));
  EXPECT_LE(node_.app<Writer>()->synced_lines(), synced + 1);  // an answer that was on its way
  world_.RunFor(seconds(3));
  EXPECT_GT(node_.app<Writer>()->synced_lines(), synced + 100);
}

TEST_F(SimNodeTest, AWallClockMayBeOff) {
  const int64_t right = node_.clock().WallMs();
  node_.clock().set_wall_offset_ms(-3'600'000);
  EXPECT_EQ(node_.clock().WallMs(), right - 3'600'000);
}

}  // namespace
}  // namespace soliton::sim
