// Finds out how a broker is that was not heard of: dials its address and asks something that every
// process which runs answers at once (ApiVersions). Refused means dead. No answer in time means
// silent: stopped, cut off, or gone with its machine. Who answers is watched for a while all the
// same, because a dying process closes its sockets one by one, and dialled again when the
// connection breaks. Owned by the controller's shard.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "controller/core/core_types.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

class BrokerProbe {
 public:
  struct Events {
    // It refuses connections.
    std::function<void(const BrokerIncarnation&)> on_dead;
    // It has not answered since `asked_at`.
    std::function<void(const BrokerIncarnation&, MonotonicTime asked_at)> on_silent;
  };

  BrokerProbe(Transport& transport, Shard& shard, Duration timeout, Events events);
  ~BrokerProbe();

  // Nothing happens while this incarnation is being probed.
  void Start(const BrokerIncarnation& broker, const Endpoint& endpoint);

 private:
  class Attempt;

  void Finish(const BrokerIncarnation& broker);

  Transport& transport_;
  Shard& shard_;
  const Duration timeout_;
  const Events events_;
  std::map<BrokerIncarnation, std::shared_ptr<Attempt>> attempts_;
};

}  // namespace soliton::controller
