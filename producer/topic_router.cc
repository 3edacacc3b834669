#include "producer/topic_router.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "producer/produce_status.h"

namespace soliton::producer {
namespace {

using kafka::ErrorCode;

int64_t SizeOf(const ProducerRecord& record) {
  int64_t size = 0;
  if (record.key.has_value()) size += static_cast<int64_t>(record.key->size());
  if (record.value.has_value()) size += static_cast<int64_t>(record.value->size());
  return size;
}

// A topic that does not exist yet may still be created by somebody.
bool IsFinal(ErrorCode error) { return error != ErrorCode::NONE && !kafka::IsRetriable(error); }

}  // namespace

bool TopicRouter::AddTopic(const std::string& topic) {
  return topics_.try_emplace(topic, Topic{.sticky = StickyPartition(options_.stick_bytes)}).second;
}

absl::StatusOr<std::optional<int32_t>> TopicRouter::Route(const ProducerRecord& record) {
  Topic& topic = topics_.find(record.topic)->second;
  if (topic.partition_count == 0 || !topic.parked.empty()) return std::nullopt;
  if (record.partition.has_value()) {
    if (*record.partition < 0) {
      return absl::InvalidArgumentError(
          fmt::format("topic '{}' has no partition {}", record.topic, *record.partition));
    }
    if (*record.partition >= topic.partition_count) return std::nullopt;
    // The metadata may be newer than the last TakeRoutable: nothing overtakes what waits.
    const bool has_waiting = std::any_of(
        topic.beyond.begin(), topic.beyond.end(),
        [&](const PendingRecord& pending) { return pending.record.partition == record.partition; });
    if (has_waiting) return std::nullopt;
    return record.partition;
  }
  if (record.key.has_value()) return PartitionOfKey(*record.key, topic.partition_count);
  return topic.sticky.Choose(topic.available, topic.partition_count, SizeOf(record), random_);
}

void TopicRouter::Park(PendingRecord pending) {
  Topic& topic = topics_.find(pending.record.topic)->second;
  const bool known = topic.partition_count > 0 && topic.parked.empty();
  (known ? topic.beyond : topic.parked).push_back(std::move(pending));
}

void TopicRouter::Update(const kafka::MetadataCache& cache) {
  for (auto& [name, topic] : topics_) {
    const kafka::TopicState* state = cache.Find(name);
    if (state == nullptr) continue;
    topic.error = state->error;
    if (state->partitions.empty()) continue;
    topic.partition_count = state->partition_count();
    topic.available.clear();
    for (const auto& [index, partition] : state->partitions) {
      if (partition.leader.leader_id >= 0) topic.available.push_back(index);
    }
  }
}

bool TopicRouter::wants_refresh() const {
  return std::any_of(topics_.begin(), topics_.end(),
                     [](const auto& entry) { return !entry.second.beyond.empty(); });
}

std::vector<PendingRecord> TopicRouter::TakeRoutable() {
  std::vector<PendingRecord> routable;
  for (auto& [name, topic] : topics_) {
    if (topic.partition_count == 0) continue;
    for (PendingRecord& pending : topic.parked) routable.push_back(std::move(pending));
    topic.parked.clear();
    std::deque<PendingRecord> still_beyond;
    for (PendingRecord& pending : topic.beyond) {
      const bool known = *pending.record.partition < topic.partition_count;
      if (known) {
        routable.push_back(std::move(pending));
      } else {
        still_beyond.push_back(std::move(pending));
      }
    }
    topic.beyond = std::move(still_beyond);
  }
  return routable;
}

std::vector<std::pair<PendingRecord, absl::Status>> TopicRouter::TakeFailed(
    MonotonicTime sent_before, Duration waited) {
  std::vector<std::pair<PendingRecord, absl::Status>> failed;
  for (auto& [name, topic] : topics_) {
    while (!topic.parked.empty()) {
      const bool is_final = IsFinal(topic.error);
      if (!is_final && topic.parked.front().sent_at > sent_before) break;
      absl::Status why = StatusOfError(topic.error);
      if (topic.error == ErrorCode::NONE) {
        why = absl::DeadlineExceededError(
            fmt::format("no broker told about topic '{}' within {} ms", name,
                        std::chrono::duration_cast<milliseconds>(waited).count()));
      }
      failed.emplace_back(std::move(topic.parked.front()), std::move(why));
      topic.parked.pop_front();
    }
    while (!topic.beyond.empty() && topic.beyond.front().sent_at <= sent_before) {
      absl::Status why = absl::InvalidArgumentError(
          fmt::format("topic '{}' has no partition {}: it has {}, and got no more within {} ms",
                      name, *topic.beyond.front().record.partition, topic.partition_count,
                      std::chrono::duration_cast<milliseconds>(waited).count()));
      failed.emplace_back(std::move(topic.beyond.front()), std::move(why));
      topic.beyond.pop_front();
    }
  }
  return failed;
}

std::optional<MonotonicTime> TopicRouter::OldestParked() const {
  std::optional<MonotonicTime> oldest;
  for (const auto& [name, topic] : topics_) {
    for (const std::deque<PendingRecord>* waiting : {&topic.parked, &topic.beyond}) {
      if (waiting->empty()) continue;
      const MonotonicTime at = waiting->front().sent_at;
      if (!oldest.has_value() || at < *oldest) oldest = at;
    }
  }
  return oldest;
}

}  // namespace soliton::producer
