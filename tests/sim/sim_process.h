// What the parts of one simulated process (its shards, disk thread, connections) share: whether it
// still runs. Once dead, every port call of that process is a no-op, so destructors of a crashed
// program reach nothing.
#pragma once

#include <memory>

#include "runtime/loop/clock.h"
#include "tests/sim/sim_world.h"

namespace soliton::sim {

// A node's view of time: the world's monotonic clock, and a wall clock that may be off.
class SimClock final : public Clock {
 public:
  explicit SimClock(const SimWorld& world) : world_(&world) {}
  MonotonicTime Now() const override { return world_->Now(); }
  int64_t WallMs() const override {
    const int64_t since_ms = (world_->Now() - drift_since_) / milliseconds(1);
    return world_->WallMs() + wall_offset_ms_ + since_ms * drift_per_thousand_ / 1000;
  }
  void set_wall_offset_ms(int64_t offset_ms) { wall_offset_ms_ = offset_ms; }
  // Steps the wall clock by `offset_ms` from what the world's shows; from now on it gains (or
  // loses) so many thousandths.
  void StepWall(int64_t offset_ms, int64_t drift_per_thousand) {
    wall_offset_ms_ = offset_ms;
    drift_since_ = world_->Now();
    drift_per_thousand_ = drift_per_thousand;
  }

 private:
  const SimWorld* world_;
  int64_t wall_offset_ms_ = 0;
  MonotonicTime drift_since_{};
  int64_t drift_per_thousand_ = 0;
};

// Shared by whatever the application may hold on to (connections, listeners): a handle that
// outlives its node still learns that it is dead.
struct SimProcess {
  SimWorld* world = nullptr;
  NodeId node = 0;
  const SimClock* clock = nullptr;
  bool dead = false;
  bool paused = false;
};
using SimProcessPtr = std::shared_ptr<SimProcess>;

}  // namespace soliton::sim
