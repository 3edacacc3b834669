#include "broker/data_path_watch.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_network.h"
#include "tests/sim/sim_node.h"

namespace soliton::broker {
namespace {

// Answers as it is told, in virtual time.
class Watched {
 public:
  explicit Watched(sim::SimNode& node)
      : shard_(node.ports().shards->shard(0)),
        watch_(
            shard_, {.interval = milliseconds(100), .stall_timeout = seconds(2)},
            [this](auto answer) {
              if (answers) return answer(oldest);
              unanswered_ = std::move(answer);
            },
            [this](bool moves) { told.push_back(moves); }) {
    node.Post([this] { watch_.Start(); });
  }
  void AnswerAtLast() { unanswered_(oldest); }
  MonotonicTime now() const { return shard_.clock().Now(); }

  bool answers = true;
  DataPathWatch::OldestFlush oldest;
  std::vector<bool> told;

 private:
  Shard& shard_;
  absl::AnyInvocable<void(DataPathWatch::OldestFlush)> unanswered_;
  DataPathWatch watch_;
};

class DataPathWatchTest : public ::testing::Test {
 protected:
  DataPathWatchTest() {
    node_.SetBoot([](sim::SimNode& node) { return std::make_shared<Watched>(node); });
    node_.Restart();
    world_.RunFor(milliseconds(10));
  }
  Watched& watched() { return *node_.app<Watched>(); }

  sim::SimWorld world_{1};
  sim::SimNetwork network_{world_, {}};
  sim::SimNode node_{world_, network_, "broker"};
};

TEST_F(DataPathWatchTest, WhatMovesIsNoNews) {
  for (int i = 0; i < 100; ++i) {
    world_.RunFor(milliseconds(100));
    watched().oldest = watched().now();
  }
  EXPECT_TRUE(watched().told.empty());
}

TEST_F(DataPathWatchTest, AFlushThatTakesTooLongIsAStallUntilItIsDone) {
  watched().oldest = watched().now();
  world_.RunFor(milliseconds(1900));
  EXPECT_TRUE(watched().told.empty());
  world_.RunFor(milliseconds(300));
  EXPECT_EQ(watched().told, std::vector<bool>({false}));
  watched().oldest.reset();
  world_.RunFor(milliseconds(200));
  EXPECT_EQ(watched().told, std::vector<bool>({false, true}));
}

TEST_F(DataPathWatchTest, AShardThatDoesNotAnswerIsAStallToo) {
  watched().answers = false;
  world_.RunFor(milliseconds(1900));
  EXPECT_TRUE(watched().told.empty());
  world_.RunFor(milliseconds(400));
  EXPECT_EQ(watched().told, std::vector<bool>({false}));
  node_.Post([this] {
    watched().answers = true;
    watched().AnswerAtLast();
  });
  world_.RunFor(milliseconds(200));
  EXPECT_EQ(watched().told, std::vector<bool>({false, true}));
}

}  // namespace
}  // namespace soliton::broker
