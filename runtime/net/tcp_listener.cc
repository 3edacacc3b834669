#include "runtime/net/tcp_listener.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>

#include "runtime/base/os_error.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/asio_shard.h"
#include "runtime/net/tcp_connection.h"
#include "runtime/obs/logging.h"

namespace soliton {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

// Connections taken per turn of the loop, and the pause when there are no descriptors left.
constexpr int kAcceptsPerTurn = 64;
constexpr Duration kOutOfDescriptorsPause = milliseconds(100);

absl::StatusOr<tcp::endpoint> BindAddress(AsioShard& shard, const Endpoint& where) {
  if (where.host.empty()) return tcp::endpoint(tcp::v4(), where.port);
  error_code error;
  const auto literal = boost::asio::ip::make_address(where.host, error);
  if (!error) return tcp::endpoint(literal, where.port);
  tcp::resolver resolver(shard.io_context());
  const auto found = resolver.resolve(where.host, "", tcp::resolver::passive, error);
  if (error || found.empty()) {
    return absl::NotFoundError(
        fmt::format("cannot listen on {}: {}", where.ToString(), error.message()));
  }
  return tcp::endpoint(found.begin()->endpoint().address(), where.port);
}

absl::Status BindError(const Endpoint& where, const error_code& error) {
  const std::string text =
      fmt::format("cannot listen on {}: {}", where.ToString(), error.message());
  if (error == boost::asio::error::access_denied) return absl::PermissionDeniedError(text);
  return absl::FailedPreconditionError(text);
}

}  // namespace

// Kept alive by its pending wait and by sockets on their way to a shard, so that the listener can
// go any time.
class TcpListener::Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(AsioShard& home, ShardSet& shards, Setup setup)
      : home_(home), shards_(shards), setup_(std::move(setup)), socket_(home.io_context()) {}

  error_code Bind(const tcp::endpoint& where) {
    error_code error;
    socket_.open(where.protocol(), error);
    if (!error) socket_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) socket_.bind(where, error);
    if (!error) system_congestion_control_ = PrepareToListen(socket_, setup_.tcp);
    if (!error) socket_.listen(tcp::acceptor::max_listen_connections, error);
    if (!error) socket_.native_non_blocking(true, error);
    if (!error) protocol_ = where.protocol();
    return error;
  }

  uint16_t port() {
    error_code ignored;
    return socket_.local_endpoint(ignored).port();
  }

  void Begin() {
    home_.Post([self = shared_from_this()] { self->Wait(); });
  }

  // Any thread.
  void Stop() {
    stopped_.store(true, std::memory_order_release);
    if (!home_.IsCurrent()) {
      home_.Post([self = shared_from_this()] { self->Stop(); });
      return;
    }
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void Wait() {
    if (stopped_.load(std::memory_order_acquire)) return;
    socket_.async_wait(tcp::acceptor::wait_read,
                       [self = shared_from_this()](const error_code& error) {
                         if (!error && !self->home_.dropping()) self->AcceptAll();
                       });
  }

  void AcceptAll() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      if (stopped_.load(std::memory_order_acquire)) return;
      UniqueFd fd(
          ::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.valid()) {
        HandOver(std::move(fd));
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        LogWarn("cannot accept connections: {}", ErrnoText(errno));
        home_.ScheduleAfter(kOutOfDescriptorsPause, [self = shared_from_this()] { self->Wait(); });
        return;
      }
      // Anything else concerns the one connection that was about to be taken.
    }
    Wait();
  }

  void HandOver(UniqueFd fd) {
    auto& target = static_cast<AsioShard&>(shards_.shard(next_shard_));
    next_shard_ = (next_shard_ + 1) % shards_.size();
    target.Post([self = shared_from_this(), &target, fd = std::move(fd)]() mutable {
      if (!self->stopped_.load(std::memory_order_acquire)) self->Deliver(target, std::move(fd));
    });
  }

  void Deliver(AsioShard& shard, UniqueFd fd) const {
    tcp::socket socket(shard.io_context());
    error_code error;
    socket.assign(protocol_, fd.get(), error);
    if (error) {
      LogWarn("cannot use an accepted connection: {}", error.message());
      return;
    }
    fd.Release();
    ConfigureAccepted(socket, system_congestion_control_);
    auto stream = std::make_shared<TcpStream>(shard, std::move(socket), setup_.connection);
    setup_.on_accept(shard, std::make_shared<TcpConnection>(std::move(stream)));
  }

  AsioShard& home_;
  ShardSet& shards_;
  const Setup setup_;
  tcp::acceptor socket_;
  tcp protocol_ = tcp::v4();
  std::string system_congestion_control_;
  int next_shard_ = 0;
  std::atomic<bool> stopped_{false};
};

TcpListener::TcpListener(std::shared_ptr<Acceptor> acceptor, uint16_t port)
    : acceptor_(std::move(acceptor)), port_(port) {}

TcpListener::~TcpListener() { acceptor_->Stop(); }

absl::StatusOr<std::unique_ptr<Listener>> TcpListener::Open(const Endpoint& where, ShardSet& shards,
                                                            Setup setup) {
  auto& home = static_cast<AsioShard&>(shards.shard(0));
  absl::StatusOr<tcp::endpoint> address = BindAddress(home, where);
  if (!address.ok()) return address.status();
  auto acceptor = std::make_shared<Acceptor>(home, shards, std::move(setup));
  if (const error_code error = acceptor->Bind(*address)) return BindError(where, error);
  const uint16_t port = acceptor->port();
  acceptor->Begin();
  return std::unique_ptr<Listener>(new TcpListener(std::move(acceptor), port));
}

}  // namespace soliton
