// Fetch requests parked on a partition until there is more to read. Owned by one Partition.
//
// A parked fetch spans partitions on several shards, so a waiter is only a doorbell: the first
// partition that has news rings it, and the fetch reads everything again. Doorbells of fetches that
// were answered meanwhile are dropped when the list is next looked at.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace soliton::broker {

// Shared between the fetch (on its connection's shard) and the partitions it waits for (on theirs).
class FetchDoorbell {
 public:
  // `ring` runs at most once, on the shard of whichever partition rings first: it should only post.
  explicit FetchDoorbell(absl::AnyInvocable<void()> ring) : ring_(std::move(ring)) {}

  void Ring() {
    if (!spent_.exchange(true, std::memory_order_acq_rel)) ring_();
  }
  // The fetch was answered otherwise.
  void Cancel() { spent_.store(true, std::memory_order_release); }
  bool spent() const { return spent_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> spent_{false};
  absl::AnyInvocable<void()> ring_;
};

class FetchWaiters {
 public:
  void Add(std::shared_ptr<FetchDoorbell> doorbell);
  // Rings and forgets all.
  void RingAll();
  size_t size() const { return waiting_.size(); }

 private:
  std::vector<std::shared_ptr<FetchDoorbell>> waiting_;
  size_t prune_at_ = 64;
};

}  // namespace soliton::broker
