// One of the floor's brokers: receives frames, checks their CRC-32C, appends them to a file, passes
// them on to the other nodes, and answers when all of them have them. No protocol, no names, no
// recovery, one thread: what any replicated log on this machine has to pay, and nothing else.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/floor/framing.h"
#include "bench/floor/log_file.h"
#include "bench/floor/receive_buffer.h"
#include "runtime/base/unique_fd.h"

namespace soliton::floor {

struct NodeOptions {
  uint32_t id = 0;
  int port = 0;
  std::vector<int> peers;  // ports of the nodes that copy this one's log
  std::string folder;      // exists
  bool flush = false;      // acknowledge after fdatasync, one for all that a turn brought
  size_t buffer_bytes = 1 << 20;
};

class Node {
 public:
  explicit Node(NodeOptions options);
  // Serves until the process ends; prints "ready" when the peers are connected.
  [[noreturn]] void Run();

 private:
  struct Connection {
    Connection(UniqueFd socket, size_t buffer_bytes)
        : fd(std::move(socket)), buffer(buffer_bytes) {}
    UniqueFd fd;
    ReceiveBuffer buffer;
    std::optional<Hello> hello;
    size_t needed = sizeof(Hello);  // bytes until something whole has come
    std::unique_ptr<LogFile> copy;  // kReplicate
    uint64_t answered = 0;          // kReplicate: told to be safe; kProduce: frames answered
    std::deque<uint64_t> waiting;   // kProduce: where in the log its unanswered frames end
  };
  struct Follower {  // a node that copies our log
    UniqueFd fd;
    uint64_t sent = 0;
    uint64_t safe = 0;
    bool blocked = false;  // its socket is full
  };

  void Watch(int fd, uint32_t events, uint64_t tag, bool again = false);
  void Turn(int timeout_ms);
  void Accept();
  // False: the peer has gone.
  bool Receive(Connection& connection);
  bool Take(Connection& connection);
  bool TakeFrames(Connection& connection, LogFile& log);
  void TakeConsumeRequests(Connection& connection);
  void HearFollower(Follower& follower);
  void PassOn(Follower& follower, size_t index);
  int64_t SendSome(Follower& follower);
  void Answer(Connection& connection, uint64_t committed);
  uint64_t Committed() const;

  const NodeOptions options_;
  UniqueFd epoll_;
  UniqueFd listener_;
  LogFile log_;
  std::span<const uint8_t> recent_;  // the last append to log_, valid until the turn ends
  std::vector<Follower> followers_;
  std::vector<std::unique_ptr<Connection>> connections_;  // null: gone
  std::vector<uint64_t> answers_;
};

}  // namespace soliton::floor
