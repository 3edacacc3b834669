// One attempt to connect: resolves the name, tries its addresses in turn, gives up at the deadline.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <vector>

#include "runtime/loop/asio_shard.h"
#include "runtime/net/socket_options.h"
#include "runtime/net/transport.h"

namespace soliton {

// Owner: the shard that connects. Kept alive by its pending operations and timers until `done` has
// run.
class TcpConnector : public std::enable_shared_from_this<TcpConnector> {
 public:
  TcpConnector(AsioShard& shard, const Endpoint& to, const ConnectionOptions& options,
               const TcpOptions& tcp_options, Transport::ConnectHandler done);

  void Start(Duration timeout);

 private:
  // What the addresses tried so far told. Nobody listening is a fact about the peer's process (it
  // is dead); an address that did not answer leaves that open, so it outweighs a refusal.
  enum class Outcome { kUnreachable, kRefused, kSilent };

  void Resolve();
  void TryNext();
  void OnConnected(size_t attempt, const boost::system::error_code& error);
  void OnAddressTimeout(size_t attempt);
  void Note(Outcome outcome, const std::string& text);
  absl::Status Failure() const;
  bool ConnectedToItself();
  void Finish(absl::StatusOr<std::shared_ptr<FramedConnection>> result);

  AsioShard& shard_;
  const Endpoint to_;
  const ConnectionOptions options_;
  const TcpOptions tcp_options_;
  Transport::ConnectHandler done_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::ip::tcp::socket socket_;
  std::vector<boost::asio::ip::tcp::endpoint> addresses_;
  size_t next_address_ = 0;
  Outcome outcome_ = Outcome::kUnreachable;
  std::string outcome_text_;
  MonotonicTime deadline_;
  TimerId deadline_timer_ = 0;
  TimerId address_timer_ = 0;
};

}  // namespace soliton
