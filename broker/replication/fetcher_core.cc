#include "broker/replication/fetcher_core.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace soliton::broker {
namespace {

// One parked and one that releases it.
constexpr int kMaxFetchesInFlight = 2;
// Answers of reports come after the parked fetch's, so a few may queue up while no data arrives.
constexpr int kMaxReportsInFlight = 16;
constexpr Duration kLongestPace = milliseconds(100);

}  // namespace

Duration PaceOf(size_t partitions) {
  // 0.1 ms for a hundred, 10 ms for a thousand.
  const auto square = static_cast<int64_t>(partitions) * static_cast<int64_t>(partitions);
  return std::min<Duration>(std::chrono::nanoseconds(10 * square), kLongestPace);
}

void FetcherCore::Add(const TopicPartition& id) {
  retry_at_[id] = MonotonicTime();
  uncovered_.insert(id);
}

void FetcherCore::Remove(const TopicPartition& id) {
  retry_at_.erase(id);
  uncovered_.erase(id);
  flushed_.erase(id);
}

std::vector<TopicPartition> FetcherCore::StartFetch(MonotonicTime now) {
  bool needed =
      fetches_in_flight_ == 0 || (!flushed_.empty() && reports_in_flight_ >= kMaxReportsInFlight);
  for (const TopicPartition& id : uncovered_) needed = needed || retry_at_.at(id) <= now;
  if (!needed || fetches_in_flight_ >= kMaxFetchesInFlight) return {};
  std::vector<TopicPartition> due;
  for (const auto& [id, retry_at] : retry_at_) {
    if (retry_at > now) continue;
    due.push_back(id);
    uncovered_.erase(id);
    flushed_.erase(id);  // this fetch says it
  }
  if (due.empty()) return due;
  ++fetches_in_flight_;
  if (first_)
    std::rotate(due.begin(), std::upper_bound(due.begin(), due.end(), *first_), due.end());
  first_ = due.front();
  return due;
}

void FetcherCore::OnFetchDone() {
  CHECK(fetches_in_flight_ > 0);
  --fetches_in_flight_;
}

void FetcherCore::Delay(const TopicPartition& id, MonotonicTime until) {
  auto found = retry_at_.find(id);
  if (found == retry_at_.end()) return;
  found->second = until;
  uncovered_.insert(id);
}

std::optional<MonotonicTime> FetcherCore::NextRetry() const {
  std::optional<MonotonicTime> next;
  for (const TopicPartition& id : uncovered_) {
    const MonotonicTime at = retry_at_.at(id);
    if (!next || at < *next) next = at;
  }
  return next;
}

void FetcherCore::OnFlushed(const TopicPartition& id) {
  if (retry_at_.contains(id)) flushed_.insert(id);
}

std::vector<TopicPartition> FetcherCore::StartReport() {
  if (flushed_.empty() || fetches_in_flight_ == 0 || reports_in_flight_ >= kMaxReportsInFlight) {
    return {};
  }
  std::vector<TopicPartition> report(flushed_.begin(), flushed_.end());
  flushed_.clear();
  ++reports_in_flight_;
  return report;
}

void FetcherCore::OnReportDone() {
  CHECK(reports_in_flight_ > 0);
  --reports_in_flight_;
}

void FetcherCore::OnDisconnected() {
  fetches_in_flight_ = 0;
  reports_in_flight_ = 0;
  for (const auto& [id, retry_at] : retry_at_) uncovered_.insert(id);
}

}  // namespace soliton::broker
