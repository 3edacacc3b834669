#include "broker/server/connection.h"

#include <algorithm>
#include <array>

#include "broker/broker_shard.h"
#include "broker/server/dispatch.h"
#include "broker/server/peer_broker.h"
#include "protocol/messages/fetch.h"
#include "runtime/base/endian.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {
namespace {

// What serving a request takes beside its frame, about: its slot, its decoded form, its place in
// queues. It is what counts when small requests come by the hundred.
constexpr int64_t kServingBytes = 1024;
// Answers below this are not worth counting: 64 of them are a few KiB.
constexpr int64_t kCountedAnswerBytes = 4096;
// It takes more than so many slow readers to hold the memory that large requests may have.
constexpr int64_t kSlowReadersAtLeast = 64;

bool IsReplicaFetch(std::span<const uint8_t> head, const controller::MetadataImage& image) {
  if (head.size() < sizeof(int16_t)) return false;
  if (LoadBigEndian<int16_t>(head.data()) != kafka::FetchRequest::kApiKey) return false;
  const std::optional<PeerBroker> peer = PeerBroker::FromRequest(head);
  return peer && peer->IsRegisteredIn(image);
}

// A peer that leaves its answers lying has no claim to be heard before others.
MemoryBudget::Class ClassOf(int64_t frame_bytes, std::span<const uint8_t> head,
                            const controller::MetadataImage& image, bool answers_wait) {
  if (IsReplicaFetch(head, image)) return MemoryBudget::Class::kReplica;
  return frame_bytes <= MemoryBudget::kSmallBytes && !answers_wait ? MemoryBudget::Class::kSmall
                                                                   : MemoryBudget::Class::kBulk;
}

int64_t MemoryOf(const BufferChain& frame) {
  int64_t bytes = 0;
  frame.ForEachPiece(
      [&bytes](const Buffer& memory) { bytes += static_cast<int64_t>(memory.size()); },
      [](const FileRegion&) {});
  return bytes;
}

}  // namespace

Connection::Connection(BrokerShard& shard, std::shared_ptr<FramedConnection> transport,
                       const ConnectionLimits& limits, const ConnectionTimeouts& timeouts)
    : shard_(shard),
      owner_(shard.shard()),
      id_(shard.NextConnectionId()),
      transport_(std::move(transport)),
      core_(limits),
      watch_(timeouts, shard.shard().clock().Now()) {}

std::shared_ptr<Connection> Connection::Create(BrokerShard& shard,
                                               std::shared_ptr<FramedConnection> transport,
                                               const ConnectionLimits& limits,
                                               const ConnectionTimeouts& timeouts) {
  return {new Connection(shard, std::move(transport), limits, timeouts),
          [home = &shard.shard()](Connection* connection) {
            home->Post([owned = std::unique_ptr<Connection>(connection)] {});
          }};
}

void Connection::Start() { transport_->Start(this); }

bool Connection::AdmitFrame(int64_t frame_bytes, std::span<const uint8_t> head) {
  if (closed_ || closing_) return false;
  if (!incoming_) {
    incoming_ =
        Incoming{.what = ClassOf(frame_bytes, head, *shard_.image(), answer_bytes_ > 0),
                 .frame_bytes = frame_bytes,
                 .bytes = std::min(frame_bytes + kServingBytes, shard_.memory().largest_bytes())};
    incoming_->waits = !shard_.memory().Ask(id_, incoming_->what, incoming_->bytes);
  }
  // The transport has stopped by itself; UpdateReading sets it going again.
  if (incoming_->waits) reading_ = false;
  return !incoming_->waits;
}

void Connection::OnMemoryGranted() {
  CHECK(incoming_ && incoming_->waits, "connection of {} did not wait for memory", peer());
  incoming_->waits = false;
  UpdateReading();
}

void Connection::OnFrame(Buffer frame) {
  if (closed_ || closing_) return;
  CHECK(incoming_ && !incoming_->waits, "a frame of {} that was not admitted", peer());
  const Incoming request = *incoming_;
  incoming_.reset();
  ++frames_;
  const uint64_t slot = OpenSlot(request);
  Dispatch(shared_from_this(), slot, std::move(frame));
}

uint64_t Connection::OpenSlot(const Incoming& request) {
  const uint64_t slot = core_.OpenSlot(request.what, request.bytes);
  UpdateReading();
  return slot;
}

bool Connection::CanMove() const {
  return !moved_ && !closed_ && !closing_ && core_.in_flight() == 1 && transport_->CanMove();
}

void Connection::MoveTo(BrokerShard& target, Arrival then) {
  owner_.AssertCurrent();
  CHECK(CanMove(), "connection of {} cannot move", peer());
  transport_->MoveTo(target.shard(),
                     [&target, memory = LendMemory(), software = std::move(client_software),
                      then = std::move(then)](std::shared_ptr<FramedConnection> transport) mutable {
                       target.OnMovedHere(std::move(transport),
                                          [memory = std::move(memory),
                                           software = std::move(software), then = std::move(then)](
                                              const std::shared_ptr<Connection>& here) mutable {
                                            here->moved_ = true;
                                            here->moved_memory_ = std::move(memory);
                                            here->client_software = std::move(software);
                                            then(here, here->OpenSlot({}));
                                          });
                     });
  End();
}

std::shared_ptr<void> Connection::LendMemory() {
  std::array<int64_t, MemoryBudget::kClasses> lent{};
  for (size_t i = 0; i < lent.size(); ++i) {
    const auto what = static_cast<MemoryBudget::Class>(i);
    lent[i] = core_.request_bytes(what);
    // Once more: End() gives back what the request holds here.
    shard_.memory().Charge(what, lent[i]);
  }
  return {nullptr, [home = &shard_.shard(), lender = &shard_, lent](void*) {
            home->Post([lender, lent] {
              for (size_t i = 0; i < lent.size(); ++i) {
                lender->ReleaseMemory(static_cast<MemoryBudget::Class>(i), lent[i]);
              }
            });
          }};
}

void Connection::Respond(uint64_t slot, std::optional<BufferChain> response) {
  owner_.AssertCurrent();
  if (closed_) return;
  if (!when_closed_.empty()) when_closed_.erase(slot);
  if (slot == 0) moved_memory_.reset();
  const MemoryBudget::Class what = core_.ClassOf(slot);
  const int64_t bytes_before = core_.request_bytes(what);
  core_.Fill(slot, std::move(response), [this](BufferChain frame) {
    queued_bytes_ += frame.size_bytes();
    if (const int64_t bytes = MemoryOf(frame); bytes >= kCountedAnswerBytes) {
      shard_.memory().Charge(MemoryBudget::Class::kBulk, bytes);
      answer_bytes_ += bytes;
    }
    transport_->Send(std::move(frame));
  });
  shard_.ReleaseMemory(what, bytes_before - core_.request_bytes(what));
  UpdateReading();
  MaybeCloseQuietly();
}

void Connection::CloseWhenQuiet() {
  owner_.AssertCurrent();
  close_when_quiet_ = true;
  MaybeCloseQuietly();
}

void Connection::MaybeCloseQuietly() {
  if (!close_when_quiet_ || closed_ || closing_) return;
  if (core_.in_flight() > 0 || incoming_ || transport_->unsent_bytes() > 0 ||
      transport_->partial_frame_bytes() > 0 || transport_->has_unread()) {
    return;
  }
  CloseWithoutWord();
}

void Connection::Close(std::string_view reason) {
  owner_.AssertCurrent();
  if (closed_ || closing_) return;
  shard_.LogRefusal(fmt::format("closing connection of {}: {}", peer(), reason));
  CloseWithoutWord();
}

void Connection::OnClosed(const absl::Status& why) {
  if (absl::IsInvalidArgument(why)) {
    shard_.LogRefusal(
        fmt::format("closing connection of {}: {}", peer(), std::string(why.message())));
  }
  End();
}

void Connection::End() {
  closed_ = true;
  const auto self = shared_from_this();
  for (auto& [slot, task] : std::exchange(when_closed_, {})) task();
  if (incoming_ && incoming_->waits) {
    shard_.StopWaitingForMemory(id_);
    incoming_.reset();
  }
  for (size_t i = 0; i < MemoryBudget::kClasses; ++i) {
    const auto what = static_cast<MemoryBudget::Class>(i);
    int64_t bytes = core_.request_bytes(what);
    if (incoming_ && incoming_->what == what) bytes += incoming_->bytes;
    if (what == MemoryBudget::Class::kBulk) bytes += std::exchange(answer_bytes_, 0);
    shard_.ReleaseMemory(what, bytes);
  }
  incoming_.reset();
  moved_memory_.reset();
  shard_.OnConnectionClosed(id_);
}

void Connection::OnDrained() {
  if (answer_bytes_ > 0 && transport_->unsent_bytes() == 0) {
    shard_.ReleaseMemory(MemoryBudget::Class::kBulk, std::exchange(answer_bytes_, 0));
  }
  UpdateReading();
  MaybeCloseQuietly();
}

void Connection::CheckProgress(MonotonicTime now) {
  if (closed_ || closing_) return;
  const ConnectionWatch::Verdict verdict =
      watch_.Look(now, {.reading = reading_,
                        .waits_for_memory = incoming_ && incoming_->waits,
                        .frames = frames_,
                        .partial_frame_bytes = transport_->partial_frame_bytes(),
                        .queued_bytes = queued_bytes_,
                        .unsent_bytes = transport_->unsent_bytes(),
                        .in_flight = core_.in_flight()});
  switch (verdict) {
    case ConnectionWatch::Verdict::kKeep:
      return;
    case ConnectionWatch::Verdict::kIdle:
      LogDebug("closing connection of {}: idle", peer());
      return CloseWithoutWord();
    case ConnectionWatch::Verdict::kSlowFrame:
      return Close(fmt::format("a request of which {} bytes have arrived comes in too slowly",
                               transport_->partial_frame_bytes()));
    case ConnectionWatch::Verdict::kNoMemory:
      return Close(
          fmt::format("no memory became free for its request of {} bytes", incoming_->frame_bytes));
    case ConnectionWatch::Verdict::kSlowReader:
      return Close(fmt::format("it has taken nothing of {} bytes of answers for too long",
                               transport_->unsent_bytes()));
  }
}

void Connection::UpdateReading() {
  if (closed_ || closing_) return;
  // One peer that takes no answers must not fill the memory of all.
  const bool answers_fit = answer_bytes_ < shard_.memory().largest_bytes() / kSlowReadersAtLeast;
  const bool may_read =
      answers_fit && core_.MayRead(transport_->unsent_bytes()) && !(incoming_ && incoming_->waits);
  if (may_read == reading_) return;
  reading_ = may_read;
  if (may_read) {
    transport_->ResumeReading();
  } else {
    transport_->PauseReading();
  }
}

}  // namespace soliton::broker
