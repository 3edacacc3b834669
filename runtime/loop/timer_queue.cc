#include "runtime/loop/timer_queue.h"

namespace soliton {

TimerId TimerQueue::Add(MonotonicTime deadline, Task task) {
  const TimerId id = next_id_++;
  // Ids grow, so equal deadlines sort in insertion order.
  by_deadline_.emplace(Key{deadline, id}, std::move(task));
  deadlines_.emplace(id, deadline);
  return id;
}

bool TimerQueue::Cancel(TimerId id) {
  auto found = deadlines_.find(id);
  if (found == deadlines_.end()) return false;
  // The task is destroyed last: its destructor may call back into this queue.
  auto node = by_deadline_.extract(Key{found->second, id});
  deadlines_.erase(found);
  return true;
}

std::optional<MonotonicTime> TimerQueue::NextDeadline() const {
  if (by_deadline_.empty()) return std::nullopt;
  return by_deadline_.begin()->first.first;
}

std::optional<Task> TimerQueue::PopDue(MonotonicTime now) {
  if (by_deadline_.empty() || by_deadline_.begin()->first.first > now) return std::nullopt;
  auto node = by_deadline_.extract(by_deadline_.begin());
  deadlines_.erase(node.key().second);
  return std::move(node.mapped());
}

}  // namespace soliton
