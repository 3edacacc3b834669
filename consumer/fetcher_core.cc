#include "consumer/fetcher_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace soliton::consumer {
namespace {

using kafka::ErrorCode;

// The largest batch that any reader must be able to take.
constexpr int64_t kMaxPartitionBytes = 512 * 1024 * 1024;

bool NeedsRefresh(ErrorCode error) {
  switch (error) {
    case ErrorCode::OFFSET_NOT_AVAILABLE:
    case ErrorCode::CORRUPT_MESSAGE:
    case ErrorCode::THROTTLING_QUOTA_EXCEEDED:
      return false;
    default:
      return true;
  }
}

absl::StatusCode CodeOf(ErrorCode error) {
  switch (error) {
    case ErrorCode::TOPIC_AUTHORIZATION_FAILED:
    case ErrorCode::CLUSTER_AUTHORIZATION_FAILED:
      return absl::StatusCode::kPermissionDenied;
    case ErrorCode::UNSUPPORTED_VERSION:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::StatusCode::kAborted;
  }
}

}  // namespace

FetcherCore::FetcherCore(const FetcherOptions& options, uint64_t seed)
    : options_(options), random_(seed) {}

PartitionIndex FetcherCore::AddPartition() {
  partitions_.emplace_back().max_bytes = options_.partition_max_bytes;
  return static_cast<PartitionIndex>(partitions_.size() - 1);
}

void FetcherCore::RemovePartition(PartitionIndex partition) {
  At(partition) = {.state = State::kRemoved};
}

void FetcherCore::SetLeader(PartitionIndex index, kafka::PartitionLeader leader, MonotonicTime) {
  Partition& partition = At(index);
  if (leader == partition.leader) return;
  partition.preferred = -1;  // the new one may know better
  const bool elsewhere = leader.leader_id != partition.leader.leader_id;
  partition.leader = leader;
  partition.paused_until = {};
  partition.failures = 0;
  if (elsewhere) partition.in_flight = 0;  // the old leader's answer is not waited for
}

void FetcherCore::Seek(PartitionIndex index, int64_t offset, int32_t leader_epoch) {
  Partition& partition = At(index);
  if (partition.state == State::kRemoved) return;
  partition.state = State::kFetching;
  partition.offset = offset;
  partition.last_fetched_epoch = leader_epoch;
  partition.in_flight = 0;
  partition.buffered_bytes = 0;
}

void FetcherCore::Consumed(PartitionIndex index, int64_t bytes) {
  Partition& partition = At(index);
  partition.buffered_bytes = std::max<int64_t>(0, partition.buffered_bytes - bytes);
}

std::vector<FetcherCore::PositionWanted> FetcherCore::TakePositionsWanted() {
  return std::exchange(positions_wanted_, {});
}

void FetcherCore::Fail(PartitionIndex index, absl::Status why) {
  Partition& partition = At(index);
  if (partition.state == State::kRemoved || partition.state == State::kFailed) return;
  partition.state = State::kFailed;
  partition.in_flight = 0;
  events_.push_back({index, FetchEvent::Kind::kFailed, partition.offset, std::move(why)});
}

bool FetcherCore::Fetchable(const Partition& partition, MonotonicTime now) const {
  return partition.state == State::kFetching && partition.in_flight == 0 && !partition.paused &&
         partition.paused_until <= now &&
         partition.buffered_bytes < options_.partition_buffer_bytes;
}

bool FetcherCore::BrokerFree(int32_t broker_id, MonotonicTime now) const {
  if (broker_id < 0 || busy_brokers_.contains(broker_id)) return false;
  const auto throttled = throttled_until_.find(broker_id);
  return throttled == throttled_until_.end() || throttled->second <= now;
}

std::set<int32_t> FetcherCore::BrokersWithWork(MonotonicTime now) const {
  std::set<int32_t> brokers;
  for (const Partition& partition : partitions_) {
    const int32_t source = SourceOf(partition, now);
    if (Fetchable(partition, now) && BrokerFree(source, now)) brokers.insert(source);
  }
  return brokers;
}

std::optional<FetchPlan> FetcherCore::Plan(int32_t broker_id, MonotonicTime now) {
  if (!BrokerFree(broker_id, now)) return std::nullopt;
  FetchPlan plan{.id = next_fetch_, .broker_id = broker_id};
  // Brokers fill their answer in the order of the request: start elsewhere each time.
  const size_t count = partitions_.size();
  for (size_t i = 0; i < count; ++i) {
    const auto index = static_cast<PartitionIndex>((cursor_ + i) % count);
    Partition& partition = partitions_[index];
    if (SourceOf(partition, now) != broker_id || !Fetchable(partition, now)) continue;
    partition.in_flight = plan.id;
    if (broker_id == partition.preferred) partition.advice_is_new = false;
    plan.partitions.push_back({index, partition.offset, partition.leader.leader_epoch,
                               partition.last_fetched_epoch, partition.max_bytes});
  }
  if (plan.partitions.empty()) return std::nullopt;
  cursor_ = plan.partitions.front().partition + 1;
  ++next_fetch_;
  busy_brokers_.insert(broker_id);
  flights_[plan.id] = {broker_id, now + options_.max_wait + options_.slow_answer};
  return plan;
}

bool FetcherCore::OnOutcome(FetchId fetch, PartitionIndex index, const FetchOutcome& outcome,
                            MonotonicTime now) {
  Partition& partition = At(index);
  if (partition.in_flight != fetch) return false;  // moved, removed, or given up meanwhile
  partition.in_flight = 0;
  const auto flight = flights_.find(fetch);
  const int32_t asked =
      flight == flights_.end() ? partition.leader.leader_id : flight->second.broker_id;
  if (BackToLeader(partition, asked, outcome, now)) return false;
  if (outcome.error == ErrorCode::NONE && outcome.preferred_read_replica >= 0 &&
      outcome.preferred_read_replica != asked) {
    partition.preferred = outcome.preferred_read_replica;
    partition.preferred_until = now + options_.preferred_replica_lease;
    partition.advice_is_new = true;
    return false;
  }
  if (outcome.error != ErrorCode::NONE) {
    OnError(index, outcome, now);
    return false;
  }
  partition.failures = 0;
  // A new leader learns the high watermark only from its followers' next fetches: until then it
  // knows less than the old one told.
  partition.high_watermark = std::max(partition.high_watermark, outcome.high_watermark);
  if (outcome.diverging_epoch >= 0) {
    OnDiverging(index, outcome);
    return false;
  }
  if (outcome.next_offset < 0) {
    if (outcome.cut_batch_bytes > partition.max_bytes) {
      partition.max_bytes =
          static_cast<int32_t>(std::min(outcome.cut_batch_bytes, kMaxPartitionBytes));
    }
    return false;
  }
  partition.max_bytes = options_.partition_max_bytes;
  if (outcome.next_offset <= partition.offset) {
    // Only batches from before the position: the same request would bring them for ever.
    Fail(index, absl::DataLossError(fmt::format(
                    "the broker answered a fetch from offset {} with records up to offset {} only",
                    partition.offset, outcome.next_offset - 1)));
    return false;
  }
  partition.offset = outcome.next_offset;
  partition.last_fetched_epoch = outcome.last_batch_epoch;
  partition.buffered_bytes += outcome.records_bytes;
  return true;
}

bool FetcherCore::BackToLeader(Partition& partition, int32_t asked, const FetchOutcome& outcome,
                               MonotonicTime now) {
  if (asked == partition.leader.leader_id) return false;
  if (outcome.error == ErrorCode::NONE && outcome.diverging_epoch < 0) return false;
  partition.preferred = -1;
  // A leader that sends us back at once must not make this a busy loop.
  Retry(partition, now, outcome.error != ErrorCode::NONE && NeedsRefresh(outcome.error));
  return true;
}

void FetcherCore::OnError(PartitionIndex index, const FetchOutcome& outcome, MonotonicTime now) {
  if (outcome.error == ErrorCode::OFFSET_OUT_OF_RANGE) return OnOutOfRange(index, outcome);
  if (kafka::IsRetriable(outcome.error) || outcome.error == ErrorCode::UNKNOWN_SERVER_ERROR) {
    return Retry(At(index), now, NeedsRefresh(outcome.error));
  }
  Fail(index,
       absl::Status(CodeOf(outcome.error),
                    fmt::format("{} ({}): {}", kafka::ErrorName(outcome.error),
                                static_cast<int>(outcome.error), kafka::ErrorText(outcome.error))));
}

void FetcherCore::OnOutOfRange(PartitionIndex index, const FetchOutcome& outcome) {
  Partition& partition = At(index);
  if (options_.reset_policy == ResetPolicy::kEarliest &&
      outcome.log_start_offset > partition.offset) {
    // What was next is deleted. Another leader, asked for its earliest offset, may not have heard
    // of that and would send us back to what was read already.
    events_.push_back({index, FetchEvent::Kind::kReset, partition.offset, absl::OkStatus()});
    partition.offset = outcome.log_start_offset;
    partition.last_fetched_epoch = -1;
    return;
  }
  if (options_.reset_policy == ResetPolicy::kNone) {
    return Fail(index, absl::OutOfRangeError(fmt::format("offset {} is outside the partition's log",
                                                         partition.offset)));
  }
  events_.push_back({index, FetchEvent::Kind::kReset, partition.offset, absl::OkStatus()});
  partition.high_watermark = -1;
  partition.state = State::kUnpositioned;
  partition.last_fetched_epoch = -1;
  positions_wanted_.push_back({index, options_.reset_policy});
}

void FetcherCore::OnDiverging(PartitionIndex index, const FetchOutcome& outcome) {
  Partition& partition = At(index);
  const std::string text =
      fmt::format("the log was cut at offset {} (epoch {}) after records up to offset {} were read",
                  outcome.diverging_end_offset, outcome.diverging_epoch, partition.offset - 1);
  if (options_.reset_policy == ResetPolicy::kNone) return Fail(index, absl::DataLossError(text));
  events_.push_back(
      {index, FetchEvent::Kind::kTruncated, partition.offset, absl::DataLossError(text)});
  partition.high_watermark = outcome.high_watermark;
  partition.offset = std::min(partition.offset, outcome.diverging_end_offset);
  partition.last_fetched_epoch = outcome.diverging_epoch;
}

void FetcherCore::Retry(Partition& partition, MonotonicTime now, bool refresh) {
  const int shift = std::min(partition.failures++, 20);
  const Duration full =
      std::min(options_.retry_backoff_max, options_.retry_backoff_initial * (int64_t{1} << shift));
  partition.paused_until = now + full - Duration(random_.Between(0, full.count() / 5));
  if (refresh) refresh_wanted_ = true;
}

void FetcherCore::OnAnswered(FetchId fetch, bool lost, MonotonicTime now) {
  const auto it = flights_.find(fetch);
  if (it == flights_.end()) return;
  busy_brokers_.erase(it->second.broker_id);
  flights_.erase(it);
  for (Partition& partition : partitions_) {
    if (partition.in_flight != fetch) continue;
    partition.in_flight = 0;
    // In a complete answer a partition that is not mentioned has nothing new.
    if (!lost) continue;
    partition.preferred = -1;
    Retry(partition, now, true);
  }
}

void FetcherCore::Throttle(int32_t broker_id, MonotonicTime until) {
  MonotonicTime& current = throttled_until_[broker_id];
  current = std::max(current, until);
}

void FetcherCore::Tick(MonotonicTime now) {
  for (auto& [id, flight] : flights_) {
    if (flight.ask_at > now) continue;
    flight.ask_at = now + 2 * options_.slow_answer;
    refresh_wanted_ = true;
  }
}

std::optional<MonotonicTime> FetcherCore::NextWakeup(MonotonicTime now) const {
  std::optional<MonotonicTime> next;
  const auto consider = [&](MonotonicTime at) {
    if (!next.has_value() || at < *next) next = at;
  };
  for (const Partition& partition : partitions_) {
    if (partition.state == State::kFetching && partition.paused_until > now) {
      consider(partition.paused_until);
    }
  }
  for (const auto& [id, flight] : flights_) consider(flight.ask_at);
  for (const auto& [broker, until] : throttled_until_) {
    if (until > now) consider(until);
  }
  return next;
}

std::vector<FetchEvent> FetcherCore::TakeEvents() { return std::exchange(events_, {}); }

bool FetcherCore::TakeRefreshRequest() { return std::exchange(refresh_wanted_, false); }

}  // namespace soliton::consumer
