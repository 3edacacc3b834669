#include "consumer/batch_reader.h"

#include <fmt/format.h>

#include <utility>

#include "protocol/record/control_record.h"
#include "protocol/record/record_iterator.h"

namespace soliton::consumer {
namespace {

absl::Status Damaged(const kafka::RecordBatchView& batch, const std::string& what) {
  return absl::DataLossError(
      fmt::format("the batch at offset {} is damaged: {}", batch.base_offset(), what));
}

}  // namespace

void BatchReader::BeginAnswer(const std::vector<AbortedTransaction>& aborted) {
  aborted_producers_.clear();
  pending_.clear();
  if (!options_.read_committed) return;
  for (const AbortedTransaction& transaction : aborted) {
    pending_.emplace(transaction.first_offset, transaction.producer_id);
  }
}

bool BatchReader::IsAborted(const kafka::RecordBatchView& batch) {
  while (!pending_.empty() && pending_.begin()->first <= batch.last_offset()) {
    aborted_producers_.insert(pending_.begin()->second);
    pending_.erase(pending_.begin());
  }
  return batch.is_transactional() && aborted_producers_.contains(batch.producer_id());
}

void BatchReader::EndTransaction(const kafka::RecordBatchView& batch) {
  const auto control = kafka::ReadControlRecord(batch);
  // Control records of unknown kinds mean nothing to a consumer.
  if (control.ok() && control->type == kafka::ControlType::kAbort) {
    aborted_producers_.erase(batch.producer_id());
  }
}

absl::StatusOr<RecordSet> BatchReader::Read(const kafka::RecordBatchView& batch,
                                            int64_t from_offset) {
  if (options_.check_crc && !batch.CrcMatches()) return Damaged(batch, "its checksum is wrong");
  RecordSet set;
  set.timestamp_type = batch.timestamp_type();
  set.leader_epoch = batch.leader_epoch();
  set.next_offset = std::max(from_offset, batch.next_offset());
  const bool aborted = options_.read_committed && IsAborted(batch);
  if (batch.is_control()) {
    if (options_.read_committed) EndTransaction(batch);
    return set;
  }
  if (aborted || batch.records_count() == 0 || batch.next_offset() <= from_offset) return set;

  auto records = kafka::RecordIterator::Open(batch, static_cast<size_t>(options_.max_batch_bytes));
  if (!records.ok()) return Damaged(batch, std::string(records.status().message()));
  kafka::Record record;
  while (true) {
    const absl::StatusOr<bool> more = records->Next(record);
    if (!more.ok()) return Damaged(batch, std::string(more.status().message()));
    if (!*more) break;
    const int64_t offset = batch.base_offset() + record.offset_delta;
    if (offset < from_offset) continue;
    if (offset > batch.last_offset()) return Damaged(batch, "a record lies beyond its end");
    set.records.push_back({.offset = offset,
                           .timestamp_ms = kafka::TimestampOf(batch, record),
                           .key = record.key,
                           .value = record.value,
                           .headers = record.headers});
  }
  set.payload = records->payload();
  return set;
}

}  // namespace soliton::consumer
