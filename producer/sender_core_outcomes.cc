// What outcomes mean: acknowledgements, retries, gaps in the sequence, refusals.
#include <algorithm>
#include <utility>

#include "producer/sender_core.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/check.h"

namespace soliton::producer {
namespace {

using kafka::ErrorCode;

// Epochs beyond this belong to brokers (fencing), as in Kafka.
constexpr int16_t kMaxProducerEpoch = 32766;

// Of sequences that lie close together and may wrap.
bool IsBefore(int32_t a, int32_t b) {
  constexpr int32_t kHalf = 1 << 30;
  const int32_t distance = kafka::SequenceAfter(b, -static_cast<int64_t>(a));
  return distance != 0 && distance < kHalf;
}

}  // namespace

void SenderCore::OnOutcome(SendId send, PartitionIndex index, const BatchOutcome& outcome,
                           MonotonicTime now) {
  Batch* batch = FindFlying(index, send);
  if (batch == nullptr) return;  // given up when the leader changed
  const ProduceVerdict judged = Judge(outcome.error);
  batch->in_flight = 0;
  batch->last_error = outcome.error;
  batch->last_message = outcome.message;
  const bool settled = judged.verdict == Verdict::kSuccess || judged.verdict == Verdict::kDuplicate;
  if (!judged.not_appended) batch->maybe_appended = true;
  if (batch->reported) {
    const Batch landed = *batch;
    Remove(index, *batch);
    if (settled) NoteAppended(partitions_[index], landed);
    MaybeReset(index);
    return;
  }
  switch (judged.verdict) {
    case Verdict::kSuccess:
    case Verdict::kDuplicate:
      Succeed(index, *batch, outcome);
      break;
    case Verdict::kRetry:
    case Verdict::kRetryElsewhere:
      ++retries_;
      Pause(partitions_[index], now);
      if (judged.verdict == Verdict::kRetryElsewhere) refresh_wanted_ = true;
      break;
    case Verdict::kOutOfSequence:
      OutOfSequence(index, *batch, now);
      break;
    case Verdict::kStaleProducer:
      StaleProducer(index, *batch, now);
      break;
    case Verdict::kReject:
      Reject(index, *batch, judged.not_appended);
      break;
  }
  MaybeReset(index);
}

void SenderCore::Succeed(PartitionIndex index, Batch& batch, const BatchOutcome& outcome) {
  NoteAppended(partitions_[index], batch);
  partitions_[index].reports.End({.batch = batch.spec.id,
                                  .acked = true,
                                  .base_offset = outcome.base_offset,
                                  .log_append_time_ms = outcome.log_append_time_ms},
                                 completions_);
  batch.settled = true;
  DropSettledFront(index);
}

void SenderCore::NoteAppended(Partition& partition, const Batch& batch) {
  partition.established = true;
  partition.failures = 0;
  // With it, all before it are known to be in the log.
  const bool behind_gap = !IsBefore(batch.base_sequence, partition.gap_sequence);
  if (behind_gap) partition.uncertain_gap = false;
}

void SenderCore::NoteGap(Partition& partition, const Batch& batch) {
  if (batch.base_sequence < 0) return;
  const bool later =
      !partition.uncertain_gap || IsBefore(partition.gap_sequence, batch.base_sequence);
  if (later) partition.gap_sequence = batch.base_sequence;
  partition.uncertain_gap = true;
}

void SenderCore::OutOfSequence(PartitionIndex index, Batch& batch, MonotonicTime now) {
  Partition& partition = partitions_[index];
  if (!options_.idempotent) return Reject(index, batch, true);
  ++retries_;
  // An earlier batch is unresolved: this one was refused because of that and follows it again.
  for (const Batch& earlier : partition.batches) {
    if (&earlier == &batch) break;
    if (earlier.in_flight != 0) Pause(partition, now);
  }
  if (&batch != &partition.batches.front()) return;
  if (!partition.reset.wanted) {
    partition.reset = {.wanted = true, .proven_absent = !partition.uncertain_gap};
  }
  Pause(partition, now);
}

void SenderCore::StaleProducer(PartitionIndex index, Batch& batch, MonotonicTime now) {
  Partition& partition = partitions_[index];
  if (!options_.idempotent) return Reject(index, batch, true);
  ++retries_;
  partition.reset = {.wanted = true, .proven_absent = false, .needs_new_id = true};
  Pause(partition, now);
}

void SenderCore::Reject(PartitionIndex index, Batch& batch, bool not_appended) {
  if (!not_appended) batch.maybe_appended = true;
  ReportFailure(index, batch, false);
  Remove(index, batch);
}

void SenderCore::MaybeReset(PartitionIndex index) {
  Partition& partition = partitions_[index];
  if (!partition.reset.wanted) return;
  for (const Batch& batch : partition.batches) {
    if (batch.in_flight != 0) return;
  }
  for (Batch& batch : partition.batches) {
    if (batch.settled || partition.reset.proven_absent || !batch.maybe_appended) continue;
    ReportFailure(index, batch, false);
    batch.settled = true;
  }
  std::erase_if(partition.batches, [](const Batch& batch) { return batch.settled; });
  if (partition.batches.empty()) active_.erase(index);
  if (partition.producer.epoch >= kMaxProducerEpoch) partition.reset.needs_new_id = true;
  if (partition.reset.needs_new_id) {
    if (fresh_.id == partition.producer.id) {
      id_wanted_ = true;  // SetProducerId comes back here
      return;
    }
    partition.producer = fresh_;
  } else {
    ++partition.producer.epoch;
  }
  partition.reset = {};
  partition.next_sequence = 0;
  partition.established = false;
  partition.uncertain_gap = false;
  for (Batch& batch : partition.batches) {
    batch.base_sequence = -1;
    batch.maybe_appended = false;
  }
  ++sequence_resets_;
}

void SenderCore::DropSettledFront(PartitionIndex index) {
  std::deque<Batch>& batches = partitions_[index].batches;
  while (!batches.empty() && batches.front().settled) batches.pop_front();
  if (batches.empty()) active_.erase(index);
}

void SenderCore::Remove(PartitionIndex index, const Batch& batch) {
  Partition& partition = partitions_[index];
  const bool is_last_numbered =
      batch.base_sequence >= 0 &&
      partition.next_sequence == kafka::SequenceAfter(batch.base_sequence, batch.spec.record_count);
  if (is_last_numbered && !batch.maybe_appended) partition.next_sequence = batch.base_sequence;
  const auto it = std::find_if(partition.batches.begin(), partition.batches.end(),
                               [&](const Batch& b) { return &b == &batch; });
  CHECK(it != partition.batches.end());
  if (it->maybe_appended) {
    it->settled = true;
    NoteGap(partition, *it);
  } else {
    partition.batches.erase(it);
  }
  DropSettledFront(index);
}

void SenderCore::ReportFailure(PartitionIndex index, const Batch& batch, bool timed_out) {
  partitions_[index].reports.End({.batch = batch.spec.id,
                                  .error = batch.last_error,
                                  .timed_out = timed_out,
                                  .maybe_appended = batch.maybe_appended || batch.in_flight != 0,
                                  .message = batch.last_message},
                                 completions_);
}

}  // namespace soliton::producer
