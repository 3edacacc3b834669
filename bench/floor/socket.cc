#include "bench/floor/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace soliton::floor {
namespace {

constexpr char kCongestionControl[] = "cubic";
constexpr int kConnectTries = 1000;
constexpr int kConnectPauseMs = 10;
constexpr int kSendTimeoutMs = 10'000;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

void SetNoDelay(int fd) {
  const int on = 1;
  MustSucceed(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "TCP_NODELAY");
}

// Before the connection stands: a socket on which bbr has begun stays paced. Not everywhere may a
// process choose; then the system's default holds for brokers and floor alike.
void SetCongestionControl(int fd) {
  ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kCongestionControl, sizeof(kCongestionControl) - 1);
}

UniqueFd NewSocket() {
  UniqueFd fd(static_cast<int>(
      MustSucceed(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "create a socket")));
  SetCongestionControl(fd.get());
  return fd;
}

}  // namespace

int64_t MustSucceed(int64_t result, const char* what) {
  if (result >= 0) return result;
  std::fprintf(stderr, "error: cannot %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

UniqueFd ListenOn(int port) {
  UniqueFd fd = NewSocket();
  const int on = 1;
  MustSucceed(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
  const sockaddr_in address = Loopback(port);
  MustSucceed(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              "bind the port");
  MustSucceed(::listen(fd.get(), 128), "listen");
  SetNonBlocking(fd.get());
  return fd;
}

UniqueFd ConnectTo(int port) {
  const sockaddr_in address = Loopback(port);
  for (int tries = 1;; ++tries) {
    UniqueFd fd = NewSocket();
    const int result =
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    if (result == 0) {
      SetNoDelay(fd.get());
      return fd;
    }
    if (errno != ECONNREFUSED || tries == kConnectTries) MustSucceed(result, "connect");
    ::poll(nullptr, 0, kConnectPauseMs);
  }
}

UniqueFd AcceptFrom(int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED)) return {};
  UniqueFd accepted(static_cast<int>(MustSucceed(fd, "accept")));
  SetNoDelay(accepted.get());
  return accepted;
}

void SetNonBlocking(int fd) {
  const int flags = static_cast<int>(MustSucceed(::fcntl(fd, F_GETFL), "read descriptor flags"));
  MustSucceed(::fcntl(fd, F_SETFL, flags | O_NONBLOCK), "set descriptor flags");
}

void AwaitWritable(int fd) {
  pollfd writable{fd, POLLOUT, 0};
  ::poll(&writable, 1, kSendTimeoutMs);
}

void SendAll(int fd, const void* bytes, size_t size, int flags) {
  const auto* at = static_cast<const uint8_t*>(bytes);
  while (size > 0) {
    const ssize_t sent = ::send(fd, at, size, MSG_NOSIGNAL | flags);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      AwaitWritable(fd);
      continue;
    }
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;  // its reader will see it too
    MustSucceed(sent, "send");
    at += sent;
    size -= static_cast<size_t>(sent);
  }
}

}  // namespace soliton::floor
