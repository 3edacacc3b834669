#include "runtime/net/socket_options.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>

#include "runtime/net/transport.h"

namespace soliton {
namespace {

bool IsLoopback(const boost::asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6())
        .is_loopback();
  }
  return address.is_loopback();
}

// A process without privileges may only choose among those that the system allows to all.
void SetCongestionControl(int socket, const std::string& wanted) {
  if (wanted.empty()) return;
  for (const std::string& name : {wanted, std::string("reno")}) {
    if (::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                     static_cast<socklen_t>(name.size())) == 0) {
      return;
    }
  }
}

std::string CongestionControl(int socket) {
  std::array<char, 64> name{};
  auto length = static_cast<socklen_t>(name.size() - 1);
  if (::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), &length) != 0) return {};
  return name.data();
}

}  // namespace

void ConfigureSocket(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(boost::asio::socket_base::keep_alive(true), ignored);
}

void PrepareToConnect(boost::asio::ip::tcp::socket& socket, const boost::asio::ip::address& peer,
                      const TcpOptions& options) {
  if (IsLoopback(peer)) {
    SetCongestionControl(socket.native_handle(), options.loopback_congestion_control);
  }
}

std::string PrepareToListen(boost::asio::ip::tcp::acceptor& acceptor, const TcpOptions& options) {
  std::string system_congestion_control = CongestionControl(acceptor.native_handle());
  SetCongestionControl(acceptor.native_handle(), options.loopback_congestion_control);
  return system_congestion_control;
}

void ConfigureAccepted(boost::asio::ip::tcp::socket& socket,
                       const std::string& system_congestion_control) {
  ConfigureSocket(socket);
  boost::system::error_code error;
  const auto peer = socket.remote_endpoint(error);
  if (!error && !IsLoopback(peer.address())) {
    SetCongestionControl(socket.native_handle(), system_congestion_control);
  }
}

std::string ToString(const boost::asio::ip::tcp::endpoint& endpoint) {
  boost::asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return Endpoint{address.to_string(), endpoint.port()}.ToString();
}

}  // namespace soliton
