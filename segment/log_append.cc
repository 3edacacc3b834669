// How a LogImpl grows: batches of clients and of a leader, and the segments that they go to.
#include <fmt/format.h>

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "protocol/record/batch_iterator.h"
#include "runtime/base/check.h"
#include "runtime/base/reach.h"
#include "segment/log_impl.h"

namespace soliton::segment {

using kafka::ErrorCode;
using kafka::RecordBatchHeader;
using kafka::RecordBatchView;

// ---- as leader ----

// Batches of a leader that go to the active segment with one write, and what they change once they
// are there. Nothing of it can be seen before.
struct LogImpl::Run {
  std::vector<Buffer> pieces;
  std::vector<RecordBatchView> batches;
  std::vector<AppendResult*> results;
  // Those of these batches' producers, as if the batches were in the log.
  ProducerStateTable producers;
  int64_t bytes = 0;
  int64_t end_offset = 0;

  bool empty() const { return batches.empty(); }
  PendingBytes pending() const {
    return empty() ? PendingBytes{} : PendingBytes{bytes, batches.front().max_timestamp()};
  }
  void Add(RecordBatchView batch, AppendResult& result) {
    bytes += batch.size_bytes();
    end_offset = batch.next_offset();
    pieces.push_back(batch.buffer());
    batches.push_back(std::move(batch));
    results.push_back(&result);
  }
};

namespace {

void RefuseStorage(const absl::Status& why, AppendResult& result) {
  result.error = ErrorCode::KAFKA_STORAGE_ERROR;
  result.error_message = std::string(why.message());
  result.disk_full = absl::IsResourceExhausted(why);
}

}  // namespace

std::vector<AppendResult> LogImpl::AppendAsLeader(std::span<const Buffer> batches,
                                                  int32_t leader_epoch) {
  std::vector<AppendResult> results(batches.size());
  const int64_t now_ms = clock_.WallMs();
  Run run;
  run.pieces.reserve(batches.size());
  run.batches.reserve(batches.size());
  run.results.reserve(batches.size());
  for (size_t i = 0; i < batches.size(); ++i) {
    std::optional<RecordBatchView> batch = ValidateForLeader(batches[i], now_ms, results[i]);
    if (!batch) continue;
    CHECK(leader_epoch >= latest_leader_epoch(), "append in epoch {} after epoch {} in {}",
          leader_epoch, latest_leader_epoch(), directory_);
    batch->SetLeaderEpoch(leader_epoch);
    AddToRun(*std::move(batch), now_ms, results[i], run);
  }
  WriteRun(now_ms, run);
  return results;
}

std::optional<RecordBatchView> LogImpl::ValidateForLeader(const Buffer& bytes, int64_t now_ms,
                                                          AppendResult& result) const {
  if (!fatal_error_.ok()) {
    RefuseStorage(fatal_error_, result);
    return std::nullopt;
  }
  BatchVerdict verdict = ValidateBatch(bytes, options_.validation, {.now_ms = now_ms});
  if (!verdict.ok()) {
    result.error = verdict.error;
    result.error_message = std::move(verdict.message);
    result.record_errors = std::move(verdict.record_errors);
    return std::nullopt;
  }
  if (verdict.batch->size_bytes() > SegmentLimitBytes()) {
    result.error = ErrorCode::RECORD_LIST_TOO_LARGE;
    result.error_message = fmt::format("the batch has {} bytes, segment.bytes is {}",
                                       verdict.batch->size_bytes(), SegmentLimitBytes());
    return std::nullopt;
  }
  ApplyTimestamps(verdict, options_.validation);
  return std::move(verdict.batch);
}

void LogImpl::AddToRun(RecordBatchView batch, int64_t now_ms, AppendResult& result, Run& run) {
  const auto stamp = [&] { batch.SetBaseOffset(run.empty() ? log_end_offset() : run.end_offset); };
  stamp();
  if (!run.empty() && ShouldRoll(batch, run.pending())) {
    WriteRun(now_ms, run);
    stamp();
  }
  if (!fatal_error_.ok()) return RefuseStorage(fatal_error_, result);
  if (batch.has_producer_id()) {
    ProducerCheck check = CheckProducer(ProducerBatch::Of(batch, now_ms), run);
    if (check.outcome != ProducerCheck::Outcome::kAccept && !run.empty()) {
      // It may be so because of a batch that is not written yet, and may never be.
      WriteRun(now_ms, run);
      if (!fatal_error_.ok()) return RefuseStorage(fatal_error_, result);
      stamp();
      check = CheckProducer(ProducerBatch::Of(batch, now_ms), run);
    }
    if (!Accept(check, result)) return;
  }
  if (run.empty() && ShouldRoll(batch, {})) {
    if (absl::Status status = Roll(); !status.ok()) return RefuseStorage(status, result);
  }
  if (batch.has_producer_id()) {
    run.producers.Update(ProducerBatch::Of(batch, now_ms), batch.base_offset());
  }
  run.Add(std::move(batch), result);
}

ProducerCheck LogImpl::CheckProducer(const ProducerBatch& batch, Run& run) const {
  if (run.producers.Find(batch.producer_id) == nullptr) {
    run.producers.TakeFrom(producers_, batch.producer_id);
  }
  return run.producers.CheckAppend(batch);
}

bool LogImpl::Accept(const ProducerCheck& check, AppendResult& result) const {
  switch (check.outcome) {
    case ProducerCheck::Outcome::kAccept:
      return true;
    case ProducerCheck::Outcome::kRefuse:
      result.error = check.error;
      result.error_message = check.message;
      return false;
    case ProducerCheck::Outcome::kDuplicate:
      SOMETIMES("a duplicate batch was answered");
      result.duplicate = true;
      result.base_offset = check.base_offset;
      result.last_offset = check.last_offset;
      if (stamps_append_time()) result.log_append_time_ms = check.append_time_ms;
      return false;
  }
  return false;
}

void LogImpl::WriteRun(int64_t now_ms, Run& run) {
  Run written = std::exchange(run, {});
  if (written.empty()) return;
  absl::Status status = fatal_error_;
  if (status.ok()) status = AppendRun(written.pieces, written.bytes, written.batches);
  if (absl::IsResourceExhausted(status) && written.batches.size() > 1) {
    SOMETIMES("a run of batches met the full disk");
    return WriteOneByOne(now_ms, written);
  }
  if (status.ok()) producers_.TakeAll(std::move(written.producers));
  for (size_t i = 0; i < written.batches.size(); ++i) {
    AppendResult& result = *written.results[i];
    if (!status.ok()) {
      RefuseStorage(status, result);
      continue;
    }
    const RecordBatchView& batch = written.batches[i];
    result.base_offset = batch.base_offset();
    result.last_offset = batch.last_offset();
    if (stamps_append_time()) result.log_append_time_ms = batch.max_timestamp();
  }
}

void LogImpl::WriteOneByOne(int64_t now_ms, const Run& run) {
  Run single;
  absl::flat_hash_map<int64_t, const AppendResult*> refused;
  for (size_t i = 0; i < run.batches.size(); ++i) {
    const int64_t producer_id = run.batches[i].producer_id();
    AppendResult& result = *run.results[i];
    // A log that does not know a producer takes any first sequence, so this one would be taken for
    // the beginning of what was refused.
    if (const auto found = refused.find(producer_id);
        found != refused.end() && producers_.Find(producer_id) == nullptr) {
      result = *found->second;
      continue;
    }
    AddToRun(run.batches[i], now_ms, result, single);
    WriteRun(now_ms, single);
    if (result.disk_full && producer_id >= 0) refused[producer_id] = &result;
  }
}

// ---- as follower ----

absl::StatusOr<int> LogImpl::AppendAsFollower(Buffer batches, int32_t max_leader_epoch) {
  if (!fatal_error_.ok()) return fatal_error_;
  const auto checked = CheckFollowerBatches(batches, max_leader_epoch);
  if (!checked.ok()) return checked.status();
  if (checked->empty()) return 0;
  const absl::Status status = AppendBatches(batches, *checked);
  if (status.ok()) return static_cast<int>(checked->size());
  // What fitted is there; the next fetch meets the full disk first.
  const auto rest = std::find_if(checked->begin(), checked->end(), [this](const auto& batch) {
    return batch.next_offset() > log_end_offset();
  });
  if (!absl::IsResourceExhausted(status) || rest == checked->begin()) return status;
  return static_cast<int>(rest - checked->begin());
}

absl::StatusOr<std::vector<RecordBatchView>> LogImpl::CheckFollowerBatches(
    Buffer batches, int32_t max_leader_epoch) {
  std::vector<RecordBatchView> good;
  int64_t expected_offset = log_end_offset();
  int32_t least_epoch = latest_leader_epoch();
  kafka::BatchIterator iterator(std::move(batches));
  // What precedes a bad batch is good and is kept; the next fetch meets the bad one first.
  const auto stop = [&good](absl::Status status) -> absl::StatusOr<std::vector<RecordBatchView>> {
    if (good.empty()) return status;
    return std::move(good);
  };
  while (true) {
    absl::StatusOr<std::optional<RecordBatchView>> next = iterator.Next();
    if (!next.ok()) return stop(next.status());
    if (!*next) return good;
    RecordBatchView& batch = **next;
    // DeleteRecords can cut inside a batch, so the leader's first batch may begin below our start.
    const bool straddles_start = good.empty() && size_bytes_ == 0 &&
                                 batch.base_offset() < expected_offset &&
                                 batch.last_offset() >= expected_offset;
    if (batch.base_offset() != expected_offset && !straddles_start) {
      return stop(absl::FailedPreconditionError(
          fmt::format("batch at offset {} does not follow on log end offset {} of {}",
                      batch.base_offset(), expected_offset, directory_)));
    }
    if (batch.leader_epoch() > max_leader_epoch || batch.leader_epoch() < least_epoch) {
      return stop(absl::FailedPreconditionError(
          fmt::format("batch at offset {} has leader epoch {}, expected {} to {}",
                      batch.base_offset(), batch.leader_epoch(), least_epoch, max_leader_epoch)));
    }
    if (!DataCheck(batch.CrcMatches(), "CRC mismatch in a batch from the leader, {} offset {}",
                   directory_, batch.base_offset())) {
      return stop(absl::DataLossError(
          fmt::format("CRC mismatch in the batch at offset {}", batch.base_offset())));
    }
    expected_offset = batch.next_offset();
    least_epoch = batch.leader_epoch();
    good.push_back(std::move(batch));
  }
}

absl::Status LogImpl::BeginAt(int64_t base_offset) {
  if (size_bytes_ > 0 || active_->end_offset() == base_offset) return absl::OkStatus();
  return RestartAt(base_offset, log_start_offset_);
}

absl::Status LogImpl::AppendBatches(const Buffer& bytes, std::span<const RecordBatchView> batches) {
  PendingBytes pending;
  size_t run_begin = 0;
  size_t run_position = 0;
  const auto flush_run = [&](size_t run_end) -> absl::Status {
    if (run_end == run_begin) return absl::OkStatus();
    const auto run = batches.subspan(run_begin, run_end - run_begin);
    const Buffer piece = bytes.Slice(run_position, static_cast<size_t>(pending.bytes));
    absl::Status status = AppendRun({&piece, 1}, pending.bytes, run);
    run_begin = run_end;
    run_position += piece.size();
    pending = {};
    if (status.ok()) NoteProducers(run);
    return status;
  };
  for (size_t i = 0; i < batches.size(); ++i) {
    if (ShouldRoll(batches[i], pending)) {
      if (absl::Status status = flush_run(i); !status.ok()) return status;
      if (absl::Status status = Roll(); !status.ok()) return status;
    }
    if (pending.bytes == 0) pending.first_timestamp_ms = batches[i].max_timestamp();
    pending.bytes += batches[i].size_bytes();
  }
  return flush_run(batches.size());
}

void LogImpl::NoteProducers(std::span<const RecordBatchView> batches) {
  const int64_t now_ms = clock_.WallMs();
  for (const RecordBatchView& batch : batches) {
    if (!batch.has_producer_id()) continue;
    producers_.Update(ProducerBatch::Of(batch, now_ms), batch.base_offset());
  }
}

// ---- both ----

absl::Status LogImpl::AppendRun(std::span<const Buffer> pieces, int64_t bytes,
                                std::span<const RecordBatchView> batches) {
  if (absl::Status begun = BeginAt(batches.front().base_offset()); !begun.ok()) return begun;
  ledger_.AddFile(active_->file());
  absl::Status status = active_->Append(pieces, batches);
  if (!status.ok()) return FenceUnlessFull(std::move(status));
  active_->set_last_write(clock_.Now());
  size_bytes_ += bytes;
  for (const RecordBatchView& batch : batches) {
    if (batch.leader_epoch() <= latest_leader_epoch()) continue;
    epochs_.Assign(batch.leader_epoch(), batch.base_offset());
    NoteEpochs();
  }
  return absl::OkStatus();
}

}  // namespace soliton::segment
