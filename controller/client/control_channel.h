// One control connection to a controller: matches responses to requests, times requests out, hands
// pushes over. Reconnecting is the owner's business; the channel is used again after it closed. One
// shard; the owner destroys it outside of its callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "controller/metadata/control.pb.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

class ControlChannel final : public ConnectionHandler {
 public:
  using ResponseHandler = absl::AnyInvocable<void(absl::StatusOr<pb::ControlResponse>)>;

  struct Events {
    std::function<void(const absl::Status&)> on_connected;  // not OK: the attempt failed
    std::function<void(const absl::Status&)> on_closed;     // after a successful on_connected, once
    std::function<void(const pb::MetadataPush&)> on_push;
  };

  ControlChannel(Transport& transport, Shard& shard, Events events);
  ~ControlChannel() override;

  // Not while open() or connecting.
  void Connect(const Endpoint& endpoint, Duration timeout);
  bool open() const { return connection_ != nullptr; }
  // Closes now. Requests in flight fail as unknown, on_closed is called before this returns.
  void Close(const absl::Status& why);

  // `done` is called once, never inside this call unless the channel is not open: with the
  // response, kUnavailable (nothing was sent), or kDeadlineExceeded (it may or may not have taken
  // effect).
  void Call(pb::ControlRequest request, Duration timeout, ResponseHandler done);

  void OnFrame(Buffer frame) override;
  void OnClosed(const absl::Status& why) override;

 private:
  struct Pending {
    ResponseHandler done;
    TimerId timer = 0;
  };

  void OnConnected(absl::StatusOr<std::shared_ptr<FramedConnection>> connected);
  void OnResponse(const pb::ControlResponse& response);
  void OnTimeout(uint64_t correlation_id, Duration timeout);

  Transport& transport_;
  Shard& shard_;
  Events events_;
  std::shared_ptr<FramedConnection> connection_;
  uint64_t attempt_ = 0;  // answers to older attempts are ignored
  uint64_t next_correlation_id_ = 1;
  std::map<uint64_t, Pending> pending_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace soliton::controller
