#include "tests/sim/sim_transport.h"

#include "runtime/base/check.h"
#include "tests/sim/sim_network.h"

namespace soliton::sim {

absl::StatusOr<std::unique_ptr<Listener>> SimTransport::Listen(const Endpoint& where,
                                                               const ConnectionOptions& options,
                                                               ShardSet& shards,
                                                               AcceptHandler on_accept) {
  if (process_->dead) return absl::UnavailableError("crashed");
  return network_.Listen(process_, where, options, shards, std::move(on_accept));
}

void SimTransport::Connect(Shard& shard, const Endpoint& to, const ConnectionOptions& options,
                           Duration timeout, ConnectHandler done) {
  CHECK(shard.IsCurrent(), "Connect off its shard");
  if (process_->dead) return;
  network_.Connect(process_, shard, to, options, timeout, std::move(done));
}

SimListener::~SimListener() {
  if (!process_->dead) network_.StopListening(process_->node, port_);
}

}  // namespace soliton::sim
