#include "runtime/net/socket_options.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

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

void SetCongestionControl(int socket, const std::string& wanted) {
  if (wanted.empty()) return;
  for (const std::string& name : {wanted, std::string("reno")}) {
    if (::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                     static_cast<socklen_t>(name.size())) == 0) {
      return;
    }
  }
}

}  // namespace

void ConfigureSocket(boost::asio::ip::tcp::socket& socket, const TcpOptions& options) {
  boost::system::error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(boost::asio::socket_base::keep_alive(true), ignored);
  const auto peer = socket.remote_endpoint(ignored);
  if (!ignored && IsLoopback(peer.address())) {
    SetCongestionControl(socket.native_handle(), options.loopback_congestion_control);
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
