// Shards of a simulated process. Each runs one task per event, in the order posted; how the shards
// of a world interleave is drawn from the seed. A task takes a little virtual time, so endless
// posting still makes time pass. On a dead process every shard counts as current, so that
// destructors may check ownership.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/loop/shard_set.h"
#include "runtime/loop/timer_queue.h"
#include "tests/sim/sim_process.h"

namespace soliton::sim {

class SimShard final : public Shard {
 public:
  SimShard(const SimProcess& process, int index, Random random);

  int index() const override { return index_; }
  void Post(Task task) override;
  bool IsCurrent() const override;
  const Clock& clock() const override { return *process_.clock; }
  Random& random() override { return random_; }
  TimerId ScheduleAt(MonotonicTime deadline, Task task) override;
  bool CancelTimer(TimerId id) override;

  // The process was paused and goes on.
  void Resume();
  // The process is dead: destroys queued tasks and timers without running them.
  void DropAll();
  size_t queued_tasks() const { return tasks_.size(); }

 private:
  void Wake();
  void RunNextTask();
  void ArmTimer();
  void OnTimerEvent(MonotonicTime armed_for);
  void Run(Task task);

  const SimProcess& process_;
  const int index_;
  Random random_;    // the application's
  Random schedule_;  // this shard's costs and delays
  std::deque<Task> tasks_;
  TimerQueue timers_;
  bool wake_scheduled_ = false;
  std::optional<MonotonicTime> armed_;  // the earliest scheduled timer event
};

class SimShardSet final : public ShardSet {
 public:
  SimShardSet(const SimProcess& process, int count, const std::string& name);
  int size() const override { return static_cast<int>(shards_.size()); }
  Shard& shard(int index) override { return *shards_[static_cast<size_t>(index)]; }

  void Resume();
  void DropAll();

 private:
  std::vector<std::unique_ptr<SimShard>> shards_;
};

}  // namespace soliton::sim
