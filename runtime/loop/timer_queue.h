// Timers of one shard, pure: no clock, no thread. The shell asks NextDeadline(), waits that long,
// and calls PopDue(now). Equal deadlines fire in insertion order, so a simulated run is
// reproducible.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "runtime/loop/shard.h"

namespace soliton {

class TimerQueue {
 public:
  TimerId Add(MonotonicTime deadline, Task task);
  bool Cancel(TimerId id);
  std::optional<MonotonicTime> NextDeadline() const;
  // The earliest task whose deadline is <= now, removed from the queue; nullopt when none is due.
  std::optional<Task> PopDue(MonotonicTime now);
  size_t size() const { return by_deadline_.size(); }

 private:
  using Key = std::pair<MonotonicTime, TimerId>;
  std::map<Key, Task> by_deadline_;
  absl::flat_hash_map<TimerId, MonotonicTime> deadlines_;
  TimerId next_id_ = 1;
};

}  // namespace soliton
