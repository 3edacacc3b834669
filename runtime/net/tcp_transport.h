// The Transport over TCP. Works with the shards of an AsioShardSet only. Stateless; Listen may be
// called from any thread, Connect on the shard it names.
#pragma once

#include <memory>
#include <string>

#include "runtime/net/transport.h"

namespace soliton {

struct TcpOptions;

class TcpTransport final : public Transport {
 public:
  TcpTransport();
  explicit TcpTransport(const TcpOptions& options);
  ~TcpTransport() override;

  // kFailedPrecondition: the address is taken or not ours. An empty host listens on all IPv4
  // addresses.
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const Endpoint& where,
                                                   const ConnectionOptions& options,
                                                   ShardSet& shards,
                                                   AcceptHandler on_accept) override;
  void Connect(Shard& shard, const Endpoint& to, const ConnectionOptions& options, Duration timeout,
               ConnectHandler done) override;

 private:
  const std::unique_ptr<const TcpOptions> options_;
};

}  // namespace soliton
