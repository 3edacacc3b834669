// The disk threads of a simulated process: work takes a drawn time, runs, and its answer is posted.
// Work of one lane runs in order; lanes run beside each other. A stall holds all work back (a disk
// that hangs).
#pragma once

#include <deque>
#include <map>

#include "runtime/file/disk_executor.h"
#include "tests/sim/sim_process.h"

namespace soliton::sim {

struct SimDiskLatency {
  Duration min = microseconds(100);
  Duration max = milliseconds(3);
  // One in this many takes up to `slow_max`; 0 = never.
  uint64_t slow_one_in = 200;
  Duration slow_max = milliseconds(50);
};

class SimDiskExecutor final : public DiskExecutor {
 public:
  SimDiskExecutor(const SimProcess& process, const SimDiskLatency& latency, Random random);

  void Submit(uint64_t lane, Shard& reply_to, Task work, Task done) override;

  // No work completes before `until`.
  void StallUntil(MonotonicTime until) { stalled_until_ = until; }
  void Resume();
  void DropAll();

 private:
  struct Job {
    Shard* reply_to;
    Task work;
    Task done;
  };
  struct Lane {
    std::deque<Job> jobs;
    bool event_scheduled = false;
  };

  void ScheduleLane(uint64_t lane_id);
  void RunLane(uint64_t lane_id);
  Duration DrawLatency();

  const SimProcess& process_;
  const SimDiskLatency latency_;
  Random random_;
  std::map<uint64_t, Lane> lanes_;
  MonotonicTime stalled_until_{};
};

}  // namespace soliton::sim
