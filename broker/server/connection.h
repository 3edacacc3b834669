// One client connection: reads frames, opens a slot per request, hands it to dispatch, sends
// responses in order. Lives on the shard that accepted it; handlers of other shards answer through
// Request::Reply, which posts here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "broker/server/connection_core.h"
#include "broker/server/connection_watch.h"
#include "runtime/loop/owner.h"
#include "runtime/net/transport.h"

namespace soliton::broker {

class BrokerShard;

class Connection final : public ConnectionHandler, public std::enable_shared_from_this<Connection> {
 public:
  // Whoever lets it go last, and on whatever shard, it is destroyed on its own.
  static std::shared_ptr<Connection> Create(BrokerShard& shard,
                                            std::shared_ptr<FramedConnection> transport,
                                            const ConnectionLimits& limits,
                                            const ConnectionTimeouts& timeouts);
  Connection(BrokerShard& shard, std::shared_ptr<FramedConnection> transport,
             const ConnectionLimits& limits, const ConnectionTimeouts& timeouts);

  void Start();
  // Response of a slot (see ConnectionCore). Owner shard. No-op once closed.
  void Respond(uint64_t slot, std::optional<BufferChain> response);
  // Drops the connection, e.g. after a request that has no error form. Nothing that it sent and was
  // not begun will be. Logs the reason, within limits. Owner shard.
  void Close(std::string_view reason);
  // As soon as nothing of it is unanswered, unsent or unread: what a client has under way when its
  // connection closes is in doubt, and librdkafka sends that again only after a tenth of a second.
  void CloseWhenQuiet();
  // `task` runs when the connection is gone, unless the slot is answered before. Owner shard.
  void WhenClosed(uint64_t slot, Task task) { when_closed_[slot] = std::move(task); }
  // Moves to another shard, once: for a connection whose first data request concerns partitions of
  // that shard only, so that none of its requests crosses shards. Possible while that request is
  // the only one in flight and it was not answered. This object counts as closed then; `then` runs
  // on the target with its successor and the slot that stands for the request there. False: it
  // stays.
  using Arrival = absl::AnyInvocable<void(const std::shared_ptr<Connection>&, uint64_t slot)>;
  bool CanMove() const;
  void MoveTo(BrokerShard& target, Arrival then);
  // The memory that a frame of this connection waited for is taken.
  void OnMemoryGranted();
  // Closes it if its peer is too slow, or has been quiet for too long. Called now and then.
  void CheckProgress(MonotonicTime now);

  BrokerShard& shard() const { return shard_; }
  uint64_t id() const { return id_; }
  std::string peer() const { return transport_->peer(); }
  bool closed() const { return closed_; }
  // What the client called itself in its last request header or ApiVersions.
  std::string client_software;

  // ConnectionHandler
  bool AdmitFrame(int64_t frame_bytes, std::span<const uint8_t> head) override;
  void OnFrame(Buffer frame) override;
  void OnClosed(const absl::Status& why) override;
  void OnDrained() override;

 private:
  void MaybeCloseQuietly();
  // Counts as closed: nothing is answered any more.
  void End();
  // A frame that is being read, or waits for memory to be.
  struct Incoming {
    MemoryBudget::Class what = MemoryBudget::Class::kSmall;
    int64_t frame_bytes = 0;
    int64_t bytes = 0;   // that it takes, with what is made to serve it
    bool waits = false;  // for memory, which is not taken yet
  };

  // What the requests here hold, held until the result is gone, wherever that is: a request that
  // moves stays in the budget that admitted it. The other shard's may be full, and a body that is
  // there already cannot wait for it.
  std::shared_ptr<void> LendMemory();
  // A slot for a request whose memory is taken.
  uint64_t OpenSlot(const Incoming& request);
  void UpdateReading();
  void CloseWithoutWord() { closing_ = true, transport_->Close(); }

  BrokerShard& shard_;
  Owner owner_;
  const uint64_t id_;
  std::shared_ptr<FramedConnection> transport_;
  ConnectionCore core_;
  ConnectionWatch watch_;
  std::map<uint64_t, Task> when_closed_;
  std::optional<Incoming> incoming_;
  uint64_t frames_ = 0;
  int64_t queued_bytes_ = 0;
  // Memory of answers that the transport has not sent yet; counted until it has sent everything.
  int64_t answer_bytes_ = 0;
  // Of the request that it moved with, which has the first slot.
  std::shared_ptr<void> moved_memory_;
  bool reading_ = true;
  bool moved_ = false;
  bool close_when_quiet_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

}  // namespace soliton::broker
