#include "producer/producer_impl.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "producer/produce_status.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/produce.h"
#include "runtime/obs/logging.h"

namespace soliton::producer {
namespace {

using kafka::ErrorCode;

// What a record costs besides its bytes: its place in the batch, callback, header overhead.
constexpr int64_t kRecordOverheadBytes = 96;
constexpr int64_t kHeaderOverheadBytes = 16;
// Records without a key change partition after so many bytes (KIP-794's default), also where
// batches may grow larger: a slow stream would stay with one partition for long.
constexpr int64_t kMaxStickBytes = 16384;

int64_t SizeOf(const ProducerRecord& record) {
  size_t size = record.key.value_or("").size() + record.value.value_or("").size();
  for (const auto& [key, value] : record.headers) {
    size += key.size() + value.value_or("").size() + kHeaderOverheadBytes;
  }
  return static_cast<int64_t>(size);
}

}  // namespace

Producer::Impl::Impl(Transport& transport, Shard& shard, ProducerOptions options)
    : owner_(shard),
      options_(std::move(options)),
      cluster_(shard, transport, options_.cluster),
      router_({.stick_bytes = std::min(options_.accumulator.batch_bytes, kMaxStickBytes)},
              shard.random().Next()),
      accumulator_(options_.accumulator),
      sender_({.idempotent = options_.idempotence,
               .max_in_flight = options_.max_in_flight,
               .retry_backoff_initial = options_.retry_backoff_initial,
               .retry_backoff_max = options_.retry_backoff_max},
              shard.random().Next()),
      id_backoff_(milliseconds(20), milliseconds(500)) {}

void Producer::Impl::Start() {
  cluster_.OnMetadata([this] { OnMetadata(); });
  cluster_.OnDrained([this] { SchedulePump(); });
  cluster_.RequestRefresh();
  SchedulePump();
}

void Producer::Impl::Abandon() {
  abandoned_ = true;
  closed_ = true;
  for (TimerId* timer : {&timer_, &id_timer_}) {
    if (*timer != 0) owner_.shard().CancelTimer(*timer);
    *timer = 0;
  }
  // The cluster client may be up the stack: it goes in a task of its own.
  owner_.shard().Post([self = shared_from_this()] {});
}

absl::Status Producer::Impl::Send(ProducerRecord record, SendCallback callback) {
  owner_.AssertCurrent();
  if (closed_) return absl::FailedPreconditionError("the producer is closed");
  if (!broken_.ok()) return broken_;
  const int64_t size = SizeOf(record);
  if (size > options_.max_request_bytes) {
    return absl::InvalidArgumentError(
        fmt::format("a record of {} bytes is larger than the limit of {} bytes (max.request.size)",
                    size, options_.max_request_bytes));
  }
  const int64_t charge = size + kRecordOverheadBytes;
  if (!accumulator_.HasRoomFor(charge)) {
    return absl::ResourceExhaustedError(
        fmt::format("{} bytes wait for acknowledgement already (buffer.memory {})",
                    accumulator_.charged_bytes(), options_.accumulator.buffer_bytes));
  }
  accumulator_.Charge(charge);
  ++stats_.records_sent;
  if (record.timestamp_ms < 0) record.timestamp_ms = owner_.shard().clock().WallMs();
  if (router_.AddTopic(record.topic)) {
    cluster_.Watch(record.topic);
    router_.Update(cluster_.metadata());
    SchedulePump();
  }
  flushes_.Started(flushes_.current());
  RouteOrFail({std::move(record), std::move(callback), charge, flushes_.current(),
               owner_.shard().clock().Now()});
  return absl::OkStatus();
}

void Producer::Impl::RouteOrFail(PendingRecord pending) {
  const auto partition = router_.Route(pending.record);
  if (!partition.ok()) {
    owner_.shard().Post([self = shared_from_this(), pending = std::move(pending),
                         why = partition.status()]() mutable {
      if (self->abandoned_) return;
      self->accumulator_.Release(pending.charged_bytes);
      self->flushes_.Ended(pending.generation);
      self->EndRecord(pending.callback, why);
      self->NotifyWaiters();
    });
    return;
  }
  if (!partition->has_value()) {
    router_.Park(std::move(pending));
    SchedulePump();
    return;
  }
  if (Accumulate(std::move(pending), **partition)) SchedulePump();
}

bool Producer::Impl::Accumulate(PendingRecord pending, int32_t partition) {
  const PartitionIndex index = IndexOf({pending.record.topic, partition});
  return accumulator_.Append(index, std::move(pending.record), std::move(pending.callback),
                             pending.charged_bytes, pending.generation, pending.sent_at);
}

PartitionIndex Producer::Impl::IndexOf(const PartitionName& name) {
  const auto it = indices_.find(name);
  if (it != indices_.end()) return it->second;
  const PartitionIndex index = sender_.AddPartition();
  indices_[name] = index;
  names_.push_back(name);
  sender_.SetLeader(index, cluster_.metadata().LeaderOf(name.topic, name.partition),
                    owner_.shard().clock().Now());
  return index;
}

void Producer::Impl::OnMetadata() {
  if (abandoned_) return;
  const MonotonicTime now = owner_.shard().clock().Now();
  router_.Update(cluster_.metadata());
  for (PartitionIndex index = 0; index < names_.size(); ++index) {
    const PartitionName& name = names_[index];
    sender_.SetLeader(index, cluster_.metadata().LeaderOf(name.topic, name.partition), now);
  }
  for (PendingRecord& pending : router_.TakeRoutable()) RouteOrFail(std::move(pending));
  Pump();
}

void Producer::Impl::SchedulePump() {
  if (pump_scheduled_ || abandoned_) return;
  pump_scheduled_ = true;
  owner_.shard().Post([self = shared_from_this()] {
    self->pump_scheduled_ = false;
    self->Pump();
  });
}

void Producer::Impl::Pump() {
  if (abandoned_) return;
  const auto self = shared_from_this();  // a callback may destroy the producer
  const MonotonicTime now = owner_.shard().clock().Now();
  sender_.Tick(now);
  ExpireUnsent(now);
  AdmitBatches(now);
  if (sender_.needs_producer_id()) FetchProducerId();
  SendRequests(now);
  if (sender_.TakeRefreshRequest() || router_.wants_refresh()) cluster_.RequestRefresh();
  RunCompletions();
  if (!abandoned_) ArmTimer(now);
}

void Producer::Impl::AdmitBatches(MonotonicTime now) {
  // A copy: Pop takes partitions out of the set.
  const std::set<PartitionIndex> candidates = accumulator_.active();
  for (const PartitionIndex index : candidates) {
    while (sender_.CanAdmit(index) && accumulator_.IsReady(index, now)) {
      std::unique_ptr<ProducerBatch> batch = accumulator_.Pop(index);
      sender_.Admit(index,
                    {.id = batch->id,
                     .record_count = static_cast<int32_t>(batch->records.size()),
                     .size_bytes = static_cast<int64_t>(batch->builder->uncompressed_size_bytes()),
                     .expires_at = batch->opened_at + options_.delivery_timeout});
      batches_[batch->id] = std::move(batch);
    }
  }
}

void Producer::Impl::Break(ErrorCode error, const std::string& message) {
  broken_ = StatusOfError(error, message);
  sender_.Abort(error, message);
  Pump();
}

void Producer::Impl::ExpireUnsent(MonotonicTime now) {
  const bool broken = !broken_.ok();
  const MonotonicTime oldest_allowed = broken ? now : now - options_.delivery_timeout;
  if (accumulator_.OldestOpened().value_or(MonotonicTime::max()) <= oldest_allowed) {
    const absl::Status why =
        broken ? broken_ : StatusOf(Completion{.timed_out = true}, options_.delivery_timeout);
    const std::set<PartitionIndex> candidates = accumulator_.active();
    for (const PartitionIndex index : candidates) {
      while (auto batch = accumulator_.PopOlderThan(index, oldest_allowed)) {
        FailBatch(*batch, why);
        if (abandoned_) return;
      }
    }
  }
  const Duration patience = std::min(options_.metadata_timeout, options_.delivery_timeout);
  for (auto& [pending, why] : router_.TakeFailed(broken ? now : now - patience, patience)) {
    accumulator_.Release(pending.charged_bytes);
    flushes_.Ended(pending.generation);
    EndRecord(pending.callback, broken ? broken_ : why);
    if (abandoned_) return;
  }
}

void Producer::Impl::RunCompletions() {
  for (const Completion& completion : sender_.TakeCompletions()) {
    const auto it = batches_.find(completion.batch);
    CHECK(it != batches_.end());
    std::unique_ptr<ProducerBatch> batch = std::move(it->second);
    batches_.erase(it);
    if (!completion.acked) {
      FailBatch(*batch, StatusOf(completion, options_.delivery_timeout));
      if (abandoned_) return;
      continue;
    }
    accumulator_.Release(batch->charged_bytes);
    flushes_.Ended(batch->generation, static_cast<int64_t>(batch->records.size()));
    const int32_t partition = names_[batch->partition].partition;
    for (size_t i = 0; i < batch->records.size(); ++i) {
      ProducerBatch::Sent& record = batch->records[i];
      const RecordMetadata metadata{
          .partition = partition,
          .offset =
              completion.base_offset < 0 ? -1 : completion.base_offset + static_cast<int64_t>(i),
          .timestamp_ms = completion.log_append_time_ms >= 0 ? completion.log_append_time_ms
                                                             : record.timestamp_ms};
      EndRecord(record.callback, metadata);
      if (abandoned_) return;
    }
  }
  NotifyWaiters();
}

void Producer::Impl::FailBatch(ProducerBatch& batch, const absl::Status& why) {
  accumulator_.Release(batch.charged_bytes);
  flushes_.Ended(batch.generation, static_cast<int64_t>(batch.records.size()));
  for (ProducerBatch::Sent& record : batch.records) {
    EndRecord(record.callback, why);
    if (abandoned_) return;
  }
}

void Producer::Impl::EndRecord(SendCallback& callback,
                               const absl::StatusOr<RecordMetadata>& result) {
  ++(result.ok() ? stats_.records_acked : stats_.records_failed);
  if (callback) callback(result);
}

void Producer::Impl::NotifyWaiters() {
  // By index: a callback may add a waiter.
  for (size_t i = 0; i < flush_waiters_.size() && !abandoned_;) {
    if (!flushes_.Done(flush_waiters_[i].generation)) {
      ++i;
      continue;
    }
    auto done = std::move(flush_waiters_[i].done);
    flush_waiters_.erase(flush_waiters_.begin() + static_cast<ptrdiff_t>(i));
    done();
  }
  if (abandoned_ || writable_waiters_.empty()) return;
  // Not at the first free byte: waking the application costs more than a few records.
  if (accumulator_.charged_bytes() > options_.accumulator.buffer_bytes * 3 / 4) return;
  for (auto& writable : std::exchange(writable_waiters_, {})) {
    writable();
    if (abandoned_) return;
  }
}

void Producer::Impl::OnWritable(absl::AnyInvocable<void()> callback) {
  writable_waiters_.push_back(std::move(callback));
  SchedulePump();
}

void Producer::Impl::Flush(absl::AnyInvocable<void()> done) {
  const uint64_t generation = flushes_.Close();
  accumulator_.Flush(generation);
  flush_waiters_.push_back({generation, std::move(done)});
  SchedulePump();
}

void Producer::Impl::Close(absl::AnyInvocable<void()> done) {
  closed_ = true;
  Flush(std::move(done));
}

void Producer::Impl::ArmTimer(MonotonicTime now) {
  std::optional<MonotonicTime> next = sender_.NextWakeup(now);
  const auto consider = [&next](std::optional<MonotonicTime> at) {
    if (at.has_value() && (!next.has_value() || *at < *next)) next = at;
  };
  consider(accumulator_.NextReady(now));
  if (const auto opened = accumulator_.OldestOpened())
    consider(*opened + options_.delivery_timeout);
  if (const auto parked = router_.OldestParked()) {
    consider(*parked + std::min(options_.metadata_timeout, options_.delivery_timeout));
  }
  if (timer_ != 0) owner_.shard().CancelTimer(timer_);
  timer_ = 0;
  if (!next.has_value()) return;
  timer_ = owner_.shard().ScheduleAt(*next, [this] {
    timer_ = 0;
    Pump();
  });
}

ProducerStats Producer::Impl::stats() const {
  ProducerStats stats = stats_;
  stats.batches_retried = sender_.retries();
  stats.sequence_resets = sender_.sequence_resets();
  stats.buffered_bytes = accumulator_.charged_bytes();
  return stats;
}

}  // namespace soliton::producer
