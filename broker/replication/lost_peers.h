// Brokers whose connection broke a moment ago: perhaps dead, and perhaps still named as leaders.
// What this broker tells clients about them would be old news, so it waits a little for newer.
// Pure; one owner.
#pragma once

#include <cstdint>
#include <map>

#include "runtime/loop/clock.h"

namespace soliton::broker {

class LostPeers {
 public:
  // A peer that stays away is decided on long before this has passed, or nobody can decide.
  static constexpr Duration kRecent = std::chrono::seconds(1);

  void Lost(int32_t node_id, MonotonicTime now) {
    // Several connections break at one death: the first counts.
    if (!RecentlyLost(node_id, now)) lost_at_[node_id] = now;
  }
  void Back(int32_t node_id) { lost_at_.erase(node_id); }
  bool RecentlyLost(int32_t node_id, MonotonicTime now) const {
    const auto lost = lost_at_.find(node_id);
    return lost != lost_at_.end() && now - lost->second < kRecent;
  }
  bool empty() const { return lost_at_.empty(); }

 private:
  std::map<int32_t, MonotonicTime> lost_at_;
};

}  // namespace soliton::broker
