// A Shard is one thread with one event loop: the unit of ownership. Everything that a shard owns
// (partitions, connections, timers) is touched by its thread only; other threads send it a message
// with Post. There are no locks above this line.
#pragma once

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "runtime/base/random.h"
#include "runtime/loop/clock.h"

namespace soliton {

// One message. Runs once, on the shard it was posted to, to completion.
using Task = absl::AnyInvocable<void()>;

// Names a scheduled timer. 0 is never issued.
using TimerId = uint64_t;

class Shard {
 public:
  virtual ~Shard() = default;

  // Position in its ShardSet.
  virtual int index() const = 0;

  // Queues `task` behind what is already queued. Any thread. Tasks posted by one thread run in the
  // order posted. After the shard has stopped, tasks are dropped without running.
  virtual void Post(Task task) = 0;

  // Whether the caller runs on this shard's thread.
  virtual bool IsCurrent() const = 0;

  virtual const Clock& clock() const = 0;

  // Owner thread only.
  virtual Random& random() = 0;

  // Runs `task` once at or after `deadline`. Owner thread only. Timers with equal deadlines fire in
  // the order they were scheduled.
  virtual TimerId ScheduleAt(MonotonicTime deadline, Task task) = 0;
  // False when the timer has already fired, was cancelled, or is 0. Owner thread only.
  virtual bool CancelTimer(TimerId id) = 0;

  TimerId ScheduleAfter(Duration delay, Task task) {
    return ScheduleAt(clock().Now() + delay, std::move(task));
  }
};

}  // namespace soliton
