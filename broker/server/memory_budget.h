// Bytes that requests and their answers may hold on one shard, pure. The shares of all shards
// together are the process's budget (queued.max.request.bytes).
//
// A frame is asked for before its body is read. What does not fit waits in order, its socket
// unread, so clients are slowed by TCP. Three classes keep each other from starving:
//   bulk     large requests of clients: up to 3/4
//   small    what fits in a read buffer (metadata, fetches): up to 7/8 together with bulk
//   replica  fetches of followers, which are what lets produce requests finish: the last eighth is
//            theirs alone, and whatever else is free
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

namespace soliton::broker {

class MemoryBudget {
 public:
  enum class Class : uint8_t { kBulk, kSmall, kReplica };
  static constexpr size_t kClasses = 3;
  // A request up to this size is small.
  static constexpr int64_t kSmallBytes = 16 * 1024;

  explicit MemoryBudget(int64_t total_bytes);

  // Takes `bytes` for connection `id`, or lets it wait its turn (false), until a Release or Forget
  // names it. One wait per connection. Never more than largest_bytes().
  bool Ask(uint64_t id, Class what, int64_t bytes);
  // Takes `bytes` in any case: an answer that has been made.
  void Charge(Class what, int64_t bytes) { used_[static_cast<size_t>(what)] += bytes; }
  // Gives back. Returns the connections that waited and now have what they asked for, in order.
  std::vector<uint64_t> Release(Class what, int64_t bytes);
  // The connection is gone and no longer waits; others may have been behind it.
  std::vector<uint64_t> Forget(uint64_t id);

  int64_t total_bytes() const { return caps_[kClasses - 1]; }
  // The largest request that can ever be taken.
  int64_t largest_bytes() const { return caps_[0]; }
  int64_t used_bytes() const { return used_[0] + used_[1] + used_[2]; }
  int64_t used_bytes(Class what) const { return used_[static_cast<size_t>(what)]; }
  size_t waiting() const { return waiting_[0].size() + waiting_[1].size() + waiting_[2].size(); }

 private:
  struct Waiter {
    uint64_t id = 0;
    int64_t bytes = 0;
  };

  bool Fits(size_t what, int64_t bytes) const;
  std::vector<uint64_t> Grant();

  // Of each class together with those before it.
  std::array<int64_t, kClasses> caps_;
  std::array<int64_t, kClasses> used_{};
  std::array<std::deque<Waiter>, kClasses> waiting_;
};

}  // namespace soliton::broker
