#include "broker/server/memory_budget.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace soliton::broker {

MemoryBudget::MemoryBudget(int64_t total_bytes)
    : caps_{total_bytes - total_bytes / 4, total_bytes - total_bytes / 8, total_bytes} {}

bool MemoryBudget::Fits(size_t what, int64_t bytes) const {
  int64_t together = bytes;
  for (size_t i = 0; i < kClasses; ++i) {
    together += used_[i];
    if (i >= what && together > caps_[i]) return false;
  }
  return true;
}

bool MemoryBudget::Ask(uint64_t id, Class what, int64_t bytes) {
  DCHECK(bytes <= largest_bytes(), "{} bytes can never be taken", bytes);
  const auto index = static_cast<size_t>(what);
  if (waiting_[index].empty() && Fits(index, bytes)) {
    used_[index] += bytes;
    return true;
  }
  waiting_[index].push_back({id, bytes});
  return false;
}

std::vector<uint64_t> MemoryBudget::Release(Class what, int64_t bytes) {
  int64_t& used = used_[static_cast<size_t>(what)];
  used -= bytes;
  CHECK(used >= 0, "{} bytes more given back than taken", -used);
  return Grant();
}

std::vector<uint64_t> MemoryBudget::Forget(uint64_t id) {
  for (auto& queue : waiting_) {
    std::erase_if(queue, [id](const Waiter& waiter) { return waiter.id == id; });
  }
  return Grant();
}

std::vector<uint64_t> MemoryBudget::Grant() {
  std::vector<uint64_t> granted;
  // Those that let others finish come first.
  for (size_t index = kClasses; index-- > 0;) {
    auto& queue = waiting_[index];
    while (!queue.empty() && Fits(index, queue.front().bytes)) {
      used_[index] += queue.front().bytes;
      granted.push_back(queue.front().id);
      queue.pop_front();
    }
  }
  return granted;
}

}  // namespace soliton::broker
