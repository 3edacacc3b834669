#include "controller/client/patient_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

constexpr Duration kPatience = seconds(5);
constexpr Duration kLookInterval = milliseconds(50);
constexpr size_t kMostWaiting = 1000;

}  // namespace

void PatientCalls::Call(pb::ControlRequest request, Duration timeout,
                        ControlChannel::ResponseHandler done) {
  const MonotonicTime now = shard_.clock().Now();
  Waiting call{.request = std::move(request),
               .deadline = now + timeout,
               .patient_until = now + std::min<Duration>(timeout, kPatience),
               .done = std::move(done)};
  if (line_.up()) return Send(std::move(call));
  Wait(std::move(call));
}

void PatientCalls::Send(Waiting call) {
  const Duration left = call.deadline - shard_.clock().Now();
  auto shared = std::make_shared<Waiting>(std::move(call));
  line_.send(shared->request, left, [this, shared](absl::StatusOr<pb::ControlResponse> response) {
    const bool leads_no_more =
        response.ok() && ErrorFromPb(response->error()) == kafka::ErrorCode::NOT_CONTROLLER;
    if (leads_no_more) return Wait(std::move(*shared));
    shared->done(std::move(response));
  });
}

void PatientCalls::Wait(Waiting call) {
  if (waiting_.size() >= kMostWaiting) call.patient_until = shard_.clock().Now();
  waiting_.push_back(std::move(call));
  if (timer_ == 0) Schedule();
}

void PatientCalls::Schedule() {
  timer_ = shard_.ScheduleAfter(kLookInterval, [this] {
    timer_ = 0;
    Look();
  });
}

void PatientCalls::Look() {
  const MonotonicTime now = shard_.clock().Now();
  std::vector<Waiting> over;
  for (Waiting& call : std::exchange(waiting_, {})) {
    (call.patient_until <= now ? over : waiting_).push_back(std::move(call));
  }
  if (line_.up()) SendAll();
  if (!waiting_.empty() && timer_ == 0) Schedule();
  for (Waiting& call : over) {
    call.done(absl::UnavailableError(
        fmt::format("no controller leads the cluster; asked last: {}", line_.last_asked())));
  }
}

void PatientCalls::SendAll() {
  for (Waiting& call : std::exchange(waiting_, {})) Send(std::move(call));
}

}  // namespace soliton::controller
