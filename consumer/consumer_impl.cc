#include "consumer/consumer_impl.h"

#include <algorithm>
#include <set>
#include <utility>

namespace soliton::consumer {

using kafka::ErrorCode;

Consumer::Impl::Impl(Transport& transport, Shard& shard, ConsumerOptions options)
    : owner_(shard),
      options_(std::move(options)),
      cluster_(shard, transport, options_.cluster),
      offsets_(cluster_, options_.reader.read_committed),
      fetcher_(options_.fetch, shard.random().Next()) {}

void Consumer::Impl::Start() {
  cluster_.OnMetadata([this] { OnMetadata(); });
  cluster_.RequestRefresh();
}

void Consumer::Impl::Abandon() {
  abandoned_ = true;
  on_ready_ = nullptr;
  on_event_ = nullptr;
  if (timer_ != 0) owner_.shard().CancelTimer(timer_);
  timer_ = 0;
  // The cluster client may be up the stack: it goes in a task of its own.
  owner_.shard().Post([self = shared_from_this()] {});
}

void Consumer::Impl::Assign(
    const std::vector<std::pair<TopicPartition, StartPosition>>& partitions) {
  owner_.AssertCurrent();
  std::set<TopicPartition> wanted;
  for (const auto& [name, start] : partitions) wanted.insert(name);
  for (auto it = indices_.begin(); it != indices_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    fetcher_.RemovePartition(it->second);
    partitions_[it->second].removed = true;
    partitions_[it->second].arrived.clear();
    it = indices_.erase(it);
  }
  for (const auto& [name, start] : partitions) {
    auto it = indices_.find(name);
    if (it == indices_.end()) {
      const PartitionIndex index = fetcher_.AddPartition();
      partitions_.push_back({.name = name, .reader = BatchReader(options_.reader)});
      names_.push_back(name);
      it = indices_.emplace(name, index).first;
      cluster_.Watch(name.topic);
      if (cluster_.metadata().FindPartition(name.topic, name.partition) == nullptr) {
        cluster_.RequestRefresh();
      }
      fetcher_.SetLeader(index, cluster_.metadata().LeaderOf(name.topic, name.partition),
                         owner_.shard().clock().Now());
    }
    SeekIndex(it->second, start);
  }
  SchedulePump();
  ScheduleReady();
}

void Consumer::Impl::Seek(const TopicPartition& partition, const StartPosition& position) {
  const auto it = indices_.find(partition);
  if (it == indices_.end()) return;
  SeekIndex(it->second, position);
  SchedulePump();
}

void Consumer::Impl::SeekIndex(PartitionIndex index, const StartPosition& position) {
  ++partitions_[index].seek_generation;
  switch (position.kind) {
    case StartPosition::Kind::kOffset:
      return MoveTo(index, position.value, -1);
    case StartPosition::Kind::kEarliest:
      return LookUp(index, kEarliestTimestamp);
    case StartPosition::Kind::kLatest:
      return LookUp(index, kLatestTimestamp);
    case StartPosition::Kind::kTimestamp:
      return LookUp(index, position.value);
  }
}

void Consumer::Impl::MoveTo(PartitionIndex index, int64_t offset, int32_t leader_epoch) {
  partitions_[index].arrived.clear();
  partitions_[index].position = offset;
  fetcher_.Seek(index, offset, leader_epoch);
}

void Consumer::Impl::LookUp(PartitionIndex index, int64_t timestamp_ms) {
  Partition& partition = partitions_[index];
  partition.arrived.clear();
  partition.position.reset();
  const uint64_t generation = partition.seek_generation;
  offsets_.Find(partition.name, timestamp_ms, options_.lookup_timeout,
                [this, index, generation](const absl::StatusOr<FoundOffset>& found) {
                  Partition& target = partitions_[index];
                  if (abandoned_ || target.removed || target.seek_generation != generation) return;
                  if (!found.ok()) {
                    fetcher_.Fail(index, found.status());
                  } else if (found->offset < 0) {
                    return LookUp(index, kLatestTimestamp);  // nothing that late: read what comes
                  } else {
                    MoveTo(index, found->offset, -1);
                    ScheduleReady();
                  }
                  SchedulePump();
                });
}

Consumer::Impl::Partition* Consumer::Impl::Find(const TopicPartition& name) {
  const auto it = indices_.find(name);
  return it == indices_.end() ? nullptr : &partitions_[it->second];
}
const Consumer::Impl::Partition* Consumer::Impl::Find(const TopicPartition& name) const {
  const auto it = indices_.find(name);
  return it == indices_.end() ? nullptr : &partitions_[it->second];
}

void Consumer::Impl::SetPaused(const TopicPartition& partition, bool paused) {
  const auto it = indices_.find(partition);
  if (it == indices_.end()) return;
  fetcher_.SetPaused(it->second, paused);
  SchedulePump();
}

std::optional<int64_t> Consumer::Impl::Position(const TopicPartition& partition) const {
  const Partition* found = Find(partition);
  return found == nullptr ? std::nullopt : found->position;
}

std::optional<int64_t> Consumer::Impl::HighWatermark(const TopicPartition& partition) const {
  const auto it = indices_.find(partition);
  if (it == indices_.end() || fetcher_.high_watermark(it->second) < 0) return std::nullopt;
  return fetcher_.high_watermark(it->second);
}

std::vector<RecordSet> Consumer::Impl::Poll(int max_sets) {
  owner_.AssertCurrent();
  std::vector<RecordSet> sets;
  const size_t count = partitions_.size();
  size_t idle = 0;
  while (idle < count && static_cast<int>(sets.size()) < max_sets) {
    const auto index = static_cast<PartitionIndex>(poll_cursor_++ % count);
    if (auto set = NextSet(index)) {
      stats_.records += set->records.size();
      sets.push_back(std::move(*set));
      idle = 0;
    } else {
      ++idle;
    }
  }
  SchedulePump();  // room for more
  return sets;
}

std::optional<RecordSet> Consumer::Impl::NextSet(PartitionIndex index) {
  Partition& partition = partitions_[index];
  while (!partition.arrived.empty()) {
    Arrived& answer = partition.arrived.front();
    if (answer.batches.empty()) {
      partition.arrived.pop_front();
      continue;
    }
    if (!std::exchange(answer.begun, true)) partition.reader.BeginAnswer(answer.aborted);
    const kafka::RecordBatchView batch = std::move(answer.batches.front());
    answer.batches.pop_front();
    fetcher_.Consumed(index, batch.size_bytes());
    ++stats_.batches;
    auto set = partition.reader.Read(batch, partition.position.value_or(0));
    if (!set.ok()) {
      partition.arrived.clear();
      fetcher_.Fail(index, set.status());
      SchedulePump();
      return std::nullopt;
    }
    partition.position = set->next_offset;
    if (set->records.empty()) continue;
    set->from = partition.name;
    return std::move(*set);
  }
  return std::nullopt;
}

void Consumer::Impl::DropArrivedFrom(PartitionIndex index, int64_t offset) {
  Partition& partition = partitions_[index];
  for (Arrived& answer : partition.arrived) {
    while (!answer.batches.empty() && answer.batches.back().next_offset() > offset) {
      fetcher_.Consumed(index, answer.batches.back().size_bytes());
      answer.batches.pop_back();
    }
  }
  if (partition.position.has_value()) partition.position = std::min(*partition.position, offset);
}

void Consumer::Impl::OnMetadata() {
  if (abandoned_) return;
  const MonotonicTime now = owner_.shard().clock().Now();
  for (const auto& [name, index] : indices_) {
    fetcher_.SetLeader(index, cluster_.metadata().LeaderOf(name.topic, name.partition), now);
    const kafka::TopicState* topic = cluster_.metadata().Find(name.topic);
    if (topic != nullptr && topic->error == ErrorCode::TOPIC_AUTHORIZATION_FAILED) {
      fetcher_.Fail(index, absl::PermissionDeniedError(kafka::ErrorName(topic->error)));
    } else if (topic != nullptr && name.partition >= topic->partition_count()) {
      cluster_.RequestRefresh();  // the topic may have grown, or be about to
    }
  }
  Pump();
}

void Consumer::Impl::SchedulePump() {
  if (pump_scheduled_ || abandoned_) return;
  pump_scheduled_ = true;
  owner_.shard().Post([self = shared_from_this()] {
    self->pump_scheduled_ = false;
    self->Pump();
  });
}

void Consumer::Impl::Pump() {
  if (abandoned_) return;
  const auto self = shared_from_this();  // a callback may destroy the consumer
  const MonotonicTime now = owner_.shard().clock().Now();
  fetcher_.Tick(now);
  for (const int32_t broker : fetcher_.BrokersWithWork(now)) {
    if (auto plan = fetcher_.Plan(broker, now)) SendFetch(std::move(*plan));
  }
  for (const auto& wanted : fetcher_.TakePositionsWanted()) {
    LookUp(wanted.partition,
           wanted.where == ResetPolicy::kEarliest ? kEarliestTimestamp : kLatestTimestamp);
  }
  if (fetcher_.TakeRefreshRequest()) cluster_.RequestRefresh();
  RunEvents();
  if (!abandoned_) ArmTimer(now);
}

void Consumer::Impl::SendFetch(FetchPlan plan) {
  BuiltFetch built =
      BuildFetch(plan, names_, cluster_.metadata(), options_.fetch, options_.reader.read_committed);
  ++stats_.fetches;
  const int32_t broker = plan.broker_id;
  cluster_.Send(
      broker, std::move(built.request), options_.request_timeout,
      [weak = weak_from_this(),
       plan = std::move(plan)](absl::StatusOr<kafka::FetchResponse> response) {
        if (auto self = weak.lock()) self->OnFetchResponse(plan, std::move(response));
      },
      built.max_version);
}

void Consumer::Impl::OnFetchResponse(const FetchPlan& plan,
                                     absl::StatusOr<kafka::FetchResponse> response) {
  if (abandoned_) return;
  const MonotonicTime now = owner_.shard().clock().Now();
  const bool usable = response.ok() && response->error_code == ErrorCode::NONE;
  if (usable) {
    for (FetchAnswer& answer : AnswersOf(*response, cluster_.metadata())) {
      TakeAnswer(plan, std::move(answer), now);
    }
    if (response->throttle_time_ms > 0) {
      fetcher_.Throttle(plan.broker_id, now + milliseconds(response->throttle_time_ms));
    }
  } else if (absl::IsUnimplemented(response.status())) {
    for (const FetchPartition& partition : plan.partitions) {
      fetcher_.Fail(partition.partition, response.status());
    }
  }
  fetcher_.OnAnswered(plan.id, !usable, now);
  Pump();
}

void Consumer::Impl::TakeAnswer(const FetchPlan& plan, FetchAnswer answer, MonotonicTime now) {
  const auto it = indices_.find(answer.from);
  if (it == indices_.end()) return;
  const PartitionIndex index = it->second;
  if (!answer.damage.ok()) {
    fetcher_.Fail(index, answer.damage);
    return;
  }
  const bool keep = fetcher_.OnOutcome(plan.id, index, answer.outcome, now);
  if (answer.leader_hint.leader_id >= 0) {
    cluster_.ApplyHint(answer.from.topic, answer.from.partition, answer.leader_hint,
                       answer.leader_info);
  }
  if (!keep) return;
  stats_.bytes += static_cast<uint64_t>(answer.outcome.records_bytes);
  Arrived& arrived = partitions_[index].arrived.emplace_back();
  arrived.aborted = std::move(answer.aborted);
  for (kafka::RecordBatchView& batch : answer.batches) {
    arrived.batches.push_back(std::move(batch));
  }
  ScheduleReady();
}

void Consumer::Impl::ScheduleReady() {
  if (ready_scheduled_ || abandoned_) return;
  ready_scheduled_ = true;
  owner_.shard().Post([self = shared_from_this()] {
    self->ready_scheduled_ = false;
    if (!self->abandoned_ && self->on_ready_) self->on_ready_();
  });
}

void Consumer::Impl::RunEvents() {
  for (const FetchEvent& event : fetcher_.TakeEvents()) {
    if (event.kind == FetchEvent::Kind::kTruncated) {
      DropArrivedFrom(event.partition, fetcher_.fetch_position(event.partition));
    }
    if (on_event_ && !partitions_[event.partition].removed) {
      on_event_({names_[event.partition], event.kind, event.offset, event.status});
    }
    if (abandoned_) return;
  }
}

void Consumer::Impl::ArmTimer(MonotonicTime now) {
  if (timer_ != 0) owner_.shard().CancelTimer(timer_);
  timer_ = 0;
  const std::optional<MonotonicTime> next = fetcher_.NextWakeup(now);
  if (!next.has_value()) return;
  timer_ = owner_.shard().ScheduleAt(*next, [this] {
    timer_ = 0;
    Pump();
  });
}

}  // namespace soliton::consumer
