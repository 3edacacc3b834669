// Accepts on the first shard of a set and hands the sockets to all of them in turn.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "runtime/net/socket_options.h"
#include "runtime/net/transport.h"

namespace soliton {

class TcpListener final : public Listener {
 public:
  struct Setup {
    ConnectionOptions connection;
    TcpOptions tcp;
    Transport::AcceptHandler on_accept;
  };

  // Binds and begins to accept. `shards` must be an AsioShardSet's.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(const Endpoint& where, ShardSet& shards,
                                                        Setup setup);
  ~TcpListener() override;

  uint16_t port() const override { return port_; }

 private:
  class Acceptor;
  TcpListener(std::shared_ptr<Acceptor> acceptor, uint16_t port);

  const std::shared_ptr<Acceptor> acceptor_;
  const uint16_t port_;
};

}  // namespace soliton
