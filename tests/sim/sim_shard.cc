#include "tests/sim/sim_shard.h"

#include <fmt/format.h>

#include "runtime/base/check.h"

namespace soliton::sim {
namespace {

// Virtual time from becoming runnable to running, and how late a timer may fire.
constexpr int64_t kTaskCostMinNs = 300;
constexpr int64_t kTaskCostMaxNs = 4'000;
constexpr int64_t kTimerLatenessMaxNs = 60'000;

}  // namespace

SimShard::SimShard(const SimProcess& process, int index, Random random)
    : process_(process), index_(index), random_(random), schedule_(random_.Next()) {}

void SimShard::Post(Task task) {
  if (process_.dead) return;
  tasks_.push_back(std::move(task));
  Wake();
}

bool SimShard::IsCurrent() const {
  return process_.dead || process_.world->current_shard() == this || process_.world->inspecting();
}

void SimShard::Wake() {
  if (wake_scheduled_ || process_.paused || tasks_.empty()) return;
  wake_scheduled_ = true;
  process_.world->ScheduleAfter(Duration(schedule_.Between(kTaskCostMinNs, kTaskCostMaxNs)),
                                {process_.node, EventKind::kTask}, [this] { RunNextTask(); });
}

void SimShard::RunNextTask() {
  wake_scheduled_ = false;
  if (process_.dead || process_.paused || tasks_.empty()) return;
  Task task = std::move(tasks_.front());
  tasks_.pop_front();
  Run(std::move(task));
  Wake();
}

void SimShard::Run(Task task) {
  SimWorld& world = *process_.world;
  CHECK(world.current_shard() == nullptr, "events do not nest");
  world.set_current_shard(this);
  task();
  task = nullptr;  // what the task captured dies on its shard too
  world.set_current_shard(nullptr);
}

TimerId SimShard::ScheduleAt(MonotonicTime deadline, Task task) {
  CHECK(IsCurrent(), "timer scheduled off its shard {}", index_);
  if (process_.dead) return 0;
  const TimerId id = timers_.Add(deadline, std::move(task));
  ArmTimer();
  return id;
}

bool SimShard::CancelTimer(TimerId id) {
  CHECK(IsCurrent(), "timer cancelled off its shard {}", index_);
  return timers_.Cancel(id);
}

void SimShard::ArmTimer() {
  const std::optional<MonotonicTime> next = timers_.NextDeadline();
  if (!next || process_.paused || (armed_ && *armed_ <= *next)) return;
  armed_ = *next;
  const Duration lateness(schedule_.Between(0, kTimerLatenessMaxNs));
  process_.world->ScheduleAt(*next + lateness, {process_.node, EventKind::kTimer},
                             [this, armed_for = *next] { OnTimerEvent(armed_for); });
}

void SimShard::OnTimerEvent(MonotonicTime armed_for) {
  if (armed_ == armed_for) armed_.reset();
  if (process_.dead || process_.paused) return;
  if (std::optional<Task> task = timers_.PopDue(process_.clock->Now())) Run(std::move(*task));
  ArmTimer();
}

void SimShard::Resume() {
  Wake();
  ArmTimer();
}

void SimShard::DropAll() {
  CHECK(process_.dead);
  // Destructors may post or schedule; on a dead process both do nothing.
  std::deque<Task> tasks = std::move(tasks_);
  TimerQueue timers = std::move(timers_);
  tasks_.clear();
  timers_ = TimerQueue();
}

SimShardSet::SimShardSet(const SimProcess& process, int count, const std::string& name) {
  CHECK(count > 0);
  for (int i = 0; i < count; ++i) {
    shards_.push_back(std::make_unique<SimShard>(
        process, i, process.world->ForkRandom(fmt::format("{}/shard-{}", name, i))));
  }
}

void SimShardSet::Resume() {
  for (auto& shard : shards_) shard->Resume();
}

void SimShardSet::DropAll() {
  for (auto& shard : shards_) shard->DropAll();
}

}  // namespace soliton::sim
