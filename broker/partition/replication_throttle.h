// Throttled replication (KIP-73): which replicas of a topic are meant, and how much they may move.
// Only replicas that are not in sync are ever throttled: one that is would hold up every write.
// Pure; one owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "runtime/loop/clock.h"

namespace soliton::broker {

// The value of leader.replication.throttled.replicas and its sibling: "*" all, or
// "partition:broker" separated by commas. What is neither names nobody.
class ThrottledReplicas {
 public:
  ThrottledReplicas() = default;
  explicit ThrottledReplicas(std::string_view text);

  bool Contains(int32_t partition, int32_t broker_id) const {
    return all_ || named_.contains({partition, broker_id});
  }

 private:
  bool all_ = false;
  std::set<std::pair<int32_t, int32_t>> named_;
};

// So many bytes per second, over any second and the one before it. What is moved is taken whole, so
// that a batch larger than the rate still moves, and the next one waits accordingly.
class ReplicationThrottle {
 public:
  static constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

  void SetRate(int64_t bytes_per_second) {
    if (bytes_per_second == rate_) return;
    rate_ = bytes_per_second;
    room_ = std::min<double>(room_, static_cast<double>(rate_));
  }
  bool HasRoom(MonotonicTime now) {
    Refill(now);
    return rate_ == kUnlimited || room_ > 0;
  }
  void Take(int64_t bytes, MonotonicTime now) {
    Refill(now);
    if (rate_ != kUnlimited) room_ -= static_cast<double>(bytes);
  }
  // When there is room again.
  MonotonicTime RoomAt(MonotonicTime now) {
    if (HasRoom(now)) return now;
    const double wait_s = (1.0 - room_) / static_cast<double>(std::max<int64_t>(rate_, 1));
    return now + std::chrono::duration_cast<Duration>(
                     std::chrono::duration<double>(std::min(wait_s, kMostSeconds)));
  }

 private:
  static constexpr double kMostSeconds = 60;

  void Refill(MonotonicTime now) {
    const double elapsed_s = std::chrono::duration<double>(now - refilled_at_).count();
    refilled_at_ = now;
    if (rate_ == kUnlimited) return;
    room_ = std::min(room_ + elapsed_s * static_cast<double>(rate_), static_cast<double>(rate_));
  }

  int64_t rate_ = kUnlimited;
  double room_ = 0;
  MonotonicTime refilled_at_{};
};

}  // namespace soliton::broker
