// How a broker stops: leadership moves first, then the clients, then the logs are closed; the mark
// of a clean stop comes last, when everything is whole.
#include "broker/broker_impl.h"
#include "runtime/base/check.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {
namespace {

// For what clients have under way when this broker stops.
constexpr Duration kLettingGoPatience = milliseconds(100);

}  // namespace

void BrokerImpl::Stop(absl::AnyInvocable<void(absl::Status)> done) {
  CHECK(!stopping_, "stopped twice");
  stopping_ = true;
  shard().CancelTimer(checkpoint_timer_);
  auto close = [this, done = std::move(done)]() mutable {
    if (!opened_) return CloseAll(std::move(done));
    WriteHighWatermarks([this, done = std::move(done)]() mutable { CloseAll(std::move(done)); });
  };
  // One that never served has nothing to hand over, and perhaps nobody to ask.
  if (!serving_) return close();
  LogInfo("stopping: handing leadership over");
  controller_->ControlledShutdown(
      context_.options.controlled_shutdown_timeout,
      [this, close = std::move(close)]() mutable { LetConnectionsGo(std::move(close)); });
}

void BrokerImpl::LetConnectionsGo(Task done) {
  listener_.reset();
  auto missing = std::make_shared<size_t>(shards_.size());
  auto finish = std::make_shared<Task>(std::move(done));
  for (auto& owned : shards_) {
    owned->shard().Post([this, owned = owned.get(), missing, finish] {
      owned->LetConnectionsGo(kLettingGoPatience, [this, missing, finish] {
        shard().Post([missing, finish] {
          if (--*missing == 0) (*finish)();
        });
      });
    });
  }
}

void BrokerImpl::CloseAll(absl::AnyInvocable<void(absl::Status)> done) {
  LogInfo("stopping: closing the logs");
  listener_.reset();
  struct Closing {
    size_t missing;
    absl::Status first;
    bool whole;
    absl::AnyInvocable<void(absl::Status)> done;
  };
  auto closing = std::make_shared<Closing>(Closing{shards_.size(), {}, true, std::move(done)});
  // Shard 0.
  auto on_closed = [this, closing](const absl::Status& status, bool whole) {
    if (closing->first.ok()) closing->first = status;
    closing->whole &= whole;
    if (--closing->missing > 0) return;
    if (!closing->first.ok() || !closing->whole) {
      LogWarn("stopped without the mark of a clean stop: the next start checks the logs");
      return closing->done(closing->first);
    }
    auto marked = std::make_shared<absl::Status>();
    context_.ports.disk->Submit(
        0, shard(),
        [marked, directory = directory_.get(), epoch = held_epoch_] {
          *marked = directory->MarkClean(epoch);
        },
        [marked, closing] { closing->done(*marked); });
  };
  for (auto& owned : shards_) {
    owned->shard().Post([this, owned = owned.get(), on_closed] {
      owned->CloseConnections();
      owned->partitions().CloseAll([this, owned, on_closed](absl::Status status) {
        shard().Post([on_closed, status, whole = owned->partitions().AllWhole()] {
          on_closed(status, whole);
        });
      });
    });
  }
}

}  // namespace soliton::broker
