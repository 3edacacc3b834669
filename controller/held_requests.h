// Requests that came to a controller while nobody led that it knew of. An election takes
// milliseconds: whoever asks is answered behind it, instead of asking around. Owned by the
// controller's shard.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "controller/controller_server.h"
#include "runtime/loop/clock.h"

namespace soliton::controller {

struct HeldRequest {
  pb::ControlRequest request;
  ConnectionId connection = 0;
  ControllerServer::Reply reply;
  MonotonicTime since;
};

class HeldRequests {
 public:
  bool empty() const { return held_.empty(); }
  void Add(HeldRequest request) { held_.push_back(std::move(request)); }
  std::vector<HeldRequest> TakeAll() { return std::exchange(held_, {}); }
  // Those that have been here since `time` or longer.
  std::vector<HeldRequest> TakeSince(MonotonicTime time) {
    const auto first_younger = std::partition_point(
        held_.begin(), held_.end(), [time](const HeldRequest& held) { return held.since <= time; });
    std::vector<HeldRequest> taken(std::make_move_iterator(held_.begin()),
                                   std::make_move_iterator(first_younger));
    held_.erase(held_.begin(), first_younger);
    return taken;
  }
  void Drop(ConnectionId connection) {
    std::erase_if(held_,
                  [connection](const HeldRequest& held) { return held.connection == connection; });
  }

 private:
  std::vector<HeldRequest> held_;  // oldest first
};

}  // namespace soliton::controller
