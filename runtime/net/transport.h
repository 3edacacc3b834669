// The network port. A connection carries frames: 4-byte big-endian length, then that many bytes
// (Kafka's framing; the control plane uses the same). TCP implements it in tcp_transport, the
// simulator in tests/sim.
//
// Threading: a connection belongs to the shard it was created on. All its methods are called there
// and all its callbacks run there. Callbacks never run inside a call into the connection, except
// OnFrame batches may follow each other directly.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/buffer.h"
#include "runtime/base/buffer_chain.h"
#include "runtime/base/check.h"
#include "runtime/loop/shard.h"
#include "runtime/loop/shard_set.h"

namespace soliton {

struct Endpoint {
  std::string host;
  uint16_t port = 0;

  std::string ToString() const;  // host:port, IPv6 in brackets
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// "host:port", "[v6]:port"; the port may be left out where `default_port` is not 0.
absl::StatusOr<Endpoint> ParseEndpoint(std::string_view text, uint16_t default_port = 0);

struct ConnectionOptions {
  // A frame whose length is negative or above this closes the connection before its body is read.
  int64_t max_frame_bytes = 100 * 1024 * 1024;
  // Of a listener; connections beyond are closed at once.
  int64_t max_connections = std::numeric_limits<int64_t>::max();
  int64_t max_connections_per_address = std::numeric_limits<int64_t>::max();
  // So many more beyond max_connections, for peers whose first frame, of which `head` are the first
  // bytes, may_use_reserve accepts. It is asked on the first shard.
  int64_t reserved_connections = 0;
  std::function<bool(std::span<const uint8_t> head)> may_use_reserve;
};

// What the owner of a connection hears from it.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // A frame of this length begins, and `head` are its first bytes (those of a request header, or
  // all of a small frame). Asked before memory is taken for a frame that is not there yet. False:
  // not now. Nothing more is read then until ResumeReading(), after which the same frame is asked
  // for again.
  virtual bool AdmitFrame(int64_t frame_bytes, std::span<const uint8_t> head) {
    (void)frame_bytes, (void)head;
    return true;
  }
  // One whole frame, without its length prefix.
  virtual void OnFrame(Buffer frame) = 0;
  // The connection is gone; nothing follows. Called once, also after Close() by the owner
  // (kCancelled then). kUnavailable: reset or end of stream by the peer. kInvalidArgument: a frame
  // length out of bounds.
  virtual void OnClosed(const absl::Status& why) = 0;
  // The unsent bytes fell to zero after having been above zero.
  virtual void OnDrained() {}
};

class FramedConnection {
 public:
  // Destroying a connection closes it without a callback.
  virtual ~FramedConnection() = default;
  // Begins delivering frames. `handler` must outlive the connection or its OnClosed.
  virtual void Start(ConnectionHandler* handler) = 0;
  // Queues one frame (the length prefix is added). Frames leave in the order sent. Silently dropped
  // once closed. The queue is not bounded here: the sender watches unsent_bytes() and stops reading
  // or producing.
  virtual void Send(BufferChain frame) = 0;
  virtual int64_t unsent_bytes() const = 0;
  // Stops reading from the peer (back-pressure); frames already read may still be delivered once.
  virtual void PauseReading() = 0;
  // What has arrived of frames that were not delivered; 0 between two frames.
  virtual int64_t partial_frame_bytes() const { return 0; }
  // Whether bytes have arrived that were not read yet. A system call.
  virtual bool has_unread() const { return false; }
  virtual void ResumeReading() = 0;
  // Closes after the present callback; unsent frames are dropped.
  virtual void Close() = 0;
  // Moves the connection to another shard, so that it lives where its work is. Only when CanMove():
  // inside OnFrame, with nothing unsent. Nothing more is delivered here, and no OnClosed; what
  // remains of this object is good for destroying. `done` runs on `target` with the connection,
  // which is started anew and then delivers the frames that follow. Should the target stop first,
  // the connection is closed.
  virtual bool CanMove() const { return false; }
  virtual void MoveTo(Shard& target,
                      absl::AnyInvocable<void(std::shared_ptr<FramedConnection>)> done) {
    (void)target, (void)done;
    CHECK(false, "a connection that cannot move");
  }
  virtual std::string peer() const = 0;  // for messages: "127.0.0.1:50312"
  virtual std::string local() const = 0;
};

class Listener {
 public:
  // Stops accepting. Connections that were accepted live on.
  virtual ~Listener() = default;
  virtual uint16_t port() const = 0;
};

class Transport {
 public:
  using AcceptHandler = std::function<void(Shard&, std::shared_ptr<FramedConnection>)>;
  using ConnectHandler =
      absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<FramedConnection>>)>;

  virtual ~Transport() = default;

  // Accepts on `where` and spreads connections over `shards`; `on_accept` runs on the shard that
  // got the connection and must Start it or let it go. Port 0 picks a free one.
  virtual absl::StatusOr<std::unique_ptr<Listener>> Listen(const Endpoint& where,
                                                           const ConnectionOptions& options,
                                                           ShardSet& shards,
                                                           AcceptHandler on_accept) = 0;

  // Connects from `shard`; `done` runs there, never inside this call. Errors: kUnavailable =
  // refused or reset (somebody answered: nobody listens), kDeadlineExceeded = nobody answered in
  // `timeout`, kNotFound = the name does not resolve.
  virtual void Connect(Shard& shard, const Endpoint& to, const ConnectionOptions& options,
                       Duration timeout, ConnectHandler done) = 0;
};

}  // namespace soliton
