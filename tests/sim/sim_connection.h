// One end of a simulated connection, as runtime/net/transport.h wants it. Belongs to one shard;
// SimNetwork tells it what arrives.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "runtime/net/transport.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/sim_process.h"

namespace soliton::sim {

class SimNetwork;

class SimConnection final : public FramedConnection,
                            public std::enable_shared_from_this<SimConnection> {
 public:
  SimConnection(SimNetwork& network, SimProcessPtr process, std::shared_ptr<SimLink> link, int side,
                Shard& shard, const ConnectionOptions& options);
  ~SimConnection() override;

  void Start(ConnectionHandler* handler) override;
  void Send(BufferChain frame) override;
  int64_t unsent_bytes() const override;
  void PauseReading() override;
  void ResumeReading() override;
  void Close() override;
  bool CanMove() const override { return delivering_ && open_ && unsent_bytes() == 0; }
  void MoveTo(Shard& target,
              absl::AnyInvocable<void(std::shared_ptr<FramedConnection>)> done) override;
  std::string peer() const override { return link_->names[1 - side_]; }
  std::string local() const override { return link_->names[side_]; }

  int64_t partial_frame_bytes() const override { return partial_frame_bytes_; }

  // -- For tests --
  // The peer gets more bytes of a frame that never becomes whole, at once.
  void SendPartOfFrame(int64_t bytes);

  // -- For SimNetwork, from events of the world --
  bool WindowFull() const;
  void OnArrived(Buffer frame);
  // The peer ended the stream (after what has arrived), or broke it (`at_once`: unread frames are
  // lost).
  void OnPeerGone(const absl::Status& why, bool at_once);
  void OnSentAll();

 private:
  // What the next callback task of this end is due to do, besides handing over frames.
  struct Ending {
    absl::Status why;
    bool at_once;
  };

  void PostDeliver();
  // `self` is the caller's reference: once it is the last one the owner has let go, and nothing
  // more is called.
  void Deliver(const std::shared_ptr<SimConnection>& self);
  void DeliverFrames(const std::shared_ptr<SimConnection>& self);
  void NotifyClosed();
  bool ReadyToRead() const { return handler_ != nullptr && !reading_paused_ && !received_.empty(); }

  SimNetwork& network_;
  const SimProcessPtr process_;
  const std::shared_ptr<SimLink> link_;
  const int side_;
  Shard& shard_;
  const ConnectionOptions options_;
  ConnectionHandler* handler_ = nullptr;
  bool open_ = true;       // may send and receive
  bool notified_ = false;  // OnClosed was called
  bool reading_paused_ = false;
  bool deliver_posted_ = false;
  bool delivering_ = false;  // DeliverFrames is on the stack
  std::deque<Buffer> received_;
  int64_t received_bytes_ = 0;
  int64_t partial_frame_bytes_ = 0;
  std::optional<Ending> ending_;
};

}  // namespace soliton::sim
