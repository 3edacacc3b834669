// The controllers' listener: accepts connections of brokers and of other controllers, decodes their
// frames, hands them on and sends what is answered. Knows nothing of what requests mean, except
// that following the log (subscribe) concerns the connection itself. A frame that is no request
// closes its connection. Owned by the controller's shard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "controller/metadata/control.pb.h"
#include "controller/metadata_publisher.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

class ControllerServer {
 public:
  using Reply = absl::AnyInvocable<void(const pb::ControlResponse&)>;

  class Handler {
   public:
    virtual ~Handler() = default;
    // `reply` may be called later, never, or when the connection is gone.
    virtual void OnRequest(const pb::ControlRequest& request, ConnectionId connection,
                           Reply reply) = 0;
    // From another controller. An error closes the connection.
    virtual absl::Status OnQuorumFrame(const pb::QuorumFrame& frame, ConnectionId connection) = 0;
    // After it was unsubscribed.
    virtual void OnDisconnected(ConnectionId connection) = 0;
  };

  ControllerServer(Shard& shard, MetadataPublisher& publisher, Handler& handler);
  ~ControllerServer();

  absl::Status Listen(Transport& transport, const Endpoint& where);
  uint16_t port() const { return listener_->port(); }
  // Answers a subscribe request and lets its connection follow the log.
  void Subscribe(const pb::ControlRequest& request, ConnectionId connection, Reply reply);
  // Closes the connections that are not other controllers'.
  void CloseClients();
  // Stops accepting and drops every connection, without telling the handler.
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
  void Answer(ConnectionId id, const pb::ControlResponse& response);
  void OnClosed(ConnectionId id);

  Shard& shard_;
  OneShard accept_shards_;
  MetadataPublisher& publisher_;
  Handler& handler_;
  std::unique_ptr<Listener> listener_;
  ConnectionId next_id_ = 1;
  std::map<ConnectionId, std::shared_ptr<Session>> sessions_;
};

}  // namespace soliton::controller
