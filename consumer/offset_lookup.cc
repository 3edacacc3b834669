#include "consumer/offset_lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace soliton::consumer {
namespace {

using kafka::ErrorCode;

constexpr Duration kFirstPause = milliseconds(20);
constexpr Duration kLongestPause = milliseconds(500);

std::string Describe(ErrorCode error) {
  return fmt::format("{} ({})", kafka::ErrorName(error), static_cast<int>(error));
}

absl::Status Refusal(ErrorCode error, const TopicPartition& where) {
  const std::string text = fmt::format("{}: {}-{}", Describe(error), where.topic, where.partition);
  if (error == ErrorCode::TOPIC_AUTHORIZATION_FAILED) return absl::PermissionDeniedError(text);
  return absl::AbortedError(text);
}

}  // namespace

OffsetLookup::OffsetLookup(kafka::ClusterClient& cluster, bool read_committed)
    : cluster_(cluster), read_committed_(read_committed) {
  cluster_.OnMetadata([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && !queries_.empty()) SchedulePump();
  });
}

OffsetLookup::~OffsetLookup() {
  if (timer_ != 0) cluster_.shard().CancelTimer(timer_);
}

void OffsetLookup::Find(const TopicPartition& where, int64_t timestamp_ms, Duration timeout,
                        Callback done) {
  Query& query = queries_[next_query_++];
  query.where = where;
  query.timestamp_ms = timestamp_ms;
  query.deadline = cluster_.shard().clock().Now() + timeout;
  query.done = std::move(done);
  cluster_.Watch(where.topic);
  SchedulePump();
}

void OffsetLookup::SchedulePump() {
  if (std::exchange(pump_scheduled_, true)) return;
  cluster_.shard().Post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    pump_scheduled_ = false;
    Pump();
  });
}

void OffsetLookup::Pump() {
  const std::weak_ptr<int> alive = alive_;
  const MonotonicTime now = cluster_.shard().clock().Now();
  ExpireQueries(now);
  if (alive.expired()) return;
  std::map<int32_t, std::vector<QueryId>> by_broker;
  for (auto& [id, query] : queries_) {
    if (query.in_flight || query.paused_until > now) continue;
    const kafka::PartitionLeader leader =
        cluster_.metadata().LeaderOf(query.where.topic, query.where.partition);
    if (leader.leader_id < 0) continue;  // the next metadata comes back here
    query.in_flight = true;
    by_broker[leader.leader_id].push_back(id);
  }
  for (const auto& [broker, ids] : by_broker) Ask(broker, ids);
  ArmTimer(now);
}

void OffsetLookup::ExpireQueries(MonotonicTime now) {
  const std::weak_ptr<int> alive = alive_;
  std::vector<std::pair<QueryId, absl::Status>> ended;
  for (const auto& [id, query] : queries_) {
    const kafka::TopicState* topic = cluster_.metadata().Find(query.where.topic);
    if (topic != nullptr && topic->error != ErrorCode::NONE && !kafka::IsRetriable(topic->error)) {
      ended.emplace_back(id, Refusal(topic->error, query.where));
    } else if (query.deadline <= now) {
      const bool missing = topic != nullptr && topic->partitions.count(query.where.partition) == 0;
      const std::string text = fmt::format(
          "no offset for {}-{} in time, {}", query.where.topic, query.where.partition,
          query.last_error.empty() ? std::string("no leader answered") : query.last_error);
      ended.emplace_back(id,
                         missing ? absl::NotFoundError(text) : absl::DeadlineExceededError(text));
    }
  }
  for (const auto& [id, why] : ended) {
    End(id, why);
    if (alive.expired()) return;
  }
}

void OffsetLookup::Ask(int32_t broker_id, const std::vector<QueryId>& ids) {
  kafka::ListOffsetsRequest request;
  request.replica_id = -1;
  request.isolation_level = read_committed_ ? 1 : 0;
  // One question per partition and request: brokers refuse a partition that is named twice.
  std::vector<QueryId> asked;
  std::map<std::string, std::map<int32_t, const Query*>> topics;
  for (const QueryId id : ids) {
    Query& query = queries_.at(id);
    if (topics[query.where.topic].emplace(query.where.partition, &query).second) {
      asked.push_back(id);
    } else {
      query.in_flight = false;
      SchedulePump();
    }
  }
  for (const auto& [name, partitions] : topics) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    for (const auto& [index, query] : partitions) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = index;
      partition.timestamp = query->timestamp_ms;
      partition.current_leader_epoch = cluster_.metadata().LeaderOf(name, index).leader_epoch;
    }
  }
  cluster_.Send(broker_id, std::move(request), cluster_.options().request_timeout,
                [this, asked, alive = std::weak_ptr(alive_)](
                    absl::StatusOr<kafka::ListOffsetsResponse> response) {
                  if (!alive.expired()) OnResponse(asked, std::move(response));
                });
}

void OffsetLookup::OnResponse(const std::vector<QueryId>& ids,
                              absl::StatusOr<kafka::ListOffsetsResponse> response) {
  const std::weak_ptr<int> alive = alive_;
  std::map<TopicPartition, QueryId> waiting;
  for (const QueryId id : ids) {
    const auto it = queries_.find(id);
    if (it == queries_.end()) continue;
    it->second.in_flight = false;
    waiting[it->second.where] = id;
  }
  if (response.ok()) {
    for (const auto& topic : response->topics) {
      for (const auto& partition : topic.partitions) {
        const auto it = waiting.find({topic.name, partition.partition_index});
        if (it == waiting.end()) continue;
        const QueryId id = it->second;
        waiting.erase(it);
        OnPartition(id, partition);
        if (alive.expired()) return;
      }
    }
  }
  for (const auto& [where, id] : waiting) {
    if (absl::IsUnimplemented(response.status())) {
      End(id, response.status());
      if (alive.expired()) return;
    } else {
      Retry(id, response.ok() ? "no answer" : std::string(response.status().message()), true);
    }
  }
  Pump();
}

void OffsetLookup::OnPartition(
    QueryId id, const kafka::ListOffsetsResponse::ListOffsetsPartitionResponse& answer) {
  const ErrorCode error = answer.error_code;
  if (error == ErrorCode::NONE) {
    End(id, FoundOffset{answer.offset, answer.timestamp, answer.leader_epoch});
  } else if (kafka::IsRetriable(error) || error == ErrorCode::UNKNOWN_SERVER_ERROR) {
    Retry(id, Describe(error), error != ErrorCode::OFFSET_NOT_AVAILABLE);
  } else {
    End(id, Refusal(error, queries_.at(id).where));
  }
}

void OffsetLookup::Retry(QueryId id, std::string why, bool refresh) {
  Query& query = queries_.at(id);
  query.last_error = std::move(why);
  const Duration pause =
      std::min(kLongestPause, kFirstPause * (int64_t{1} << std::min(query.failures++, 10)));
  query.paused_until = cluster_.shard().clock().Now() + pause;
  if (refresh) cluster_.RequestRefresh();
}

void OffsetLookup::End(QueryId id, const absl::StatusOr<FoundOffset>& result) {
  const auto it = queries_.find(id);
  Callback done = std::move(it->second.done);
  queries_.erase(it);
  done(result);
}

void OffsetLookup::ArmTimer(MonotonicTime now) {
  if (timer_ != 0) cluster_.shard().CancelTimer(timer_);
  timer_ = 0;
  std::optional<MonotonicTime> next;
  for (const auto& [id, query] : queries_) {
    MonotonicTime at = query.deadline;
    if (!query.in_flight && query.paused_until > now) at = std::min(at, query.paused_until);
    if (!next.has_value() || at < *next) next = at;
  }
  if (!next.has_value()) return;
  timer_ = cluster_.shard().ScheduleAt(*next, [this] {
    timer_ = 0;
    Pump();
  });
}

}  // namespace soliton::consumer
