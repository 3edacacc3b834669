#include "runtime/net/tcp_connector.h"

#include <fmt/format.h>

#include "runtime/net/tcp_connection.h"

namespace soliton {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

}  // namespace

TcpConnector::TcpConnector(AsioShard& shard, const Endpoint& to, const ConnectionOptions& options,
                           const TcpOptions& tcp_options, Transport::ConnectHandler done)
    : shard_(shard),
      to_(to),
      options_(options),
      tcp_options_(tcp_options),
      done_(std::move(done)),
      resolver_(shard.io_context()),
      socket_(shard.io_context()) {}

void TcpConnector::Start(Duration timeout) {
  deadline_ = shard_.clock().Now() + timeout;
  deadline_timer_ = shard_.ScheduleAt(deadline_, [self = shared_from_this()] {
    self->deadline_timer_ = 0;
    self->Note(Outcome::kSilent, "no answer");
    self->Finish(self->Failure());
  });
  // Through the queue, so that `done` never runs inside Connect.
  shard_.Post([self = shared_from_this()] { self->Resolve(); });
}

void TcpConnector::Resolve() {
  if (!done_) return;
  error_code error;
  const auto literal = boost::asio::ip::make_address(to_.host, error);
  if (!error) {
    addresses_.emplace_back(literal, to_.port);
    return TryNext();
  }
  resolver_.async_resolve(
      to_.host, fmt::format("{}", to_.port), tcp::resolver::numeric_service,
      [self = shared_from_this()](const error_code& failed, tcp::resolver::results_type found) {
        if (!self->done_ || self->shard_.dropping()) return;
        if (failed || found.empty()) {
          return self->Finish(absl::NotFoundError(
              fmt::format("cannot resolve host '{}': {}", self->to_.host, failed.message())));
        }
        for (const auto& entry : found) self->addresses_.push_back(entry.endpoint());
        self->TryNext();
      });
}

void TcpConnector::TryNext() {
  if (next_address_ == addresses_.size()) return Finish(Failure());
  const size_t attempt = next_address_++;
  // A silent address must not use up the time of those behind it.
  const auto left = static_cast<int64_t>(addresses_.size() - attempt);
  if (left > 1) {
    const Duration share = (deadline_ - shard_.clock().Now()) / left;
    address_timer_ = shard_.ScheduleAfter(share, [self = shared_from_this(), attempt] {
      self->address_timer_ = 0;
      self->OnAddressTimeout(attempt);
    });
  }
  error_code ignored;
  socket_.close(ignored);
  // What fails here fails again, and is told, in async_connect.
  socket_.open(addresses_[attempt].protocol(), ignored);
  PrepareToConnect(socket_, addresses_[attempt].address(), tcp_options_);
  socket_.async_connect(addresses_[attempt],
                        [self = shared_from_this(), attempt](const error_code& error) {
                          if (!self->shard_.dropping()) self->OnConnected(attempt, error);
                        });
}

void TcpConnector::OnAddressTimeout(size_t attempt) {
  if (!done_ || attempt + 1 != next_address_) return;
  Note(Outcome::kSilent, "no answer");
  TryNext();
}

void TcpConnector::OnConnected(size_t attempt, const error_code& error) {
  // The attempt may have been given up for the next one meanwhile.
  if (!done_ || attempt + 1 != next_address_) return;
  shard_.CancelTimer(std::exchange(address_timer_, 0));
  if (!error && !ConnectedToItself()) {
    ConfigureSocket(socket_);
    auto stream = std::make_shared<TcpStream>(shard_, std::move(socket_), options_);
    return Finish(std::make_shared<TcpConnection>(std::move(stream)));
  }
  if (!error || error == boost::asio::error::connection_refused ||
      error == boost::asio::error::connection_reset) {
    Note(Outcome::kRefused, error ? error.message() : "Connection refused");
  } else if (error == boost::asio::error::timed_out ||
             error == boost::asio::error::host_unreachable) {
    Note(Outcome::kSilent, error.message());
  } else {
    Note(Outcome::kUnreachable, error.message());
  }
  TryNext();
}

// On one machine a connect to a free port of the ephemeral range may draw that very port as its
// own; TCP then connects the socket to itself, and a dead peer would look alive.
bool TcpConnector::ConnectedToItself() {
  error_code error;
  const auto local = socket_.local_endpoint(error);
  if (error) return false;
  return local == socket_.remote_endpoint(error) && !error;
}

void TcpConnector::Note(Outcome outcome, const std::string& text) {
  if (!outcome_text_.empty() && outcome < outcome_) return;
  outcome_ = outcome;
  outcome_text_ = text;
}

absl::Status TcpConnector::Failure() const {
  const std::string text = fmt::format("cannot connect to {}: {}", to_.ToString(), outcome_text_);
  if (outcome_ == Outcome::kRefused) return absl::UnavailableError(text);
  // Not reachable from here says as little about the peer as silence.
  return absl::DeadlineExceededError(text);
}

void TcpConnector::Finish(absl::StatusOr<std::shared_ptr<FramedConnection>> result) {
  if (!done_) return;
  Transport::ConnectHandler done = std::exchange(done_, nullptr);
  shard_.CancelTimer(std::exchange(deadline_timer_, 0));
  shard_.CancelTimer(std::exchange(address_timer_, 0));
  resolver_.cancel();
  error_code ignored;
  socket_.close(ignored);
  done(std::move(result));
}

}  // namespace soliton
