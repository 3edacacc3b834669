#include "controller/client/controller_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/client/control_channel.h"
#include "controller/client/controller_chooser.h"
#include "controller/client/leader_confirmations.h"
#include "controller/client/metadata_follower.h"
#include "controller/client/patient_calls.h"
#include "controller/client/reconnect_backoff.h"
#include "controller/client/request_conversion.h"
#include "controller/metadata/convert.h"
#include "runtime/loop/owner.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;

constexpr Duration kConnectTimeout = seconds(1);
constexpr Duration kShutdownHeartbeatInterval = milliseconds(50);
constexpr Duration kDuplicateRetryDelay = milliseconds(100);
// An election is over by then, even where it waits for a timeout.
constexpr Duration kAvoidLost = milliseconds(500);

class ControllerClientImpl final : public ControllerClient {
 public:
  ControllerClientImpl(const Ports& ports, Shard& shard, ControllerClientOptions options,
                       Events events)
      : owner_(shard),
        shard_(shard),
        options_(std::move(options)),
        events_(std::move(events)),
        cluster_id_(options_.cluster_id),
        life_(options_.first_life),
        chooser_(options_.controllers),
        channel_(*ports.transport, shard,
                 {.on_connected = [this](const absl::Status& status) { OnConnected(status); },
                  .on_closed = [this](const absl::Status& why) { OnClosed(why); },
                  .on_push = [this](const pb::MetadataPush& push) { OnPush(push); }}),
        patient_(shard, {.up = [this] { return registered_ && channel_.open(); },
                         .send =
                             [this](pb::ControlRequest request, Duration timeout,
                                    ControlChannel::ResponseHandler done) {
                               channel_.Call(std::move(request), timeout, std::move(done));
                             },
                         .last_asked = [this] { return endpoint_.ToString(); }}) {}

  ~ControllerClientImpl() override {
    for (const TimerId timer :
         {reconnect_timer_, register_timer_, heartbeat_timer_, ping_timer_, shutdown_timer_}) {
      shard_.CancelTimer(timer);
    }
  }

  void Start() override {
    owner_.AssertCurrent();
    Connect();
  }

  void SetReady() override {
    owner_.AssertCurrent();
    ready_ = true;
    SendHeartbeatSoon();
  }

  void SetStalled(bool stalled) override {
    owner_.AssertCurrent();
    stalled_ = stalled;
    SendHeartbeatSoon();
  }

  void SetLife(int64_t life) override { life_ = life; }

  void ConfirmLeader(Task confirmed) override {
    owner_.AssertCurrent();
    confirmations_.Add(std::move(confirmed));
    SendHeartbeatSoon();
  }

  void DeclareDataLoss(std::vector<TopicPartitionId> replicas) override {
    owner_.AssertCurrent();
    options_.incarnation_id = Uuid::Generate(shard_.random());
    // The disk is as it was in the incarnation that is registered, but for these.
    options_.previous_broker_epoch = broker_epoch_;
    options_.first_life = life_;
    options_.lost_replicas = std::move(replicas);
    channel_.Close(absl::AbortedError("registering anew after a loss of data"));
  }

  void ControlledShutdown(Duration timeout, absl::AnyInvocable<void()> done) override {
    owner_.AssertCurrent();
    shutdown_done_ = std::move(done);
    shutting_down_ = true;
    shutdown_timer_ = shard_.ScheduleAfter(timeout, [this] { FinishShutdown(); });
    SendHeartbeatSoon();
  }

  void AlterPartition(std::vector<IsrChangeRequest> changes,
                      Callback<std::vector<IsrChangeResult>> done) override {
    const size_t count = changes.size();
    Call(ToAlterPartition(options_.broker_id, broker_epoch_, changes), options_.request_timeout,
         [count, done = std::move(done)](absl::StatusOr<pb::ControlResponse> response) mutable {
           done(FromAlterPartition(response, count));
         });
  }

  void CreateTopics(std::vector<CreateTopicSpec> topics, bool validate_only, Duration timeout,
                    Callback<std::vector<TopicResult>> done) override {
    const size_t count = topics.size();
    Ask(ToCreateTopics(topics, validate_only), timeout, std::move(done),
        [count](const auto& response) { return FromTopics(response, count); });
  }

  void DeleteTopics(std::vector<DeleteTopicSpec> topics, Duration timeout,
                    Callback<std::vector<TopicResult>> done) override {
    const size_t count = topics.size();
    Ask(ToDeleteTopics(topics), timeout, std::move(done),
        [count](const auto& response) { return FromTopics(response, count); });
  }

  void CreatePartitions(std::vector<MorePartitionsSpec> topics, bool validate_only,
                        Duration timeout, Callback<std::vector<TopicResult>> done) override {
    const size_t count = topics.size();
    Ask(ToCreatePartitions(topics, validate_only), timeout, std::move(done),
        [count](const auto& response) { return FromTopics(response, count); });
  }

  void AlterConfigs(std::vector<ResourceChangeSpec> resources, bool validate_only, Duration timeout,
                    Callback<std::vector<ResourceResult>> done) override {
    const size_t count = resources.size();
    Ask(ToAlterConfigs(resources, validate_only), timeout, std::move(done),
        [count](const auto& response) { return FromAlterConfigs(response, count); });
  }

  void ElectLeaders(ElectionSpec election, Duration timeout,
                    Callback<std::vector<PartitionResult>> done) override {
    // Of all partitions, only those that need an election are answered.
    const auto count =
        election.partitions ? std::optional(election.partitions->size()) : std::nullopt;
    Ask(ToElectLeaders(election), timeout, std::move(done),
        [count](const auto& response) { return FromPartitions(response, count); });
  }

  void AlterReassignments(std::vector<ReassignmentSpec> partitions, bool keep_replication_factor,
                          Duration timeout, Callback<std::vector<PartitionResult>> done) override {
    const size_t count = partitions.size();
    Ask(ToAlterReassignments(partitions, keep_replication_factor), timeout, std::move(done),
        [count](const auto& response) { return FromPartitions(response, count); });
  }

  void UnregisterBroker(int32_t broker_id, Callback<WholeResult> done) override {
    pb::ControlRequest request;
    request.mutable_unregister_broker()->set_broker_id(broker_id);
    Ask(std::move(request), options_.request_timeout, std::move(done), FromWhole);
  }

  void ChangeVoter(const VoterChange& change, Duration timeout,
                   Callback<WholeResult> done) override {
    Ask(ToChangeVoters(change), timeout, std::move(done), FromWhole);
  }

  void DescribeQuorum(Callback<QuorumDescription> done) override {
    pb::ControlRequest request;
    request.mutable_describe_quorum();
    Ask(std::move(request), options_.request_timeout, std::move(done), FromDescribeQuorum);
  }

  void AllocateProducerIds(Callback<ProducerIdBlock> done) override {
    Ask(ToAllocateProducerIds(options_.broker_id, broker_epoch_), options_.request_timeout,
        std::move(done), FromAllocateProducerIds);
  }

  MetadataImagePtr image() const override { return follower_.image(); }
  int64_t broker_epoch() const override { return broker_epoch_; }
  Duration grace() const override { return grace_; }
  Duration session_timeout() const override { return session_timeout_; }
  const std::string& cluster_id() const override { return cluster_id_; }

 private:
  // ---- connection ----

  void Connect() {
    reconnect_timer_ = 0;
    endpoint_ = chooser_.Next(shard_.clock().Now());
    channel_.Connect(endpoint_, std::min<Duration>(kConnectTimeout, options_.request_timeout));
  }

  void ConnectLater(Duration delay) {
    if (refused_ || reconnect_timer_ != 0) return;
    reconnect_timer_ = shard_.ScheduleAfter(delay, [this] { Connect(); });
  }

  void OnConnected(const absl::Status& status) {
    if (status.ok()) {
      Ping();
      return Register();
    }
    LogDebug("broker {}: no controller: {}", options_.broker_id, std::string(status.message()));
    ConnectLater(backoff_.Next(shard_.random()));
  }

  void OnClosed(const absl::Status& why) {
    if (registered_) {
      chooser_.Avoid(endpoint_, shard_.clock().Now() + kAvoidLost);
      LogWarn("broker {}: lost the controller: {}", options_.broker_id, std::string(why.message()));
    }
    registered_ = false;
    confirmations_.OnLost();
    follower_.OnDisconnected();
    heartbeat_in_flight_ = false;
    shard_.CancelTimer(std::exchange(heartbeat_timer_, 0));
    shard_.CancelTimer(std::exchange(register_timer_, 0));
    shard_.CancelTimer(std::exchange(ping_timer_, 0));
    ConnectLater(chooser_.TrustsHint() ? Duration::zero() : backoff_.Next(shard_.random()));
  }

  // A controller that was stopped, or is cut off, keeps its connections.
  void Ping() {
    pb::ControlRequest request;
    request.mutable_ping();
    channel_.Call(std::move(request), options_.controller_silence_timeout,
                  [this](const absl::StatusOr<pb::ControlResponse>& response) {
                    if (!response.ok()) {
                      return channel_.Close(absl::UnavailableError("it does not answer"));
                    }
                    ping_timer_ = shard_.ScheduleAfter(options_.heartbeat_interval, [this] {
                      ping_timer_ = 0;
                      Ping();
                    });
                  });
  }

  // ---- registration ----

  // On every connection: the same incarnation keeps its epoch, so asking again costs a round trip
  // and tells at once whether this broker was replaced, and whether this is still its cluster.
  void Register() {
    channel_.Call(ToRegister(options_, cluster_id_), options_.request_timeout,
                  [this](absl::StatusOr<pb::ControlResponse> response) { OnRegistered(response); });
  }

  void OnRegistered(const absl::StatusOr<pb::ControlResponse>& response) {
    if (!response.ok()) return channel_.Close(response.status());
    switch (const ErrorCode error = ErrorFromPb(response->error())) {
      case ErrorCode::NONE:
        break;
      case ErrorCode::DUPLICATE_BROKER_REGISTRATION:
        return OnDuplicate(*response);
      case ErrorCode::INCONSISTENT_CLUSTER_ID:
      case ErrorCode::INVALID_REGISTRATION: {
        const std::string why =
            fmt::format("{}: {}", kafka::ErrorName(error), response->error_message());
        if (error == ErrorCode::INVALID_REGISTRATION || broker_epoch_ < 0) {
          return Refuse(absl::FailedPreconditionError(why));
        }
        // Where a controller of this cluster was there is another cluster now; the others are ours.
        LogError("broker {}: the controller at {}: {}", options_.broker_id, endpoint_.ToString(),
                 why);
        return channel_.Close(absl::UnavailableError(why));
      }
      case ErrorCode::NOT_CONTROLLER:
        if (response->has_leader()) {
          chooser_.Hint(
              {response->leader().host(), static_cast<uint16_t>(response->leader().port())});
        }
        return channel_.Close(absl::UnavailableError(response->error_message()));
      default:
        return channel_.Close(absl::UnavailableError(
            fmt::format("{}: {}", kafka::ErrorName(error), response->error_message())));
    }
    const pb::RegisterBrokerResponse& registration = response->register_broker();
    if (registration.controller_epoch() < controller_epoch_) {
      return channel_.Close(
          absl::UnavailableError("this controller was deposed and does not know"));
    }
    controller_epoch_ = registration.controller_epoch();
    backoff_.Reset();
    chooser_.Found();
    duplicate_since_.reset();
    registered_ = true;
    cluster_id_ = registration.cluster_id();
    grace_ = milliseconds(registration.grace_ms());
    if (!registration.warning().empty()) LogError("{}", registration.warning());
    session_timeout_ = milliseconds(registration.session_timeout_ms());
    const bool is_new =
        std::exchange(broker_epoch_, registration.broker_epoch()) != registration.broker_epoch();
    // Should a controller answer later that has never heard of it, it has lost its metadata.
    options_.previous_broker_epoch = broker_epoch_;
    Subscribe();
    SendHeartbeat();
    patient_.SendAll();
    if (is_new && events_.on_registered) events_.on_registered(broker_epoch_);
  }

  // The id is in use by a connected broker. That may be our own dead predecessor, not yet known to
  // be dead: wait as long as its session can last.
  void OnDuplicate(const pb::ControlResponse& response) {
    const MonotonicTime now = shard_.clock().Now();
    const Duration session = milliseconds(response.register_broker().session_timeout_ms());
    // A controller that was stopped for so long gives fresh sessions, to the dead one too.
    const bool was_stopped = now - last_duplicate_at_ > kDuplicateRetryDelay + session / 2;
    if (!duplicate_since_) {
      LogWarn("{}; waiting in case that it is this broker's predecessor, which has just died",
              response.error_message());
    }
    if (!duplicate_since_ || was_stopped) duplicate_since_ = now;
    last_duplicate_at_ = now;
    if (now - *duplicate_since_ > session + session / 2) {
      return Refuse(absl::AlreadyExistsError(response.error_message()));
    }
    shard_.CancelTimer(register_timer_);
    register_timer_ = shard_.ScheduleAfter(kDuplicateRetryDelay, [this] {
      register_timer_ = 0;
      if (channel_.open() && !registered_) Register();
    });
  }

  void Refuse(const absl::Status& why) {
    if (std::exchange(refused_, true)) return;
    LogError("broker {} is refused: {}", options_.broker_id, std::string(why.message()));
    channel_.Close(why);
    if (events_.on_refused) events_.on_refused(why);
  }

  // ---- metadata ----

  void Subscribe() {
    pb::ControlRequest request;
    request.mutable_subscribe()->set_next_offset(follower_.next_offset());
    channel_.Call(std::move(request), options_.request_timeout,
                  [this](absl::StatusOr<pb::ControlResponse> response) {
                    if (!response.ok()) return channel_.Close(response.status());
                    if (response->error() == 0) return;
                    // This broker has applied what the controller no longer knows.
                    Refuse(absl::DataLossError(fmt::format(
                        "the controller lost committed metadata: {}", response->error_message())));
                  });
  }

  void OnPush(const pb::MetadataPush& push) {
    auto update = follower_.OnPush(push);
    if (!update.ok()) return Refuse(update.status());
    if (!update->has_value()) return;
    const MetadataImagePtr image = (*update)->image;
    chooser_.SetVoters(image->voters);
    if (events_.on_image) events_.on_image(image, (*update)->delta);
    confirmations_.OnApplied(image->offset);
    // As soon as it may be unfenced, ask for it: every millisecond counts for a partition without
    // leader.
    const BrokerInfo* self = image->FindBroker(options_.broker_id);
    if (ready_ && self != nullptr && self->fenced && self->broker_epoch == broker_epoch_) {
      SendHeartbeatSoon();
    }
  }

  // ---- heartbeats ----

  void SendHeartbeatSoon() {
    if (heartbeat_in_flight_) {
      heartbeat_again_ = true;
    } else if (registered_) {
      SendHeartbeat();
    }
  }

  void SendHeartbeat() {
    shard_.CancelTimer(std::exchange(heartbeat_timer_, 0));
    heartbeat_in_flight_ = true;
    heartbeat_again_ = false;
    pb::ControlRequest request;
    pb::HeartbeatRequest* heartbeat = request.mutable_heartbeat();
    heartbeat->set_broker_id(options_.broker_id);
    heartbeat->set_broker_epoch(broker_epoch_);
    heartbeat->set_applied_offset(follower_.image()->offset);
    heartbeat->set_wants_unfence(ready_ && !shutting_down_);
    heartbeat->set_wants_shutdown(shutting_down_);
    heartbeat->set_stalled(stalled_);
    heartbeat->set_life(life_);
    heartbeat->set_confirm(confirmations_.OnSent());
    channel_.Call(std::move(request), options_.request_timeout,
                  [this](absl::StatusOr<pb::ControlResponse> response) { OnHeartbeat(response); });
  }

  void OnHeartbeat(const absl::StatusOr<pb::ControlResponse>& response) {
    heartbeat_in_flight_ = false;
    if (!response.ok()) return channel_.Close(response.status());
    const ErrorCode error = ErrorFromPb(response->error());
    if (error != ErrorCode::NONE) {
      LogWarn("broker {}: heartbeat refused: {}", options_.broker_id, kafka::ErrorName(error));
      registered_ = false;
      confirmations_.OnLost();
      const bool unknown =
          error == ErrorCode::STALE_BROKER_EPOCH || error == ErrorCode::BROKER_ID_NOT_REGISTERED;
      return unknown ? Register() : channel_.Close(absl::UnavailableError(kafka::ErrorName(error)));
    }
    confirmations_.OnAnswered(response->heartbeat().committed_end_offset(),
                              follower_.image()->offset);
    if (response->heartbeat().may_stop()) return FinishShutdown();
    if (heartbeat_again_) return SendHeartbeat();
    const Duration interval =
        shutting_down_ ? std::min<Duration>(kShutdownHeartbeatInterval, options_.heartbeat_interval)
                       : options_.heartbeat_interval;
    heartbeat_timer_ = shard_.ScheduleAfter(interval, [this] {
      heartbeat_timer_ = 0;
      if (registered_) SendHeartbeat();
    });
  }

  void FinishShutdown() {
    shard_.CancelTimer(std::exchange(shutdown_timer_, 0));
    if (shutdown_done_) std::exchange(shutdown_done_, nullptr)();
  }

  // Waits out elections. `read` makes of the response what `done` is told.
  template <typename Done, typename Read>
  void Ask(pb::ControlRequest request, Duration timeout, Done done, Read read) {
    patient_.Call(
        std::move(request), timeout,
        [read = std::move(read), done = std::move(done)](
            absl::StatusOr<pb::ControlResponse> response) mutable { done(read(response)); });
  }

  void Call(pb::ControlRequest request, Duration timeout, ControlChannel::ResponseHandler done) {
    owner_.AssertCurrent();
    if (!registered_ || !channel_.open()) {
      // Callbacks never run inside the call that they belong to.
      shard_.Post([alive = std::weak_ptr<bool>(alive_), done = std::move(done)]() mutable {
        if (!alive.expired()) done(absl::UnavailableError("no controller is reachable"));
      });
      return;
    }
    channel_.Call(std::move(request), timeout, std::move(done));
  }

  const Owner owner_;
  Shard& shard_;
  ControllerClientOptions options_;
  Events events_;
  std::string cluster_id_;
  int64_t broker_epoch_ = -1;
  int64_t life_ = 0;
  Duration grace_{};
  Duration session_timeout_{};
  LeaderConfirmations confirmations_;
  int32_t controller_epoch_ = 0;  // the highest seen
  bool registered_ = false;       // on the present connection
  bool refused_ = false;
  bool ready_ = false;
  bool stalled_ = false;
  bool shutting_down_ = false;
  bool heartbeat_in_flight_ = false;
  bool heartbeat_again_ = false;
  std::optional<MonotonicTime> duplicate_since_;
  MonotonicTime last_duplicate_at_{};
  absl::AnyInvocable<void()> shutdown_done_;
  ControllerChooser chooser_;
  Endpoint endpoint_;  // dialled last
  ReconnectBackoff backoff_;
  MetadataFollower follower_;
  TimerId reconnect_timer_ = 0;
  TimerId register_timer_ = 0;
  TimerId heartbeat_timer_ = 0;
  TimerId ping_timer_ = 0;
  TimerId shutdown_timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  ControlChannel channel_;
  PatientCalls patient_;
};

}  // namespace

std::unique_ptr<ControllerClient> ControllerClient::Create(const Ports& ports, Shard& shard,
                                                           ControllerClientOptions options,
                                                           Events events) {
  return std::make_unique<ControllerClientImpl>(ports, shard, std::move(options),
                                                std::move(events));
}

}  // namespace soliton::controller
