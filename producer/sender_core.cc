#include "producer/sender_core.h"

#include <algorithm>
#include <utility>

#include "protocol/record/record_batch.h"
#include "runtime/base/check.h"

namespace soliton::producer {
namespace {

using kafka::ErrorCode;

}  // namespace

SenderCore::SenderCore(const SenderOptions& options, uint64_t seed)
    : options_(options), random_(seed), id_wanted_(options.idempotent) {
  CHECK(options.max_in_flight >= 1 && options.max_in_flight <= 5,
        "brokers remember five batches per producer");
}

PartitionIndex SenderCore::AddPartition() {
  partitions_.emplace_back().producer = fresh_;
  return static_cast<PartitionIndex>(partitions_.size() - 1);
}

void SenderCore::SetLeader(PartitionIndex index, kafka::PartitionLeader leader, MonotonicTime) {
  Partition& partition = partitions_[index];
  if (leader == partition.leader) return;
  const bool elsewhere = leader.leader_id != partition.leader.leader_id;
  partition.leader = leader;
  partition.paused_until = {};
  partition.failures = 0;
  if (!elsewhere || leader.leader_id < 0 || !options_.idempotent) return;
  // The old leader's answers do not count any more: the new one recognises what it already has.
  for (size_t i = 0; i < partition.batches.size();) {
    Batch& batch = partition.batches[i];
    ++i;
    if (batch.in_flight == 0) continue;
    batch.in_flight = 0;
    batch.maybe_appended = true;
    batch.last_error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
    ++retries_;
    if (!batch.reported) continue;
    batch.settled = true;
    NoteGap(partition, batch);
  }
  DropSettledFront(index);
  MaybeReset(index);
}

bool SenderCore::needs_producer_id() const { return id_wanted_; }

void SenderCore::SetProducerId(ProducerIdentity identity) {
  CHECK(identity.valid());
  id_wanted_ = false;
  fresh_ = identity;
  for (PartitionIndex index = 0; index < partitions_.size(); ++index) {
    Partition& partition = partitions_[index];
    if (!partition.producer.valid()) partition.producer = identity;
    MaybeReset(index);
  }
}

bool SenderCore::CanAdmit(PartitionIndex partition) const {
  const size_t limit = options_.idempotent ? static_cast<size_t>(options_.max_in_flight) : 1;
  const Partition& to = partitions_[partition];
  return to.batches.size() < limit && to.reports.size() < limit;
}

void SenderCore::Admit(PartitionIndex partition, const BatchSpec& batch) {
  CHECK(CanAdmit(partition));
  CHECK(batch.record_count > 0);
  partitions_[partition].batches.push_back({.spec = batch});
  partitions_[partition].reports.Add(batch.id);
  active_.insert(partition);
}

const SenderCore::Batch* SenderCore::Sendable(const Partition& partition, MonotonicTime now) const {
  if (partition.paused_until > now || partition.reset.wanted) return nullptr;
  if (options_.idempotent && !partition.producer.valid()) return nullptr;
  const Batch* candidate = nullptr;
  for (const Batch& batch : partition.batches) {
    if (batch.settled) continue;
    if (batch.in_flight == 0) {
      if (candidate == nullptr) candidate = &batch;
    } else if (candidate != nullptr) {
      return nullptr;  // a later batch is in flight: wait for its answer first
    }
  }
  if (candidate == nullptr) return nullptr;
  const bool alone = candidate == &partition.batches.front();
  if (!alone && (!partition.established || !options_.idempotent)) return nullptr;
  return candidate;
}

bool SenderCore::BrokerFree(int32_t broker_id, MonotonicTime now) const {
  if (broker_id < 0) return false;
  const auto throttled = throttled_until_.find(broker_id);
  if (throttled != throttled_until_.end() && throttled->second > now) return false;
  const auto in_flight = requests_in_flight_.find(broker_id);
  return in_flight == requests_in_flight_.end() ||
         in_flight->second < options_.max_requests_per_broker;
}

std::set<int32_t> SenderCore::BrokersWithWork(MonotonicTime now) const {
  std::set<int32_t> brokers;
  for (const PartitionIndex index : active_) {
    const Partition& partition = partitions_[index];
    const int32_t broker = partition.leader.leader_id;
    if (brokers.contains(broker) || !BrokerFree(broker, now)) continue;
    if (Sendable(partition, now) != nullptr) brokers.insert(broker);
  }
  return brokers;
}

std::optional<SendPlan> SenderCore::Plan(int32_t broker_id, MonotonicTime now, int64_t max_bytes) {
  if (!BrokerFree(broker_id, now)) return std::nullopt;
  SendPlan plan{.id = next_send_, .broker_id = broker_id};
  int64_t bytes = 0;
  const auto consider = [&](PartitionIndex index) {
    Partition& partition = partitions_[index];
    if (partition.leader.leader_id != broker_id) return;
    auto* batch = const_cast<Batch*>(Sendable(partition, now));
    if (batch == nullptr) return;
    if (!plan.batches.empty() && bytes + batch->spec.size_bytes > max_bytes) return;
    bytes += batch->spec.size_bytes;
    GiveSequence(partition, *batch);
    batch->in_flight = plan.id;
    plan.batches.push_back({index, batch->spec.id, partition.producer, batch->base_sequence});
  };
  // Starts after the first partition of the previous plan, so that none starves behind `max_bytes`.
  const auto start = active_.upper_bound(cursor_);
  for (auto it = start; it != active_.end(); ++it) consider(*it);
  for (auto it = active_.begin(); it != start; ++it) consider(*it);
  if (plan.batches.empty()) return std::nullopt;

  cursor_ = plan.batches.front().partition;
  ++next_send_;
  Flight& flight = flights_[plan.id];
  flight = {broker_id, now, {}, now + options_.slow_answer};
  for (const PlannedBatch& batch : plan.batches) {
    flight.batches.emplace_back(batch.partition, batch.batch);
  }
  ++requests_in_flight_[broker_id];
  return plan;
}

void SenderCore::GiveSequence(Partition& partition, Batch& batch) {
  if (!options_.idempotent || batch.base_sequence >= 0) return;
  batch.base_sequence = partition.next_sequence;
  partition.next_sequence = kafka::SequenceAfter(partition.next_sequence, batch.spec.record_count);
}

SenderCore::Batch* SenderCore::FindFlying(PartitionIndex partition, SendId send) {
  for (Batch& batch : partitions_[partition].batches) {
    if (batch.in_flight == send) return &batch;
  }
  return nullptr;
}

void SenderCore::OnAnswered(SendId send, MonotonicTime now) { OnLost(send, now); }

void SenderCore::OnLost(SendId send, MonotonicTime now) {
  const auto it = flights_.find(send);
  if (it == flights_.end()) return;
  const Flight flight = std::move(it->second);
  flights_.erase(it);
  --requests_in_flight_[flight.broker_id];
  for (const auto& [index, id] : flight.batches) {
    Batch* batch = FindFlying(index, send);
    if (batch == nullptr) continue;  // answered, or given up
    refresh_wanted_ = true;
    batch->in_flight = 0;
    batch->maybe_appended = true;
    if (batch->reported) {
      Remove(index, *batch);
    } else {
      ++retries_;
      batch->last_error = ErrorCode::NETWORK_EXCEPTION;
      // One lost connection is one failure, however many batches it carried.
      if (partitions_[index].paused_until <= now) Pause(partitions_[index], now);
    }
    MaybeReset(index);
  }
}

void SenderCore::Pause(Partition& partition, MonotonicTime now) {
  const int shift = std::min(partition.failures++, 20);
  const Duration full =
      std::min(options_.retry_backoff_max, options_.retry_backoff_initial * (int64_t{1} << shift));
  partition.paused_until = now + full - Duration(random_.Between(0, full.count() / 5));
}

void SenderCore::Throttle(int32_t broker_id, MonotonicTime until) {
  MonotonicTime& current = throttled_until_[broker_id];
  current = std::max(current, until);
}

void SenderCore::Tick(MonotonicTime now) {
  for (auto it = active_.begin(); it != active_.end();) {
    const PartitionIndex index = *it++;  // Remove may take the entry out
    std::deque<Batch>& batches = partitions_[index].batches;
    for (size_t i = 0; i < batches.size();) {
      Batch& batch = batches[i];
      if (batch.reported || batch.settled || batch.spec.expires_at > now) {
        ++i;
        continue;
      }
      ReportFailure(index, batch, true);
      if (batch.in_flight != 0) {
        batch.reported = true;
        ++i;
      } else {
        Remove(index, batch);
      }
    }
  }
  for (auto& [id, flight] : flights_) {
    if (flight.ask_at > now) continue;
    flight.ask_at = now + options_.slow_answer / 10;
    refresh_wanted_ = true;
  }
}

void SenderCore::Abort(ErrorCode error, const std::string& message) {
  id_wanted_ = false;
  for (const PartitionIndex index : std::set<PartitionIndex>(active_)) {
    std::deque<Batch>& batches = partitions_[index].batches;
    for (size_t i = 0; i < batches.size();) {
      Batch& batch = batches[i];
      if (batch.settled) {
        ++i;
        continue;
      }
      if (!batch.reported) {
        batch.last_error = error;
        batch.last_message = message;
        ReportFailure(index, batch, false);
      }
      if (batch.in_flight != 0) {
        batch.reported = true;
        ++i;
      } else {
        Remove(index, batch);
      }
    }
  }
}

std::optional<MonotonicTime> SenderCore::NextWakeup(MonotonicTime now) const {
  std::optional<MonotonicTime> next;
  const auto consider = [&](MonotonicTime at) {
    if (!next.has_value() || at < *next) next = at;
  };
  for (const PartitionIndex index : active_) {
    const Partition& partition = partitions_[index];
    if (partition.paused_until > now) consider(partition.paused_until);
    for (const Batch& batch : partition.batches) {
      if (!batch.reported && !batch.settled) consider(batch.spec.expires_at);
    }
  }
  for (const auto& [id, flight] : flights_) consider(flight.ask_at);
  for (const auto& [broker, until] : throttled_until_) {
    if (until > now) consider(until);
  }
  return next;
}

std::vector<Completion> SenderCore::TakeCompletions() { return std::exchange(completions_, {}); }

bool SenderCore::TakeRefreshRequest() { return std::exchange(refresh_wanted_, false); }

}  // namespace soliton::producer
