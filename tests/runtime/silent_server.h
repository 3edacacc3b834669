// A port on this machine that answers no connection attempt: its accept queue is full and nobody
// accepts, so the kernel drops what else arrives.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "runtime/base/check.h"
#include "runtime/base/unique_fd.h"

namespace soliton {

class SilentServer {
 public:
  SilentServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address_);
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    CHECK(::bind(listener_.get(), address, length) == 0, "cannot bind");
    CHECK(::listen(listener_.get(), 0) == 0, "cannot listen");
    CHECK(::getsockname(listener_.get(), address, &length) == 0, "no address");
    for (int i = 0; i < 8; ++i) {
      UniqueFd filler(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(filler.get(), address, length);
      fillers_.push_back(std::move(filler));
    }
  }

  uint16_t port() const { return ntohs(address_.sin_port); }

 private:
  sockaddr_in address_{};
  UniqueFd listener_;
  std::vector<UniqueFd> fillers_;
};

}  // namespace soliton
