#include "broker/data_path_watch.h"

#include <utility>

namespace soliton::broker {

DataPathWatch::DataPathWatch(Shard& shard, Options options,
                             std::function<void(absl::AnyInvocable<void(OldestFlush)>)> ask,
                             std::function<void(bool)> on_change)
    : shard_(shard), options_(options), ask_(std::move(ask)), on_change_(std::move(on_change)) {}

DataPathWatch::~DataPathWatch() { shard_.CancelTimer(timer_); }

void DataPathWatch::Start() { Look(); }

void DataPathWatch::Look() {
  timer_ = shard_.ScheduleAfter(options_.interval, [this] { Look(); });
  const MonotonicTime now = shard_.clock().Now();
  if (asked_at_) return Judge(now - *asked_at_);
  asked_at_ = now;
  ask_([this, alive = std::weak_ptr<bool>(alive_)](OldestFlush oldest) {
    if (!alive.expired()) OnAnswer(oldest);
  });
}

void DataPathWatch::OnAnswer(OldestFlush oldest) {
  const MonotonicTime now = shard_.clock().Now();
  asked_at_.reset();
  Judge(oldest ? now - *oldest : Duration::zero());
}

void DataPathWatch::Judge(Duration waited) {
  const bool moves = waited <= options_.stall_timeout;
  if (std::exchange(moves_, moves) != moves) on_change_(moves);
}

}  // namespace soliton::broker
