#include "controller/broker_probe.h"

#include <utility>

#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

constexpr int kMaxDials = 10;
constexpr Duration kRedialDelay = milliseconds(10);
constexpr int64_t kMaxProbeFrameBytes = 1024;  // nothing is expected

}  // namespace

// One broker being probed. Lives in attempts_ until it knows, callbacks hold weak pointers.
class BrokerProbe::Attempt : public ConnectionHandler,
                             public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(BrokerProbe& probe, uint64_t id, BrokerIncarnation broker, Endpoint endpoint)
      : probe_(probe), id_(id), broker_(broker), endpoint_(std::move(endpoint)) {}
  ~Attempt() override { probe_.shard_.CancelTimer(timer_); }

  void Dial() {
    ++dials_;
    probe_.transport_.Connect(
        probe_.shard_, endpoint_, {.max_frame_bytes = kMaxProbeFrameBytes}, probe_.timeout_,
        [weak = weak_from_this()](absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
          if (const auto self = weak.lock()) self->OnDialled(std::move(connected));
        });
  }

  void OnFrame(Buffer) override {}
  void OnClosed(const absl::Status&) override {
    if (finished_) return;
    probe_.shard_.CancelTimer(timer_);
    if (dials_ >= kMaxDials) return Finish();
    timer_ = probe_.shard_.ScheduleAfter(kRedialDelay, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Dial();
    });
  }

 private:
  void OnDialled(absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
    if (!connected.ok()) {
      if (absl::IsUnavailable(connected.status())) {
        probe_.on_dead_(broker_);
      } else {
        LogInfo("broker {} at {} does not answer ({}): its session decides", broker_.broker_id,
                endpoint_.ToString(), std::string(connected.status().message()));
      }
      return Finish();
    }
    connection_ = *std::move(connected);
    connection_->Start(this);
    timer_ = probe_.shard_.ScheduleAfter(probe_.timeout_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Finish();
    });
  }

  // Out of the callback that led here, which may run inside the connection.
  void Finish() {
    if (std::exchange(finished_, true)) return;
    probe_.shard_.Post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->probe_.Finish(self->id_);
    });
  }

  BrokerProbe& probe_;
  const uint64_t id_;
  const BrokerIncarnation broker_;
  const Endpoint endpoint_;
  std::shared_ptr<FramedConnection> connection_;
  TimerId timer_ = 0;
  int dials_ = 0;
  bool finished_ = false;
};

BrokerProbe::BrokerProbe(Transport& transport, Shard& shard, Duration timeout, DeadHandler on_dead)
    : transport_(transport), shard_(shard), timeout_(timeout), on_dead_(std::move(on_dead)) {}

BrokerProbe::~BrokerProbe() = default;

void BrokerProbe::Start(const BrokerIncarnation& broker, const Endpoint& endpoint) {
  const uint64_t id = next_id_++;
  auto attempt = std::make_shared<Attempt>(*this, id, broker, endpoint);
  attempts_[id] = attempt;
  attempt->Dial();
}

void BrokerProbe::Finish(uint64_t id) { attempts_.erase(id); }

}  // namespace soliton::controller
