// A PartitionTable over a simulated disk, on a shard that runs when the test says so.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "broker/partition/partition_table.h"
#include "tests/broker/partition_fixture.h"

namespace soliton::broker {

// Tasks wait until the test runs them.
class TurnShard final : public Shard {
 public:
  explicit TurnShard(const Clock& clock) : clock_(clock) {}
  int index() const override { return 0; }
  void Post(Task task) override { tasks_.push_back(std::move(task)); }
  bool IsCurrent() const override { return true; }
  const Clock& clock() const override { return clock_; }
  Random& random() override { return random_; }
  TimerId ScheduleAt(MonotonicTime, Task) override { return 1; }
  bool CancelTimer(TimerId) override { return true; }

  size_t waiting() const { return tasks_.size(); }
  void RunAll() {
    while (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }

 private:
  const Clock& clock_;
  Random random_{1};
  std::deque<Task> tasks_;
};

class OneShard final : public ShardSet {
 public:
  explicit OneShard(Shard& shard) : shard_(shard) {}
  int size() const override { return 1; }
  Shard& shard(int) override { return shard_; }

 private:
  Shard& shard_;
};

// Disk work is done when it is asked for; `done` is a task of the shard.
class DiskAtOnce final : public DiskExecutor {
 public:
  void Submit(uint64_t, Shard& reply_to, Task work, Task done) override {
    most_at_once_ = std::max(most_at_once_, ++under_way_);
    work();
    reply_to.Post([this, done = std::move(done)]() mutable {
      --under_way_;
      done();
    });
  }
  // Work whose `done` had not run yet.
  int most_at_once() const { return most_at_once_; }

 private:
  int under_way_ = 0;
  int most_at_once_ = 0;
};

class PartitionTableTest : public testing::Test {
 protected:
  void SetUp() override {
    auto directory = segment::DataDirectory::Open(fs_, "/data", "cluster", 1, shard_.random());
    ASSERT_TRUE(directory.ok()) << directory.status();
    directory_ = *std::move(directory);
    PartitionTableOptions options;
    options.partition.broker_id = 1;
    PartitionTable::Hooks hooks;
    hooks.propose_isr = [](const TopicPartition&, const IsrProposal&) {};
    hooks.on_role_changed = [](const Partition&) {};
    hooks.on_follower_flushed = [](const Partition&) {};
    hooks.on_removed = [](const TopicPartition&) {};
    hooks.on_loss = [](const TopicPartition&, Task remembered) { remembered(); };
    hooks.claim_folder = [](const std::string&, Task granted) { granted(); };
    hooks.release_folder = [](const std::string&) {};
    hooks.on_log_failed = [this](const absl::Status& why) { failures_.push_back(why); };
    table_ = std::make_unique<PartitionTable>(
        Ports{.shards = &shards_, .files = &fs_, .disk = &disk_}, shard_, *directory_, options,
        PartitionTable::HighWatermarks{}, hooks);
  }

  // The image of a topic with two partitions, on brokers 1 (this one) and 2.
  struct TopicState {
    int32_t leader = 1;
    std::vector<int32_t> isr = {1};
    std::vector<int32_t> eligible_leaders = {};
    int32_t partition_epoch = 0;
    int64_t own_broker_epoch = 101;
    size_t partition_count = 2;
  };
  void Apply(const TopicState& state) {
    ApplyOnly(state);
    shard_.RunAll();
  }
  void ApplyOnly(const TopicState& state) {
    auto topic = std::make_shared<controller::TopicInfo>();
    topic->name = "t";
    topic->id = kTopic;
    topic->partitions.assign(state.partition_count, {.replicas = {1, 2},
                                                     .isr = state.isr,
                                                     .eligible_leaders = state.eligible_leaders,
                                                     .leader = state.leader,
                                                     .leader_epoch = 1,
                                                     .partition_epoch = state.partition_epoch});
    auto image = std::make_shared<controller::MetadataImage>();
    image->offset = ++last_offset_;
    image->brokers[1] = {.broker_id = 1, .broker_epoch = state.own_broker_epoch, .fenced = false};
    image->brokers[2] = {.broker_id = 2, .broker_epoch = 102, .fenced = false};
    image->topics_by_id[kTopic] = topic;
    image->topics_by_name["t"] = topic;
    table_->ApplyImage(image, {.changed_topics = {kTopic}});
  }
  static TopicPartition Id(int32_t partition) { return {kTopic, partition}; }

  static constexpr Uuid kTopic{1, 1};
  sim::SimFileSystem fs_{1};
  ManualClock clock_;
  TurnShard shard_{clock_};
  OneShard shards_{shard_};
  DiskAtOnce disk_;
  std::unique_ptr<segment::DataDirectory> directory_;
  std::unique_ptr<PartitionTable> table_;
  std::vector<absl::Status> failures_;
  int64_t last_offset_ = 0;
};

}  // namespace soliton::broker
