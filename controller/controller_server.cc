#include "controller/controller_server.h"

#include <utility>

#include "controller/metadata/convert.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

// Bounds what one frame can make the decoder allocate; the largest honest one is an AlterPartition
// of some ten thousand partitions.
constexpr int64_t kMaxRequestBytes = 4 << 20;
// Requests of one connection that wait for their commit. Beyond it the socket is not read.
constexpr int kMaxWaitingRequests = 256;

}  // namespace

class ControllerServer::Session final : public ConnectionHandler {
 public:
  Session(ControllerServer& server, ConnectionId id, std::shared_ptr<FramedConnection> connection)
      : server_(server), id_(id), connection_(std::move(connection)) {}

  void Start() { connection_->Start(this); }
  ConnectionId id() const { return id_; }
  FramedConnection& connection() { return *connection_; }

  void OnFrame(Buffer frame) override {
    pb::ControlRequest request;
    if (!request.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
      LogWarn("{} sent a frame that is no control request: connection closed", connection_->peer());
      return connection_->Close();
    }
    if (++waiting_ == kMaxWaitingRequests) connection_->PauseReading();
    server_.OnRequest(*this, request);
  }
  void OnClosed(const absl::Status&) override { server_.OnClosed(id_); }
  void OnDrained() override { server_.publisher_.OnDrained(id_); }

  void Send(const pb::ControlResponse& response) {
    pb::ServerMessage message;
    *message.mutable_response() = response;
    connection_->Send(EncodeFrame(message));
    if (waiting_-- == kMaxWaitingRequests) connection_->ResumeReading();
  }

 private:
  ControllerServer& server_;
  const ConnectionId id_;
  std::shared_ptr<FramedConnection> connection_;
  int waiting_ = 0;
};

ControllerServer::ControllerServer(Shard& shard, ActiveController& controller,
                                   MetadataPublisher& publisher, DisconnectHandler on_disconnect)
    : shard_(shard),
      accept_shards_(shard),
      controller_(controller),
      publisher_(publisher),
      on_disconnect_(std::move(on_disconnect)) {}

ControllerServer::~ControllerServer() { Stop(); }

absl::Status ControllerServer::Listen(Transport& transport, const Endpoint& where) {
  auto listener = transport.Listen(where, {.max_frame_bytes = kMaxRequestBytes}, accept_shards_,
                                   [this](Shard&, std::shared_ptr<FramedConnection> connection) {
                                     Accept(std::move(connection));
                                   });
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  return absl::OkStatus();
}

void ControllerServer::Stop() {
  listener_.reset();
  for (const auto& [id, session] : sessions_) publisher_.Unsubscribe(id);
  sessions_.clear();
}

void ControllerServer::Accept(std::shared_ptr<FramedConnection> connection) {
  if (controller_.stopped()) return;
  const ConnectionId id = next_id_++;
  auto session = std::make_shared<Session>(*this, id, std::move(connection));
  sessions_[id] = session;
  session->Start();
}

void ControllerServer::OnRequest(Session& session, const pb::ControlRequest& request) {
  const ConnectionId id = session.id();
  if (!request.has_subscribe()) {
    return controller_.Handle(
        request, id, [this, id](const pb::ControlResponse& response) { Answer(id, response); });
  }
  pb::ControlResponse response;
  response.set_correlation_id(request.correlation_id());
  const absl::Status subscribed =
      publisher_.Subscribe(id, &session.connection(), request.subscribe().next_offset());
  if (!subscribed.ok()) {
    response.set_error(ToPb(kafka::ErrorCode::OFFSET_OUT_OF_RANGE));
    response.set_error_message(std::string(subscribed.message()));
    return session.Send(response);
  }
  response.mutable_subscribe()->set_committed_end_offset(publisher_.committed_end_offset());
  session.Send(response);
  publisher_.OnDrained(id);
}

void ControllerServer::Answer(ConnectionId id, const pb::ControlResponse& response) {
  const auto it = sessions_.find(id);
  if (it != sessions_.end()) it->second->Send(response);
}

void ControllerServer::OnClosed(ConnectionId id) {
  publisher_.Unsubscribe(id);
  auto node = sessions_.extract(id);
  if (node.empty()) return;
  // The session is inside its connection's callback: it goes when that has returned.
  shard_.Post([session = std::move(node.mapped())] {});
  on_disconnect_(id);
}

}  // namespace soliton::controller
