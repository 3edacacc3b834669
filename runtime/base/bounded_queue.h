// A first-in first-out queue that refuses to grow beyond its limit: full means that the producer
// stops, never that something is dropped. One owner.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "runtime/base/check.h"

namespace soliton {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {
    CHECK(capacity > 0, "queue without room");
  }

  // False, with `value` untouched, when full.
  [[nodiscard]] bool TryPush(T&& value) {
    if (full()) return false;
    items_.push_back(std::move(value));
    return true;
  }
  T Pop() {
    CHECK(!items_.empty(), "pop from an empty queue");
    T value = std::move(items_.front());
    items_.pop_front();
    return value;
  }
  T& front() { return items_.front(); }
  const T& front() const { return items_.front(); }

  bool empty() const { return items_.empty(); }
  bool full() const { return items_.size() >= capacity_; }
  size_t size() const { return items_.size(); }
  size_t capacity() const { return capacity_; }
  void Clear() { items_.clear(); }

 private:
  const size_t capacity_;
  std::deque<T> items_;
};

}  // namespace soliton
