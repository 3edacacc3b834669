// Connections beyond a listener's limit, for the few peers that must get in all the same (the other
// brokers of a cluster, which clients must not lock out). Who a peer is shows in the first bytes
// that it sends, so each is held until then, outside of everybody's sight. Those that say nothing
// are as many as there are reserved slots: the oldest goes when another comes, so a peer that
// speaks at once is heard however many do not.
//
// Owned by the listener's home shard.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>

#include "runtime/base/unique_fd.h"
#include "runtime/loop/asio_shard.h"

namespace soliton {

class ConnectionReserve : public std::enable_shared_from_this<ConnectionReserve> {
 public:
  struct Hooks {
    // Whether the peer whose first frame begins like this may have a slot.
    std::function<bool(std::span<const uint8_t> head)> judge;
    // The slot is free again when `ticket` is gone, on whatever shard.
    std::function<void(UniqueFd, std::shared_ptr<void> ticket)> take;
    std::function<void(const std::string& address)> refuse;
  };
  ConnectionReserve(AsioShard& home, int64_t slots, Hooks hooks)
      : home_(home), slots_(slots), hooks_(std::move(hooks)) {}

  void Offer(const boost::asio::ip::tcp& protocol, UniqueFd fd, std::string address);
  // Lets go of all that wait.
  void Close();

 private:
  struct Candidate {
    boost::asio::ip::tcp::socket socket;
    std::string address;
  };
  using Candidates = std::list<std::shared_ptr<Candidate>>;

  void OnReadable(const std::shared_ptr<Candidate>& candidate);
  bool Judge(Candidate& candidate) const;

  AsioShard& home_;
  const int64_t slots_;
  const Hooks hooks_;
  Candidates waiting_;  // oldest first
  int64_t taken_ = 0;
};

}  // namespace soliton
