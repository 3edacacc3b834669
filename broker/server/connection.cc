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

void Connection::Start() { transport_->Start(this); }

void Connection::OnFrame(Buffer frame) {
  if (closed_) return;
  const uint64_t slot = core_.OpenSlot();
  UpdateReading();
  Dispatch(shared_from_this(), slot, std::move(frame));
}

void Connection::Respond(uint64_t slot, std::optional<BufferChain> response) {
  owner_.AssertCurrent();
  if (closed_) return;
  for (BufferChain& frame : core_.Fill(slot, std::move(response))) {
    transport_->Send(std::move(frame));
  }
  UpdateReading();
}

void Connection::Close(std::string_view reason) {
  owner_.AssertCurrent();
  if (closed_) return;
  LogWarn("closing connection of {}: {}", peer(), reason);
  transport_->Close();
}

void Connection::OnClosed(const absl::Status& why) {
  if (absl::IsInvalidArgument(why)) {
    LogWarn("connection of {} closed: {}", peer(), std::string(why.message()));
  }
  closed_ = true;
  shard_.OnConnectionClosed(id_);
}

void Connection::OnDrained() { UpdateReading(); }

void Connection::UpdateReading() {
  const bool may_read = core_.MayRead(transport_->unsent_bytes());
  if (may_read == reading_) return;
  reading_ = may_read;
  if (may_read) {
    transport_->ResumeReading();
  } else {
    transport_->PauseReading();
  }
}

}  // namespace soliton::broker
