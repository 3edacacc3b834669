#include "runtime/net/tcp_listener.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "runtime/base/os_error.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/asio_shard.h"
#include "runtime/net/connection_quota.h"
#include "runtime/net/connection_reserve.h"
#include "runtime/net/tcp_connection.h"
#include "runtime/obs/log_throttle.h"
#include "runtime/obs/logging.h"

namespace soliton {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

// Connections taken per turn of the loop, and the pause when there are no descriptors left.
constexpr int kAcceptsPerTurn = 64;
constexpr Duration kOutOfDescriptorsPause = milliseconds(100);
// Lines about connections that were not taken.
constexpr int32_t kRefusalLines = 5;
constexpr Duration kRefusalPeriod = seconds(10);

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

std::string AddressText(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    return boost::asio::ip::address_v4(ntohl(v4.sin_addr.s_addr)).to_string();
  }
  if (from.ss_family != AF_INET6) return "(unknown)";
  boost::asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, bytes.size());
  return boost::asio::ip::address_v6(bytes).to_string();
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
      : home_(home),
        shards_(shards),
        setup_(std::move(setup)),
        quota_(setup_.connection.max_connections, setup_.connection.max_connections_per_address),
        socket_(home.io_context()) {}

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
    home_.Post([self = shared_from_this()] {
      self->OpenReserve();
      self->Wait();
    });
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
    if (reserve_ != nullptr) reserve_->Close();
  }

 private:
  void OpenReserve() {
    const ConnectionOptions& options = setup_.connection;
    if (options.reserved_connections <= 0 || !options.may_use_reserve) return;
    reserve_ = std::make_shared<ConnectionReserve>(
        home_, options.reserved_connections,
        ConnectionReserve::Hooks{
            .judge = options.may_use_reserve,
            .take =
                [weak = weak_from_this()](UniqueFd fd, std::shared_ptr<void> ticket) {
                  if (auto self = weak.lock()) self->HandOver(std::move(fd), std::move(ticket));
                },
            .refuse =
                [weak = weak_from_this()](const std::string& address) {
                  if (auto self = weak.lock()) self->LogTooMany(address);
                }});
  }

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
      sockaddr_storage from{};
      socklen_t from_size = sizeof(from);
      UniqueFd fd(::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&from), &from_size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.valid()) {
        const std::string address = AddressText(from);
        Take(std::move(fd), address);
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        LogRefusal(fmt::format("cannot accept connections now: {}", ErrnoText(errno)));
        home_.ScheduleAfter(kOutOfDescriptorsPause, [self = shared_from_this()] { self->Wait(); });
        return;
      }
      // Anything else concerns the one connection that was about to be taken.
    }
    Wait();
  }

  void Take(UniqueFd fd, const std::string& address) {
    switch (quota_.Admit(address)) {
      case ConnectionQuota::Verdict::kAdmitted:
        return HandOver(std::move(fd), TicketOf(address));
      case ConnectionQuota::Verdict::kTooMany:
        if (reserve_ != nullptr) return reserve_->Offer(protocol_, std::move(fd), address);
        return LogTooMany(address);
      case ConnectionQuota::Verdict::kTooManyOfAddress:
        return LogRefusal(fmt::format(
            "connection of {} refused: this address has {} already (max.connections.per.ip)",
            address, setup_.connection.max_connections_per_address));
    }
  }

  void LogTooMany(const std::string& address) {
    LogRefusal(fmt::format("connection of {} refused: there are {} already (max.connections)",
                           address, quota_.count()));
  }

  // Comes back to the home shard when the connection is gone, wherever that is.
  std::shared_ptr<void> TicketOf(const std::string& address) {
    return {nullptr, [weak = weak_from_this(), address](void*) {
              auto self = weak.lock();
              if (self == nullptr) return;
              self->home_.Post([self, address] { self->quota_.Release(address); });
            }};
  }

  void LogRefusal(const std::string& text) {
    const auto left_out = refusals_.Admit(home_.clock().Now());
    if (!left_out) return;
    LogWarn("{}{}", text,
            *left_out > 0 ? fmt::format(" ({} more such lines left out before)", *left_out) : "");
  }

  void HandOver(UniqueFd fd, std::shared_ptr<void> ticket) {
    auto& target = static_cast<AsioShard&>(shards_.shard(next_shard_));
    next_shard_ = (next_shard_ + 1) % shards_.size();
    target.Post([self = shared_from_this(), &target, fd = std::move(fd),
                 ticket = std::move(ticket)]() mutable {
      if (self->stopped_.load(std::memory_order_acquire)) return;
      self->Deliver(target, std::move(fd), std::move(ticket));
    });
  }

  void Deliver(AsioShard& shard, UniqueFd fd, std::shared_ptr<void> ticket) const {
    tcp::socket socket(shard.io_context());
    error_code error;
    socket.assign(protocol_, fd.get(), error);
    if (error) {
      LogWarn("cannot use an accepted connection: {}", error.message());
      return;
    }
    fd.Release();
    ConfigureAccepted(socket, system_congestion_control_);
    auto stream =
        std::make_shared<TcpStream>(shard, std::move(socket), setup_.connection, std::move(ticket));
    setup_.on_accept(shard, std::make_shared<TcpConnection>(std::move(stream)));
  }

  AsioShard& home_;
  ShardSet& shards_;
  const Setup setup_;
  ConnectionQuota quota_;
  std::shared_ptr<ConnectionReserve> reserve_;
  LogThrottle refusals_{kRefusalLines, kRefusalPeriod};
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
