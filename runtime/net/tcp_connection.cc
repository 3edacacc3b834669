#include "runtime/net/tcp_connection.h"

#include "runtime/obs/logging.h"

namespace soliton {

void TcpConnection::MoveTo(Shard& target,
                           absl::AnyInvocable<void(std::shared_ptr<FramedConnection>)> done) {
  auto& shard = static_cast<AsioShard&>(target);
  shard.Post([&shard, parts = stream_->Detach(), done = std::move(done)]() mutable {
    boost::asio::ip::tcp::socket socket(shard.io_context());
    boost::system::error_code error;
    socket.assign(parts.protocol, parts.fd.get(), error);
    if (error) {
      LogWarn("cannot move a connection: {}", error.message());
      return;
    }
    parts.fd.Release();
    done(std::make_shared<TcpConnection>(std::make_shared<TcpStream>(
        shard, std::move(socket), std::move(parts.reader), std::move(parts.ticket))));
  });
}

}  // namespace soliton
