#include "broker/server/connection.h"

#include "broker/broker_shard.h"
#include "broker/server/dispatch.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {

Connection::Connection(BrokerShard& shard, std::shared_ptr<FramedConnection> transport,
                       const ConnectionLimits& limits)
    : shard_(shard),
      owner_(shard.shard()),
      id_(shard.NextConnectionId()),
      transport_(std::move(transport)),
      core_(limits) {}

std::shared_ptr<Connection> Connection::Create(BrokerShard& shard,
                                               std::shared_ptr<FramedConnection> transport,
                                               const ConnectionLimits& limits) {
  return {new Connection(shard, std::move(transport), limits),
          [home = &shard.shard()](Connection* connection) {
            home->Post([owned = std::unique_ptr<Connection>(connection)] {});
          }};
}

void Connection::Start() { transport_->Start(this); }

void Connection::OnFrame(Buffer frame) {
  if (closed_ || closing_) return;
  const uint64_t slot = OpenSlot(static_cast<int64_t>(frame.size()));
  Dispatch(shared_from_this(), slot, std::move(frame));
}

uint64_t Connection::OpenSlot(int64_t bytes) {
  const uint64_t slot = core_.OpenSlot(bytes);
  CountMemory();
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
                     [&target, bytes = core_.request_bytes(), software = std::move(client_software),
                      then = std::move(then)](std::shared_ptr<FramedConnection> transport) mutable {
                       target.OnMovedHere(
                           std::move(transport),
                           [bytes, software = std::move(software), then = std::move(then)](
                               const std::shared_ptr<Connection>& here) mutable {
                             here->moved_ = true;
                             here->client_software = std::move(software);
                             then(here, here->OpenSlot(bytes));
                           });
                     });
  End();
}

void Connection::Respond(uint64_t slot, std::optional<BufferChain> response) {
  owner_.AssertCurrent();
  if (closed_) return;
  when_closed_.erase(slot);
  for (BufferChain& frame : core_.Fill(slot, std::move(response))) {
    transport_->Send(std::move(frame));
  }
  CountMemory();
  UpdateReading();
}

void Connection::Close(std::string_view reason) {
  owner_.AssertCurrent();
  if (closed_ || closing_) return;
  closing_ = true;
  LogWarn("closing connection of {}: {}", peer(), reason);
  transport_->Close();
}

void Connection::OnClosed(const absl::Status& why) {
  if (absl::IsInvalidArgument(why)) {
    LogWarn("connection of {} closed: {}", peer(), std::string(why.message()));
  }
  End();
}

void Connection::End() {
  closed_ = true;
  const auto self = shared_from_this();
  for (auto& [slot, task] : std::exchange(when_closed_, {})) task();
  shard_.CountRequestBytes(-std::exchange(counted_bytes_, 0));
  shard_.OnConnectionClosed(id_);
}

void Connection::OnDrained() { UpdateReading(); }

void Connection::CountMemory() {
  const int64_t bytes = core_.request_bytes();
  shard_.CountRequestBytes(bytes - std::exchange(counted_bytes_, bytes));
}

void Connection::UpdateReading() {
  if (closed_ || closing_) return;
  const bool may_read = core_.MayRead(transport_->unsent_bytes(), shard_.memory_short());
  if (may_read == reading_) return;
  reading_ = may_read;
  if (may_read) {
    transport_->ResumeReading();
  } else {
    transport_->PauseReading();
  }
}

}  // namespace soliton::broker
