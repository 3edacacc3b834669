#include "broker/server/request_timeouts.h"

#include <utility>

namespace soliton::broker {

namespace {

constexpr size_t kLinesKept = 16;

}  // namespace

RequestTimeouts::~RequestTimeouts() {
  for (auto& [timeout, line] : lines_) shard_.CancelTimer(line.timer);
}

RequestTimeouts::Place RequestTimeouts::Enter(Duration timeout,
                                              std::shared_ptr<TimedRequest> request) {
  Line& line = lines_.try_emplace(timeout, Line{.timeout = timeout}).first->second;
  Place place;
  place.line_ = &line;
  place.entry_ =
      line.entries.insert(line.entries.end(), {shard_.clock().Now() + timeout, std::move(request)});
  ++size_;
  if (line.timer == 0) Arm(line);
  return place;
}

void RequestTimeouts::Leave(Place& place) {
  if (!place.taken()) return;
  const Place left = std::exchange(place, Place());
  Line& line = *left.line_;
  // Destroyed last: it may be the last reference, and `place` be part of it.
  const auto request = std::move(left.entry_->request);
  line.entries.erase(left.entry_);
  --size_;
  if (line.entries.empty() && lines_.size() > kLinesKept) {
    shard_.CancelTimer(line.timer);
    lines_.erase(line.timeout);
  }
}

void RequestTimeouts::Arm(Line& line) {
  line.timer = shard_.ScheduleAt(line.entries.front().deadline,
                                 [this, timeout = line.timeout] { OnTimer(timeout); });
}

void RequestTimeouts::OnTimer(Duration timeout) {
  lines_.at(timeout).timer = 0;
  const MonotonicTime now = shard_.clock().Now();
  // One at a time: what it does may let others leave or enter, and the line go.
  while (const auto due = TakeDue(timeout, now)) due->OnTimeout();
  const auto found = lines_.find(timeout);
  if (found == lines_.end() || found->second.timer != 0) return;
  if (found->second.entries.empty()) {
    lines_.erase(found);
  } else {
    Arm(found->second);
  }
}

std::shared_ptr<TimedRequest> RequestTimeouts::TakeDue(Duration timeout, MonotonicTime now) {
  const auto found = lines_.find(timeout);
  if (found == lines_.end()) return nullptr;
  Entries& entries = found->second.entries;
  if (entries.empty() || entries.front().deadline > now) return nullptr;
  auto due = std::move(entries.front().request);
  entries.pop_front();
  --size_;
  return due;
}

}  // namespace soliton::broker
