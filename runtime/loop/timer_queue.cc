#include "runtime/loop/timer_queue.h"

#include <algorithm>
#include <utility>

namespace soliton {
namespace {

constexpr size_t kNeverCompactedBelow = 64;

constexpr uint32_t SlotOf(TimerId id) { return static_cast<uint32_t>(id); }
constexpr uint32_t GenerationOf(TimerId id) { return static_cast<uint32_t>(id >> 32); }
constexpr TimerId IdOf(uint32_t slot, uint32_t generation) {
  return (TimerId{generation} << 32) | slot;
}

}  // namespace

TimerId TimerQueue::Add(MonotonicTime deadline, Task task) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  slot.task = std::move(task);
  const TimerId id = IdOf(index, slot.generation);
  heap_.push_back({deadline, next_order_++, id});
  std::push_heap(heap_.begin(), heap_.end(), Later());
  ++size_;
  return id;
}

TimerQueue::Slot* TimerQueue::Find(TimerId id) {
  if (SlotOf(id) >= slots_.size()) return nullptr;
  Slot& slot = slots_[SlotOf(id)];
  return slot.generation == GenerationOf(id) ? &slot : nullptr;
}

Task TimerQueue::Take(Slot& slot) {
  ++slot.generation;
  // Generation 0 stays free, so that no id is 0.
  if (slot.generation == 0) slot.generation = 1;
  free_slots_.push_back(static_cast<uint32_t>(&slot - slots_.data()));
  --size_;
  return std::exchange(slot.task, nullptr);
}

bool TimerQueue::Cancel(TimerId id) {
  Slot* const slot = Find(id);
  if (slot == nullptr) return false;
  // Destroyed last: its destructor may call back into this queue.
  const Task task = Take(*slot);
  DropCancelled();
  return true;
}

void TimerQueue::PopTop() {
  std::pop_heap(heap_.begin(), heap_.end(), Later());
  heap_.pop_back();
}

void TimerQueue::DropCancelled() {
  while (!heap_.empty() && Find(heap_.front().id) == nullptr) PopTop();
  if (heap_.size() < kNeverCompactedBelow || heap_.size() < 2 * size_) return;
  std::erase_if(heap_, [this](const Entry& entry) { return Find(entry.id) == nullptr; });
  std::make_heap(heap_.begin(), heap_.end(), Later());
}

std::optional<MonotonicTime> TimerQueue::NextDeadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().deadline;
}

std::optional<Task> TimerQueue::PopDue(MonotonicTime now) {
  if (heap_.empty() || heap_.front().deadline > now) return std::nullopt;
  Task task = Take(*Find(heap_.front().id));
  PopTop();
  DropCancelled();
  return task;
}

}  // namespace soliton
