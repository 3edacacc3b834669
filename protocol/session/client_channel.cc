#include "protocol/session/client_channel.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "protocol/messages/api_versions.h"
#include "protocol/session/client_session_core.h"
#include "runtime/base/endian.h"
#include "runtime/loop/owner.h"

namespace soliton::kafka {
namespace {

constexpr int16_t kHandshakeMaxVersion = 4;
// Every frame begins with the correlation id, whatever the header version.
constexpr size_t kCorrelationIdBytes = 4;

ApiVersionTable TableOf(const ApiVersionsResponse& response) {
  ApiVersionTable table;
  for (const auto& api : response.api_keys) {
    table.Set(api.api_key, {api.min_version, api.max_version});
  }
  return table;
}

// The body of a refusal (UNSUPPORTED_VERSION) is always encoded in version 0, whatever was asked.
absl::StatusOr<ApiVersionsResponse> DecodeApiVersions(const Buffer& frame, int16_t version,
                                                      int32_t correlation_id) {
  constexpr size_t kErrorCodeAt = kCorrelationIdBytes;
  if (frame.size() >= kErrorCodeAt + 2 &&
      LoadBigEndian<int16_t>(frame.data() + kErrorCodeAt) ==
          static_cast<int16_t>(ErrorCode::UNSUPPORTED_VERSION)) {
    version = 0;
  }
  return DecodeResponse<ApiVersionsResponse>(frame, version, correlation_id);
}

}  // namespace

// Outlives the channel for a moment when the channel is destroyed inside a callback: the connection
// must not be destroyed from within its own call.
class ClientChannel::Link final : public ConnectionHandler,
                                  public std::enable_shared_from_this<Link> {
 public:
  Link(Shard& shard, Endpoint broker, ChannelOptions options)
      : owner_(shard),
        broker_(std::move(broker)),
        options_(std::move(options)),
        core_(kHandshakeMaxVersion) {}

  void Connect(Transport& transport) {
    transport.Connect(
        owner_.shard(), broker_, options_.connection, options_.connect_timeout,
        [weak = weak_from_this()](absl::StatusOr<std::shared_ptr<FramedConnection>> connection) {
          if (auto self = weak.lock()) self->OnConnected(std::move(connection));
        });
  }

  void OnFrame(Buffer frame) override {
    const auto self = shared_from_this();
    if (core_.state() == ClientSessionCore::State::kClosed) return;
    if (const absl::Status status = Take(std::move(frame)); !status.ok()) Shut(status);
  }
  void OnClosed(const absl::Status& why) override {
    const auto self = shared_from_this();
    Shut(absl::UnavailableError(
        fmt::format("connection to {} lost: {}", broker_.ToString(), std::string(why.message()))));
  }
  void OnDrained() override {
    const auto self = shared_from_this();
    if (on_drained_) on_drained_();
  }

  void Submit(Submission submission, Duration timeout);
  // Fails what is outstanding, from a task of its own, and closes. Later calls do nothing.
  void Shut(const absl::Status& why);
  // The channel is gone: nothing may be called back any more.
  void Abandon();

  Owner owner_;
  const Endpoint broker_;
  const ChannelOptions options_;
  ClientSessionCore core_;
  std::shared_ptr<FramedConnection> connection_;
  absl::AnyInvocable<void(absl::Status)> on_closed_;
  absl::AnyInvocable<void()> on_drained_;
  std::map<RequestToken, Submission> outstanding_;

 private:
  void OnConnected(absl::StatusOr<std::shared_ptr<FramedConnection>> connection);
  absl::Status Take(Buffer frame);
  absl::Status TakeHandshake(const Buffer& frame, const ClientSessionCore::Answered& answered,
                             int32_t correlation_id);
  void SendHandshake(const ClientSessionCore::Outgoing& out);
  void SendWaiting();
  // Runs the callback of `token` from a task of its own.
  void FailLater(RequestToken token, absl::Status why);
  void ArmTimer();
  void OnTimer();

  TimerId timer_ = 0;
  std::optional<MonotonicTime> timer_at_;
  bool abandoned_ = false;
};

void ClientChannel::Link::OnConnected(
    absl::StatusOr<std::shared_ptr<FramedConnection>> connection) {
  if (core_.state() == ClientSessionCore::State::kClosed) return;
  if (!connection.ok()) {
    Shut(connection.status());
    return;
  }
  connection_ = std::move(*connection);
  connection_->Start(this);
  SendHandshake(core_.OnConnected());
}

void ClientChannel::Link::SendHandshake(const ClientSessionCore::Outgoing& out) {
  ApiVersionsRequest request;
  request.client_software_name = options_.software_name;
  request.client_software_version = options_.software_version;
  const RequestHeader header{.api_key = ApiVersionsRequest::kApiKey,
                             .api_version = out.version,
                             .correlation_id = out.correlation_id,
                             .client_id = options_.client_id};
  connection_->Send(EncodeRequest(header, request));
}

void ClientChannel::Link::Submit(Submission submission, Duration timeout) {
  owner_.AssertCurrent();
  if (core_.state() == ClientSessionCore::State::kClosed) {
    owner_.shard().Post(
        [self = shared_from_this(), done = std::move(submission.done),
         why = fmt::format("connection to {} is closed", broker_.ToString())]() mutable {
          if (!self->abandoned_) (void)done(absl::UnavailableError(why));
        });
    return;
  }
  const MonotonicTime deadline = owner_.shard().clock().Now() + timeout;
  const RequestToken token =
      core_.Submit(submission.api_key, submission.versions, deadline, submission.expects_answer);
  outstanding_.emplace(token, std::move(submission));
  SendWaiting();
  if (!timer_at_.has_value() || deadline < *timer_at_) ArmTimer();
}

void ClientChannel::Link::SendWaiting() {
  while (true) {
    RequestToken rejected = 0;
    auto next = core_.NextToSend(&rejected);
    if (!next.ok()) {
      FailLater(rejected, next.status());
      continue;
    }
    if (!next->has_value()) return;
    const ClientSessionCore::Outgoing& out = **next;
    const auto it = outstanding_.find(out.token);
    CHECK(it != outstanding_.end());
    Submission& submission = it->second;
    connection_->Send(submission.encode({.api_key = submission.api_key,
                                         .api_version = out.version,
                                         .correlation_id = out.correlation_id,
                                         .client_id = options_.client_id}));
    submission.encode = nullptr;  // frees the request's memory
    if (!submission.expects_answer) FailLater(out.token, absl::OkStatus());
  }
}

void ClientChannel::Link::FailLater(RequestToken token, absl::Status why) {
  const auto it = outstanding_.find(token);
  CHECK(it != outstanding_.end());
  owner_.shard().Post([self = shared_from_this(), done = std::move(it->second.done),
                       why = std::move(why)]() mutable {
    if (self->abandoned_) return;
    (void)done(why.ok() ? absl::StatusOr<Answer>(Answer{}) : absl::StatusOr<Answer>(why));
  });
  outstanding_.erase(it);
}

absl::Status ClientChannel::Link::Take(Buffer frame) {
  if (frame.size() < kCorrelationIdBytes) {
    return absl::DataLossError(fmt::format("{} sent a frame of {} bytes, too short for an answer",
                                           broker_.ToString(), frame.size()));
  }
  const int32_t correlation_id = LoadBigEndian<int32_t>(frame.data());
  const absl::StatusOr<ClientSessionCore::Answered> answered = core_.OnAnswer(correlation_id);
  if (!answered.ok()) return answered.status();
  if (answered->is_handshake) return TakeHandshake(frame, *answered, correlation_id);
  const auto it = outstanding_.find(answered->token);
  CHECK(it != outstanding_.end());
  auto done = std::move(it->second.done);
  outstanding_.erase(it);
  return done(Answer{std::move(frame), answered->version, correlation_id});
}

absl::Status ClientChannel::Link::TakeHandshake(const Buffer& frame,
                                                const ClientSessionCore::Answered& answered,
                                                int32_t correlation_id) {
  const auto response = DecodeApiVersions(frame, answered.version, correlation_id);
  if (!response.ok()) return response.status();
  const auto step =
      core_.OnApiVersions(static_cast<ErrorCode>(response->error_code), TableOf(*response));
  if (!step.ok()) return step.status();
  if (*step == ClientSessionCore::Handshake::kAskAgain) {
    SendHandshake(core_.RepeatHandshake());
  } else {
    SendWaiting();
  }
  return absl::OkStatus();
}

void ClientChannel::Link::Shut(const absl::Status& why) {
  if (core_.state() == ClientSessionCore::State::kClosed) return;
  for (const RequestToken token : core_.Close()) FailLater(token, why);
  if (connection_) connection_->Close();
  if (timer_ != 0) owner_.shard().CancelTimer(timer_);
  timer_ = 0;
  owner_.shard().Post([self = shared_from_this(), why] {
    if (!self->abandoned_ && self->on_closed_) self->on_closed_(why);
  });
}

void ClientChannel::Link::Abandon() {
  abandoned_ = true;
  on_closed_ = nullptr;
  on_drained_ = nullptr;
  if (core_.state() != ClientSessionCore::State::kClosed) {
    core_.Close();
    if (connection_) connection_->Close();
  }
  outstanding_.clear();
  if (timer_ != 0) owner_.shard().CancelTimer(timer_);
  timer_ = 0;
}

void ClientChannel::Link::ArmTimer() {
  const std::optional<MonotonicTime> next = core_.NextDeadline();
  // A timer that fires too early only re-arms; one that exists and is early enough is left alone.
  if (!next.has_value() || (timer_ != 0 && *timer_at_ <= *next)) return;
  if (timer_ != 0) owner_.shard().CancelTimer(timer_);
  timer_at_ = *next;
  timer_ = owner_.shard().ScheduleAt(*next, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->OnTimer();
  });
}

void ClientChannel::Link::OnTimer() {
  timer_ = 0;
  timer_at_.reset();
  if (core_.state() == ClientSessionCore::State::kClosed) return;
  const ClientSessionCore::Expired expired = core_.Expire(owner_.shard().clock().Now());
  const absl::Status late =
      absl::DeadlineExceededError(fmt::format("no answer from {} in time", broker_.ToString()));
  for (const RequestToken token : expired.unsent) FailLater(token, late);
  if (expired.must_close) {
    Shut(late);
  } else {
    ArmTimer();
  }
}

ClientChannel::ClientChannel(Shard& shard, Transport& transport, const Endpoint& broker,
                             const ChannelOptions& options)
    : shard_(shard), link_(std::make_shared<Link>(shard, broker, options)) {
  link_->Connect(transport);
}

ClientChannel::~ClientChannel() {
  link_->Abandon();
  shard_.Post([link = std::move(link_)] {});
}

void ClientChannel::OnClosed(absl::AnyInvocable<void(absl::Status)> callback) {
  link_->on_closed_ = std::move(callback);
}
void ClientChannel::OnDrained(absl::AnyInvocable<void()> callback) {
  link_->on_drained_ = std::move(callback);
}
void ClientChannel::Submit(Submission submission, Duration timeout) {
  link_->Submit(std::move(submission), timeout);
}
void ClientChannel::Close(const absl::Status& why) { link_->Shut(why); }
bool ClientChannel::closed() const {
  return link_->core_.state() == ClientSessionCore::State::kClosed;
}
bool ClientChannel::ready() const {
  return link_->core_.state() == ClientSessionCore::State::kReady;
}
const ApiVersionTable& ClientChannel::peer_versions() const { return link_->core_.peer_versions(); }
int64_t ClientChannel::unsent_bytes() const {
  return link_->connection_ ? link_->connection_->unsent_bytes() : 0;
}
size_t ClientChannel::outstanding() const { return link_->outstanding_.size(); }
const Endpoint& ClientChannel::broker() const { return link_->broker_; }

}  // namespace soliton::kafka
