#include "broker/partition/fetch_waiters.h"

#include <algorithm>

namespace soliton::broker {

void FetchWaiters::Add(std::shared_ptr<FetchDoorbell> doorbell) {
  if (waiting_.size() >= prune_at_) {
    std::erase_if(waiting_, [](const auto& waiter) { return waiter->spent(); });
    prune_at_ = std::max<size_t>(64, waiting_.size() * 2);
  }
  waiting_.push_back(std::move(doorbell));
}

void FetchWaiters::RingAll() {
  auto waiting = std::move(waiting_);
  waiting_.clear();
  for (auto& doorbell : waiting) doorbell->Ring();
}

}  // namespace soliton::broker
