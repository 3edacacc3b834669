// Order and limits of one client connection, pure. Responses leave in request order (Kafka clients
// rely on it), whatever order the work finishes in: each request takes a slot, a finished slot is
// released once all before it are. When too many requests are in flight or too many bytes wait to
// be sent, the connection is not read: the client is slowed by TCP, nothing is dropped and nothing
// grows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "absl/functional/function_ref.h"
#include "broker/server/memory_budget.h"
#include "runtime/base/buffer_chain.h"

namespace soliton::broker {

struct ConnectionLimits {
  int32_t max_requests_in_flight = 256;
  int64_t max_unsent_bytes = 64 << 20;
  // Of requests in flight: no connection has the shard's memory for itself.
  int64_t max_request_bytes = 64 << 20;
};

class ConnectionCore {
 public:
  explicit ConnectionCore(const ConnectionLimits& limits) : limits_(limits) {}

  // A request of `bytes` arrived: its slot. The bytes count until the slot is filled.
  uint64_t OpenSlot(MemoryBudget::Class what, int64_t bytes);
  // The response of a slot; nullopt for a request that gets none (acks=0). `send` gets what may be
  // sent now, in order, and must not call back.
  void Fill(uint64_t slot, std::optional<BufferChain> response,
            absl::FunctionRef<void(BufferChain)> send);

  // Whether the connection may be read, given the bytes that wait in the transport. A follower has
  // a fetch parked most of the time, and what it says next (what it has flushed) must not wait for
  // that one's end: its first requests do not count.
  bool MayRead(int64_t unsent_bytes) const {
    const int64_t free_slots = std::min(replica_slots_, kFreeReplicaSlots);
    return static_cast<int64_t>(slots_.size()) - free_slots < limits_.max_requests_in_flight &&
           unsent_bytes + held_bytes_ < limits_.max_unsent_bytes &&
           request_bytes() < limits_.max_request_bytes;
  }
  MemoryBudget::Class ClassOf(uint64_t slot) const { return slots_[slot - first_slot_].what; }
  size_t in_flight() const { return slots_.size(); }
  // Of requests that are being worked on.
  int64_t request_bytes() const {
    return request_bytes_[0] + request_bytes_[1] + request_bytes_[2];
  }
  int64_t request_bytes(MemoryBudget::Class what) const {
    return request_bytes_[static_cast<size_t>(what)];
  }

 private:
  // A parked fetch, the one that releases it, and the reports of flushed offsets behind them.
  static constexpr int64_t kFreeReplicaSlots = 20;

  struct Slot {
    bool filled = false;
    MemoryBudget::Class what = MemoryBudget::Class::kSmall;
    int64_t request_bytes = 0;
    std::optional<BufferChain> response;
  };

  void PopFront();

  const ConnectionLimits limits_;
  std::deque<Slot> slots_;     // front = oldest request
  uint64_t first_slot_ = 0;    // id of slots_.front()
  int64_t replica_slots_ = 0;  // among them
  std::array<int64_t, MemoryBudget::kClasses> request_bytes_{};
  int64_t held_bytes_ = 0;  // in filled slots that wait for earlier ones
};

}  // namespace soliton::broker
