// Timers of one shard, pure: no clock, no thread. The shell asks NextDeadline(), waits that long,
// and calls PopDue(now). Equal deadlines fire in insertion order, so a simulated run is
// reproducible.
//
// Most timers are timeouts that are cancelled soon: adding one at the end of the heap and
// cancelling it take constant time and, but for what the task holds, no memory of their own. A
// cancelled one leaves its entry in the heap until it comes to the top or half of the heap is such.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/loop/shard.h"

namespace soliton {

class TimerQueue {
 public:
  TimerId Add(MonotonicTime deadline, Task task);
  bool Cancel(TimerId id);
  std::optional<MonotonicTime> NextDeadline() const;
  // The earliest task whose deadline is <= now, removed from the queue; nullopt when none is due.
  std::optional<Task> PopDue(MonotonicTime now);
  size_t size() const { return size_; }

 private:
  // An id is the number of a slot and how often that was taken before.
  struct Slot {
    Task task;
    uint32_t generation = 1;
  };
  struct Entry {
    MonotonicTime deadline;
    uint64_t order = 0;  // of insertion
    TimerId id = 0;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.deadline != b.deadline ? a.deadline > b.deadline : a.order > b.order;
    }
  };

  // nullptr when `id` was never issued, has fired or was cancelled.
  Slot* Find(TimerId id);
  Task Take(Slot& slot);
  // The top of the heap is a pending timer afterwards.
  void DropCancelled();
  void PopTop();

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<Entry> heap_;
  uint64_t next_order_ = 0;
  size_t size_ = 0;  // pending timers
};

}  // namespace soliton
