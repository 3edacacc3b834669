// Flushes that nobody waits for (a leader epoch without records, a mark's own sync), a few at a
// time: when thousands of partitions change leaders at once, what producers wait for does not queue
// up behind them on the disk threads. Pure; one owner.
#pragma once

#include <deque>
#include <optional>
#include <set>

#include "broker/partition/topic_partition.h"

namespace soliton::broker {

class IdleFlushes {
 public:
  static constexpr int kAtOnce = 4;

  void Add(const TopicPartition& id) {
    if (waiting_.insert(id).second) order_.push_back(id);
  }
  // Whose turn it is: OnDone is due for it. nullopt while enough are under way or nobody waits.
  std::optional<TopicPartition> Next() {
    if (order_.empty() || under_way_ >= kAtOnce) return std::nullopt;
    const TopicPartition id = order_.front();
    order_.pop_front();
    waiting_.erase(id);
    ++under_way_;
    return id;
  }
  void OnDone() { --under_way_; }

 private:
  std::deque<TopicPartition> order_;
  std::set<TopicPartition> waiting_;
  int under_way_ = 0;
};

}  // namespace soliton::broker
