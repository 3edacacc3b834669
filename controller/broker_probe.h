// Finds out whether a broker whose control connection closed is dead: dials its address. Refused
// means dead. Accepted means nothing yet, because a dying process closes its sockets one by one:
// the dialled connection is watched for a while, and dialled again when it breaks. Silence is left
// to the session timeout. Owned by the controller's shard.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "controller/core/core_types.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

class BrokerProbe {
 public:
  using DeadHandler = std::function<void(const BrokerIncarnation&)>;

  // `on_dead` is called when a probe was refused.
  BrokerProbe(Transport& transport, Shard& shard, Duration timeout, DeadHandler on_dead);
  ~BrokerProbe();

  void Start(const BrokerIncarnation& broker, const Endpoint& endpoint);

 private:
  class Attempt;

  void Finish(uint64_t id);

  Transport& transport_;
  Shard& shard_;
  const Duration timeout_;
  DeadHandler on_dead_;
  uint64_t next_id_ = 1;
  std::map<uint64_t, std::shared_ptr<Attempt>> attempts_;
};

}  // namespace soliton::controller
