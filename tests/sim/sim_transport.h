// The transport port of one simulated process.
#pragma once

#include <memory>

#include "runtime/net/transport.h"
#include "tests/sim/sim_process.h"

namespace soliton::sim {

class SimNetwork;

class SimTransport final : public Transport {
 public:
  SimTransport(SimNetwork& network, SimProcessPtr process)
      : network_(network), process_(std::move(process)) {}

  absl::StatusOr<std::unique_ptr<Listener>> Listen(const Endpoint& where,
                                                   const ConnectionOptions& options,
                                                   ShardSet& shards,
                                                   AcceptHandler on_accept) override;
  void Connect(Shard& shard, const Endpoint& to, const ConnectionOptions& options, Duration timeout,
               ConnectHandler done) override;

 private:
  SimNetwork& network_;
  const SimProcessPtr process_;
};

class SimListener final : public Listener {
 public:
  SimListener(SimNetwork& network, SimProcessPtr process, uint16_t port)
      : network_(network), process_(std::move(process)), port_(port) {}
  ~SimListener() override;
  uint16_t port() const override { return port_; }

 private:
  SimNetwork& network_;
  const SimProcessPtr process_;
  const uint16_t port_;
};

}  // namespace soliton::sim
