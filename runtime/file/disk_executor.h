// Runs blocking file work away from the shards. Work submitted with the same `lane` runs in the
// order submitted; different lanes may run in parallel.
#pragma once

#include <cstdint>

#include "runtime/loop/shard.h"

namespace soliton {

// This lane waits for no other lane's work, however much there is: for what holds up a whole
// cluster.
inline constexpr uint64_t kUrgentLane = ~uint64_t{0};

class DiskExecutor {
 public:
  virtual ~DiskExecutor() = default;
  // Runs `work` on a disk thread, then `done` on `reply_to`. Any thread. `work` touches only what
  // it was given (file handles, buffers); results reach `done` through shared state that both
  // captured.
  virtual void Submit(uint64_t lane, Shard& reply_to, Task work, Task done) = 0;
};

}  // namespace soliton
