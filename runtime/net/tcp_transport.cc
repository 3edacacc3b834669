#include "runtime/net/tcp_transport.h"

#include "runtime/loop/signals.h"
#include "runtime/net/socket_options.h"
#include "runtime/net/tcp_connector.h"
#include "runtime/net/tcp_listener.h"

namespace soliton {

TcpTransport::TcpTransport() : TcpTransport(TcpOptions{}) {}

TcpTransport::TcpTransport(const TcpOptions& options)
    : options_(std::make_unique<const TcpOptions>(options)) {
  // sendfile has no MSG_NOSIGNAL.
  IgnoreBrokenPipe();
}

TcpTransport::~TcpTransport() = default;

absl::StatusOr<std::unique_ptr<Listener>> TcpTransport::Listen(const Endpoint& where,
                                                               const ConnectionOptions& options,
                                                               ShardSet& shards,
                                                               AcceptHandler on_accept) {
  return TcpListener::Open(where, shards, {options, *options_, std::move(on_accept)});
}

void TcpTransport::Connect(Shard& shard, const Endpoint& to, const ConnectionOptions& options,
                           Duration timeout, ConnectHandler done) {
  auto& home = static_cast<AsioShard&>(shard);
  std::make_shared<TcpConnector>(home, to, options, *options_, std::move(done))->Start(timeout);
}

}  // namespace soliton
