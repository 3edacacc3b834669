#include "producer/topic_router.h"

#include <fmt/format.h>

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
    if (*record.partition >= 0 && *record.partition < topic.partition_count) {
      return record.partition;
    }
    return absl::InvalidArgumentError(fmt::format("topic '{}' has no partition {}: it has {}",
                                                  record.topic, *record.partition,
                                                  topic.partition_count));
  }
  if (record.key.has_value()) return PartitionOfKey(*record.key, topic.partition_count);
  return topic.sticky.Choose(topic.available, topic.partition_count, SizeOf(record), random_);
}

void TopicRouter::Park(PendingRecord pending) {
  topics_.find(pending.record.topic)->second.parked.push_back(std::move(pending));
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

std::vector<PendingRecord> TopicRouter::TakeRoutable() {
  std::vector<PendingRecord> routable;
  for (auto& [name, topic] : topics_) {
    if (topic.partition_count == 0) continue;
    for (PendingRecord& pending : topic.parked) routable.push_back(std::move(pending));
    topic.parked.clear();
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
  }
  return failed;
}

std::optional<MonotonicTime> TopicRouter::OldestParked() const {
  std::optional<MonotonicTime> oldest;
  for (const auto& [name, topic] : topics_) {
    if (topic.parked.empty()) continue;
    const MonotonicTime at = topic.parked.front().sent_at;
    if (!oldest.has_value() || at < *oldest) oldest = at;
  }
  return oldest;
}

}  // namespace soliton::producer
