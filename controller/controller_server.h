// The control-plane server: accepts brokers' connections, decodes their frames, hands requests to
// the active controller and sends what it answers. Knows nothing of what requests mean, except that
// subscribing concerns the connection itself. A frame that is no request closes its connection.
// Owned by the controller's shard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "controller/active_controller.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

class ControllerServer {
 public:
  // Called when a connection is gone, after it was unsubscribed.
  using DisconnectHandler = std::function<void(ConnectionId)>;

  ControllerServer(Shard& shard, ActiveController& controller, MetadataPublisher& publisher,
                   DisconnectHandler on_disconnect);
  ~ControllerServer();

  absl::Status Listen(Transport& transport, const Endpoint& where);
  uint16_t port() const { return listener_->port(); }
  // Stops accepting and drops every connection, without telling on_disconnect.
  void Stop();

 private:
  class Session;
  // The controller lives on one shard; so do its connections.
  class OneShard final : public ShardSet {
   public:
    explicit OneShard(Shard& shard) : shard_(shard) {}
    int size() const override { return 1; }
    Shard& shard(int) override { return shard_; }

   private:
    Shard& shard_;
  };

  void Accept(std::shared_ptr<FramedConnection> connection);
  void OnRequest(Session& session, const pb::ControlRequest& request);
  void Answer(ConnectionId id, const pb::ControlResponse& response);
  void OnClosed(ConnectionId id);

  Shard& shard_;
  OneShard accept_shards_;
  ActiveController& controller_;
  MetadataPublisher& publisher_;
  DisconnectHandler on_disconnect_;
  std::unique_ptr<Listener> listener_;
  ConnectionId next_id_ = 1;
  std::map<ConnectionId, std::shared_ptr<Session>> sessions_;
};

}  // namespace soliton::controller
