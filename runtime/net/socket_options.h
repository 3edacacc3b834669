// Options that every stream socket of ours gets.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

namespace soliton {

struct TcpOptions {
  // TCP_CONGESTION for sockets whose peer is on this machine; empty leaves the system's default.
  // Hosts that default to bbr pace loopback traffic, at two to six times the CPU per byte.
  std::string loopback_congestion_control = "cubic";
};

// TCP_NODELAY (we gather writes ourselves), keep-alive, congestion control. Failures do not matter.
void ConfigureSocket(boost::asio::ip::tcp::socket& socket, const TcpOptions& options);

std::string ToString(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace soliton
