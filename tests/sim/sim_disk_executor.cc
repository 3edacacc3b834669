#include "tests/sim/sim_disk_executor.h"

#include "runtime/base/check.h"

namespace soliton::sim {

SimDiskExecutor::SimDiskExecutor(const SimProcess& process, const SimDiskLatency& latency,
                                 Random random)
    : process_(process), latency_(latency), random_(random) {}

void SimDiskExecutor::Submit(uint64_t lane, Shard& reply_to, Task work, Task done) {
  if (process_.dead) return;
  lanes_[lane].jobs.push_back(Job{&reply_to, std::move(work), std::move(done)});
  ScheduleLane(lane);
}

void SimDiskExecutor::ScheduleLane(uint64_t lane_id) {
  Lane& lane = lanes_[lane_id];
  if (lane.event_scheduled || lane.jobs.empty() || process_.paused) return;
  lane.event_scheduled = true;
  const MonotonicTime when =
      std::max(process_.world->Now() + DrawLatency(), stalled_until_ + latency_.min);
  process_.world->ScheduleAt(when, {process_.node, EventKind::kDisk},
                             [this, lane_id] { RunLane(lane_id); });
}

void SimDiskExecutor::RunLane(uint64_t lane_id) {
  if (process_.dead) return;
  Lane& lane = lanes_[lane_id];
  lane.event_scheduled = false;
  if (process_.paused || lane.jobs.empty()) return;
  if (process_.world->Now() < stalled_until_) return ScheduleLane(lane_id);
  Job job = std::move(lane.jobs.front());
  lane.jobs.pop_front();
  job.work();
  job.work = nullptr;
  job.reply_to->Post(std::move(job.done));
  ScheduleLane(lane_id);
}

Duration SimDiskExecutor::DrawLatency() {
  const bool slow = latency_.slow_one_in > 0 && random_.Chance(1, latency_.slow_one_in);
  const Duration max = slow ? latency_.slow_max : latency_.max;
  return Duration(random_.Between(latency_.min.count(), max.count()));
}

void SimDiskExecutor::Resume() {
  for (auto& [lane_id, lane] : lanes_) ScheduleLane(lane_id);
}

void SimDiskExecutor::DropAll() {
  CHECK(process_.dead);
  std::map<uint64_t, Lane> lanes = std::move(lanes_);
  lanes_.clear();
}

}  // namespace soliton::sim
