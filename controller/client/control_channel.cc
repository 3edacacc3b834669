#include "controller/client/control_channel.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/base/buffer.h"
#include "runtime/base/check.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

constexpr int64_t kMaxPushBytes = 256
                                  << 20;  // one batch may change every partition of a large cluster
constexpr size_t kMaxPending = 1024;

BufferChain Encode(const pb::ControlRequest& request) {
  Buffer buffer = Buffer::Allocate(request.ByteSizeLong());
  request.SerializeWithCachedSizesToArray(buffer.mutable_data());
  return BufferChain(std::move(buffer));
}

}  // namespace

ControlChannel::ControlChannel(Transport& transport, Shard& shard, Events events)
    : transport_(transport), shard_(shard), events_(std::move(events)) {}

ControlChannel::~ControlChannel() {
  for (const auto& [id, pending] : pending_) shard_.CancelTimer(pending.timer);
}

void ControlChannel::Connect(const Endpoint& endpoint, Duration timeout) {
  CHECK(!open());
  const uint64_t attempt = ++attempt_;
  transport_.Connect(shard_, endpoint, {.max_frame_bytes = kMaxPushBytes}, timeout,
                     [this, attempt, alive = std::weak_ptr<bool>(alive_)](
                         absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
                       if (alive.expired() || attempt != attempt_) return;
                       OnConnected(std::move(connected));
                     });
}

void ControlChannel::OnConnected(absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
  if (!connected.ok()) return events_.on_connected(connected.status());
  connection_ = *std::move(connected);
  connection_->Start(this);
  events_.on_connected(absl::OkStatus());
}

void ControlChannel::Close(const absl::Status& why) {
  ++attempt_;
  if (connection_ != nullptr) OnClosed(why);
}

void ControlChannel::OnClosed(const absl::Status& why) {
  if (connection_ == nullptr) return;
  // Possibly inside the connection's own callback: let it go after that.
  shard_.Post([connection = std::exchange(connection_, nullptr)] {});
  std::map<uint64_t, Pending> pending = std::exchange(pending_, {});
  const absl::Status unknown = absl::DeadlineExceededError(fmt::format(
      "the controller's connection broke before it answered: {}", std::string(why.message())));
  for (const auto& [id, request] : pending) shard_.CancelTimer(request.timer);
  for (auto& [id, request] : pending) request.done(unknown);
  events_.on_closed(why);
}

void ControlChannel::Call(pb::ControlRequest request, Duration timeout, ResponseHandler done) {
  if (!open()) return done(absl::UnavailableError("no controller is reachable"));
  if (pending_.size() >= kMaxPending) {
    return done(absl::UnavailableError("too many requests wait for the controller"));
  }
  const uint64_t id = next_correlation_id_++;
  request.set_correlation_id(id);
  const TimerId timer =
      shard_.ScheduleAfter(timeout, [this, id, timeout] { OnTimeout(id, timeout); });
  pending_[id] = {std::move(done), timer};
  connection_->Send(Encode(request));
}

void ControlChannel::OnTimeout(uint64_t correlation_id, Duration timeout) {
  auto node = pending_.extract(correlation_id);
  if (node.empty()) return;
  node.mapped().done(absl::DeadlineExceededError(
      fmt::format("the controller did not answer within {} ms",
                  std::chrono::duration_cast<milliseconds>(timeout).count())));
}

void ControlChannel::OnFrame(Buffer frame) {
  if (!open()) return;
  pb::ServerMessage message;
  if (!message.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
    return Close(absl::DataLossError("the controller sent a frame that is no control message"));
  }
  if (message.has_response()) return OnResponse(message.response());
  if (message.has_push()) return events_.on_push(message.push());
}

void ControlChannel::OnResponse(const pb::ControlResponse& response) {
  auto node = pending_.extract(response.correlation_id());
  if (node.empty()) return;  // timed out
  shard_.CancelTimer(node.mapped().timer);
  node.mapped().done(response);
}

}  // namespace soliton::controller
