#include "controller/controller_server.h"

#include <utility>

#include "controller/metadata/convert.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

// Another controller may send one batch that changes every partition of a large cluster.
constexpr int64_t kMaxFrameBytes = 256 << 20;
// Requests of one connection that wait for their commit. Beyond it the socket is not read.
constexpr int kMaxWaitingRequests = 256;

}  // namespace

class ControllerServer::Session final : public ConnectionHandler {
 public:
  Session(ControllerServer& server, ConnectionId id, std::shared_ptr<FramedConnection> connection)
      : server_(server), id_(id), connection_(std::move(connection)) {}

  void Start() { connection_->Start(this); }
  FramedConnection& connection() { return *connection_; }
  bool is_controller() const { return is_controller_; }

  // Closes once what was answered is sent.
  void Finish() {
    finishing_ = true;
    if (connection_->unsent_bytes() == 0) connection_->Close();
  }

  void OnFrame(Buffer frame) override {
    if (finishing_) return;
    pb::ControlRequest request;
    if (!request.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
      LogWarn("{} sent a frame that is no control request: connection closed", connection_->peer());
      return connection_->Close();
    }
    if (request.has_quorum()) return OnQuorumFrame(request.quorum());
    if (request.has_ping()) return OnPing(request);
    if (++waiting_ == kMaxWaitingRequests) connection_->PauseReading();
    server_.handler_.OnRequest(request, id_,
                               [server = &server_, id = id_](const pb::ControlResponse& response) {
                                 server->Answer(id, response);
                               });
  }
  void OnClosed(const absl::Status&) override { server_.OnClosed(id_); }
  void OnDrained() override {
    if (finishing_) return connection_->Close();
    server_.publisher_.OnDrained(id_);
  }

  void Send(const pb::ControlResponse& response) {
    pb::ServerMessage message;
    *message.mutable_response() = response;
    connection_->Send(EncodeFrame(message));
    if (waiting_-- == kMaxWaitingRequests) connection_->ResumeReading();
  }

 private:
  void OnPing(const pb::ControlRequest& request) {
    pb::ServerMessage message;
    message.mutable_response()->set_correlation_id(request.correlation_id());
    connection_->Send(EncodeFrame(message));
  }

  void OnQuorumFrame(const pb::QuorumFrame& frame) {
    is_controller_ = true;
    const absl::Status taken = server_.handler_.OnQuorumFrame(frame, id_);
    if (taken.ok()) return;
    finishing_ = true;
    LogWarn("{}: {}; connection closed", connection_->peer(), std::string(taken.message()));
    // Whoever looks for the mistake looks at the one that does not come up: it is told, and the
    // connection closes when that has been sent.
    pb::ServerMessage message;
    // It has to stop where its own disk is wrong, and may try again otherwise.
    message.mutable_response()->set_error(ToPb(absl::IsDataLoss(taken)
                                                   ? kafka::ErrorCode::KAFKA_STORAGE_ERROR
                                                   : kafka::ErrorCode::INVALID_REGISTRATION));
    message.mutable_response()->set_error_message(std::string(taken.message()));
    connection_->Send(EncodeFrame(message));
  }

  ControllerServer& server_;
  const ConnectionId id_;
  std::shared_ptr<FramedConnection> connection_;
  int waiting_ = 0;
  bool is_controller_ = false;
  bool finishing_ = false;  // closes when all is sent; hears nothing more
};

ControllerServer::ControllerServer(Shard& shard, MetadataPublisher& publisher, Handler& handler)
    : shard_(shard), accept_shards_(shard), publisher_(publisher), handler_(handler) {}

ControllerServer::~ControllerServer() { Stop(); }

absl::Status ControllerServer::Listen(Transport& transport, const Endpoint& where) {
  auto listener = transport.Listen(where, {.max_frame_bytes = kMaxFrameBytes}, accept_shards_,
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

void ControllerServer::CloseClients() {
  for (const auto& [id, session] : sessions_) {
    if (!session->is_controller()) session->Finish();
  }
}

void ControllerServer::Accept(std::shared_ptr<FramedConnection> connection) {
  const ConnectionId id = next_id_++;
  auto session = std::make_shared<Session>(*this, id, std::move(connection));
  sessions_[id] = session;
  session->Start();
}

void ControllerServer::Subscribe(const pb::ControlRequest& request, ConnectionId connection,
                                 Reply reply) {
  const auto it = sessions_.find(connection);
  if (it == sessions_.end()) return;
  pb::ControlResponse response;
  response.set_correlation_id(request.correlation_id());
  const absl::Status subscribed = publisher_.Subscribe(connection, &it->second->connection(),
                                                       request.subscribe().next_offset());
  if (!subscribed.ok()) {
    response.set_error(ToPb(kafka::ErrorCode::OFFSET_OUT_OF_RANGE));
    response.set_error_message(std::string(subscribed.message()));
    return reply(response);
  }
  response.mutable_subscribe()->set_committed_end_offset(publisher_.committed_end_offset());
  reply(response);
  publisher_.OnDrained(connection);
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
  handler_.OnDisconnected(id);
}

}  // namespace soliton::controller
