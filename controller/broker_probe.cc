#include "controller/broker_probe.h"

#include <utility>

#include "protocol/messages/api_versions.h"
#include "protocol/wire/message_frame.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

constexpr int kMaxDials = 10;
constexpr Duration kRedialDelay = milliseconds(10);
constexpr int64_t kMaxAnswerBytes = 64 << 10;

BufferChain Question() {
  return kafka::EncodeRequest(
      {.api_key = kafka::ApiVersionsRequest::kApiKey, .api_version = 0, .client_id = "controller"},
      kafka::ApiVersionsRequest{});
}

}  // namespace

// One broker being probed. Lives in attempts_ until it knows, callbacks hold weak pointers.
class BrokerProbe::Attempt : public ConnectionHandler,
                             public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(BrokerProbe& probe, BrokerIncarnation broker, Endpoint endpoint)
      : probe_(probe),
        broker_(broker),
        endpoint_(std::move(endpoint)),
        asked_at_(probe.shard_.clock().Now()) {}
  ~Attempt() override {
    probe_.shard_.CancelTimer(timer_);
    probe_.shard_.CancelTimer(redial_);
  }

  void Begin() {
    timer_ = probe_.shard_.ScheduleAfter(probe_.timeout_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->OnTimeout();
    });
    Dial();
  }

  void OnFrame(Buffer) override { answered_ = true; }
  void OnClosed(const absl::Status&) override {
    if (finished_) return;
    answered_ = false;
    if (dials_ >= kMaxDials) return Finish();
    redial_ = probe_.shard_.ScheduleAfter(kRedialDelay, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Dial();
    });
  }

 private:
  void Dial() {
    ++dials_;
    probe_.transport_.Connect(
        probe_.shard_, endpoint_, {.max_frame_bytes = kMaxAnswerBytes}, probe_.timeout_,
        [weak = weak_from_this()](absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
          if (const auto self = weak.lock()) self->OnDialled(std::move(connected));
        });
  }

  void OnDialled(absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
    if (finished_) return;
    if (connected.ok()) {
      connection_ = *std::move(connected);
      connection_->Start(this);
      return connection_->Send(Question());
    }
    if (!absl::IsUnavailable(connected.status())) return;  // the timer ends it
    probe_.events_.on_dead(broker_);
    Finish();
  }

  void OnTimeout() {
    if (finished_) return;
    if (!answered_) {
      LogInfo("broker {} at {} does not answer", broker_.broker_id, endpoint_.ToString());
      probe_.events_.on_silent(broker_, asked_at_);
    }
    Finish();
  }

  // Out of the callback that led here, which may run inside the connection.
  void Finish() {
    if (std::exchange(finished_, true)) return;
    probe_.shard_.Post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->probe_.Finish(self->broker_);
    });
  }

  BrokerProbe& probe_;
  const BrokerIncarnation broker_;
  const Endpoint endpoint_;
  const MonotonicTime asked_at_;
  std::shared_ptr<FramedConnection> connection_;
  TimerId timer_ = 0;
  TimerId redial_ = 0;
  int dials_ = 0;
  bool answered_ = false;
  bool finished_ = false;
};

BrokerProbe::BrokerProbe(Transport& transport, Shard& shard, Duration timeout, Events events)
    : transport_(transport), shard_(shard), timeout_(timeout), events_(std::move(events)) {}

BrokerProbe::~BrokerProbe() = default;

void BrokerProbe::Start(const BrokerIncarnation& broker, const Endpoint& endpoint) {
  const auto [attempt, is_new] = attempts_.try_emplace(broker);
  if (!is_new) return;
  attempt->second = std::make_shared<Attempt>(*this, broker, endpoint);
  attempt->second->Begin();
}

void BrokerProbe::Finish(const BrokerIncarnation& broker) { attempts_.erase(broker); }

}  // namespace soliton::controller
