// What the active controller knows of each broker process beyond the replicated state: when it was
// last heard from, over which connection, how far it has applied the metadata log. Lost with the
// controller, which is why a new one gives everybody a fresh session. One owner; pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "controller/core/core_types.h"

namespace soliton::controller {

struct BrokerSession {
  MonotonicTime last_contact;
  ConnectionId connection = 0;  // 0: no control connection open
  int64_t applied_offset = -1;
  int64_t life = 0;              // of its data directory
  int64_t shutdown_offset = -1;  // last record of its controlled shutdown, once asked for
};

class BrokerSessions {
 public:
  BrokerSession& Of(int32_t broker_id) { return sessions_[broker_id]; }
  const BrokerSession* Find(int32_t broker_id) const {
    const auto it = sessions_.find(broker_id);
    return it == sessions_.end() ? nullptr : &it->second;
  }

  void Forget(int32_t broker_id) { sessions_.erase(broker_id); }

  // Heard from the broker over `connection`, which becomes its control connection.
  void Touch(int32_t broker_id, MonotonicTime now, ConnectionId connection) {
    BrokerSession& session = sessions_[broker_id];
    session.last_contact = now;
    session.connection = connection;
  }

  // The broker whose control connection this was; nullopt when it was none (any more).
  std::optional<int32_t> Disconnect(ConnectionId connection) {
    for (auto& [id, session] : sessions_) {
      if (session.connection != connection || connection == 0) continue;
      session.connection = 0;
      return id;
    }
    return std::nullopt;
  }

 private:
  std::map<int32_t, BrokerSession> sessions_;
};

}  // namespace soliton::controller
