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

// TCP_NODELAY (we gather writes ourselves) and keep-alive. Failures do not matter.
void ConfigureSocket(boost::asio::ip::tcp::socket& socket);

// Congestion control must be chosen before a connection is made: a bbr that has once begun leaves
// the socket paced, whatever it is switched to later. So a socket gets it before it connects, and a
// listener hands its own on to what it accepts.
//
// For a socket that is going to connect to `peer`.
void PrepareToConnect(boost::asio::ip::tcp::socket& socket, const boost::asio::ip::address& peer,
                      const TcpOptions& options);
// For a listener, before it listens. Returns what ConfigureAccepted must know.
std::string PrepareToListen(boost::asio::ip::tcp::acceptor& acceptor, const TcpOptions& options);
// ConfigureSocket, and the system's own congestion control again when the peer is elsewhere.
void ConfigureAccepted(boost::asio::ip::tcp::socket& socket,
                       const std::string& system_congestion_control);

std::string ToString(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace soliton
