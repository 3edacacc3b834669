#include "tests/sim/sim_connection.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/check.h"
#include "tests/sim/sim_network.h"

namespace soliton::sim {
namespace {

// What of a frame is there when it is asked whether there is room for it.
constexpr size_t kHeadBytes = 48;

}  // namespace

SimConnection::SimConnection(SimNetwork& network, SimProcessPtr process,
                             std::shared_ptr<SimLink> link, int side, Shard& shard,
                             const ConnectionOptions& options)
    : network_(network),
      process_(std::move(process)),
      link_(std::move(link)),
      side_(side),
      shard_(shard),
      options_(options) {}

SimConnection::~SimConnection() {
  if (!process_->dead && open_) network_.EndStream(link_, side_);
}

void SimConnection::Start(ConnectionHandler* handler) {
  CHECK(shard_.IsCurrent() && handler_ == nullptr);
  handler_ = handler;
  PostDeliver();
}

void SimConnection::Send(BufferChain frame) {
  CHECK(shard_.IsCurrent(), "Send off the connection's shard");
  if (process_->dead || !open_) return;
  absl::StatusOr<Buffer> flat = frame.Flatten();
  if (!flat.ok()) {
    // As when sendfile fails half-way: the frame cannot be completed, so the stream is of no use
    // any more.
    OnPeerGone(absl::UnavailableError(fmt::format("cannot read what was to be sent: {}",
                                                  std::string(flat.status().message()))),
               /*at_once=*/true);
    return;
  }
  // A copy: the two ends are different machines, one may write into its own buffer later.
  network_.Transmit(link_, side_, Buffer::CopyOf(flat->span()));
}

int64_t SimConnection::unsent_bytes() const {
  return open_ ? link_->pipes[side_].undelivered_bytes : 0;
}

void SimConnection::PauseReading() {
  CHECK(shard_.IsCurrent());
  reading_paused_ = true;
}

void SimConnection::ResumeReading() {
  CHECK(shard_.IsCurrent());
  reading_paused_ = false;
  PostDeliver();
}

void SimConnection::Close() {
  CHECK(shard_.IsCurrent());
  if (process_->dead || !open_) return;
  open_ = false;
  ending_ = Ending{absl::CancelledError("closed by its owner"), /*at_once=*/true};
  network_.EndStream(link_, side_);
  PostDeliver();
}

void SimConnection::MoveTo(Shard& target,
                           absl::AnyInvocable<void(std::shared_ptr<FramedConnection>)> done) {
  CHECK(shard_.IsCurrent() && CanMove(), "a connection cannot move now");
  auto moved = std::make_shared<SimConnection>(network_, process_, link_, side_, target, options_);
  moved->received_ = std::exchange(received_, {});
  moved->received_bytes_ = std::exchange(received_bytes_, 0);
  moved->ending_ = std::exchange(ending_, std::nullopt);
  link_->ends[side_] = moved;
  // This end no longer speaks for the stream.
  open_ = false;
  notified_ = true;
  handler_ = nullptr;
  target.Post(
      [moved = std::move(moved), done = std::move(done)]() mutable { done(std::move(moved)); });
}

bool SimConnection::WindowFull() const {
  return open_ && received_bytes_ >= network_.options().receive_window_bytes;
}

void SimConnection::OnArrived(Buffer frame) {
  if (!open_ || ending_) return;
  if (static_cast<int64_t>(frame.size()) > options_.max_frame_bytes) {
    OnPeerGone(absl::InvalidArgumentError(fmt::format("frame of {} bytes, at most {} allowed",
                                                      frame.size(), options_.max_frame_bytes)),
               /*at_once=*/false);
    return;
  }
  received_bytes_ += static_cast<int64_t>(frame.size());
  received_.push_back(std::move(frame));
  PostDeliver();
}

void SimConnection::SendPartOfFrame(int64_t bytes) {
  CHECK(shard_.IsCurrent());
  if (process_->dead || !open_) return;
  if (auto peer = link_->ends[1 - side_].lock()) peer->partial_frame_bytes_ += bytes;
}

void SimConnection::OnPeerGone(const absl::Status& why, bool at_once) {
  if (!open_ || (ending_ && !at_once)) return;
  ending_ = Ending{why, at_once};
  if (at_once) open_ = false;
  if (at_once) network_.EndStream(link_, side_);
  PostDeliver();
}

void SimConnection::OnSentAll() {
  shard_.Post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (self == nullptr || !self->open_ || self->handler_ == nullptr) return;
    if (self->unsent_bytes() == 0) self->handler_->OnDrained();
  });
}

void SimConnection::PostDeliver() {
  if (deliver_posted_ || handler_ == nullptr || notified_) return;
  if (!ending_ && !ReadyToRead()) return;
  deliver_posted_ = true;
  shard_.Post([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->Deliver(self);
  });
}

void SimConnection::Deliver(const std::shared_ptr<SimConnection>& self) {
  deliver_posted_ = false;
  if (notified_) return;
  if (ending_ && ending_->at_once) return NotifyClosed();
  DeliverFrames(self);
  if (notified_ || self.use_count() == 1) return;
  if (ending_ && (ending_->at_once || received_.empty())) {
    // An end of stream behind a paused reader is seen when reading resumes.
    if (ending_->at_once || !reading_paused_) return NotifyClosed();
    return;
  }
  if (ReadyToRead()) PostDeliver();
}

void SimConnection::DeliverFrames(const std::shared_ptr<SimConnection>& self) {
  const bool window_was_full = WindowFull();
  delivering_ = true;
  for (uint64_t budget = 1 + network_.random().Below(8); budget > 0 && ReadyToRead() && open_;
       --budget) {
    const std::span<const uint8_t> bytes = received_.front().span();
    if (!handler_->AdmitFrame(static_cast<int64_t>(bytes.size()),
                              bytes.first(std::min(bytes.size(), kHeadBytes)))) {
      reading_paused_ = true;
      break;
    }
    Buffer frame = std::move(received_.front());
    received_.pop_front();
    received_bytes_ -= static_cast<int64_t>(frame.size());
    handler_->OnFrame(std::move(frame));
    if (self.use_count() == 1) return;
  }
  delivering_ = false;
  if (window_was_full && !WindowFull()) network_.WindowOpened(link_, 1 - side_);
}

void SimConnection::NotifyClosed() {
  notified_ = true;
  received_.clear();
  if (open_) {
    open_ = false;
    network_.EndStream(link_, side_);
  }
  ConnectionHandler* handler = handler_;
  handler_ = nullptr;
  handler->OnClosed(ending_->why);
}

}  // namespace soliton::sim
