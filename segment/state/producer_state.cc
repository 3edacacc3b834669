#include "segment/state/producer_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "runtime/base/check.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/endian.h"

namespace soliton::segment {
namespace {

using kafka::ErrorCode;
using Outcome = ProducerCheck::Outcome;

ProducerCheck Refuse(ErrorCode error, std::string message) {
  return {.outcome = Outcome::kRefuse, .error = error, .message = std::move(message)};
}

}  // namespace

ProducerBatch ProducerBatch::Of(const kafka::RecordBatchHeader& batch, int64_t now_ms) {
  return {.producer_id = batch.producer_id(),
          .producer_epoch = batch.producer_epoch(),
          .first_sequence = batch.base_sequence(),
          .last_sequence = batch.last_sequence(),
          .last_offset_delta = batch.last_offset_delta(),
          .append_time_ms = batch.timestamp_type() == kafka::TimestampType::kLogAppendTime
                                ? batch.max_timestamp()
                                : now_ms,
          .is_transactional = batch.is_transactional(),
          .is_control = batch.is_control()};
}

ProducerCheck ProducerStateTable::CheckAppend(const ProducerBatch& batch) const {
  DCHECK(batch.producer_id >= 0);
  const Producer* const known = Find(batch.producer_id);
  if (known == nullptr) return {};
  if (batch.producer_epoch == known->epoch) {
    for (size_t i = 0; i < known->batch_count; ++i) {
      const Batch& original = known->batches[i];
      if (original.first_sequence() == batch.first_sequence &&
          original.last_sequence == batch.last_sequence) {
        return {.outcome = Outcome::kDuplicate,
                .base_offset = original.base_offset(),
                .last_offset = original.last_offset,
                .append_time_ms = original.append_time_ms};
      }
    }
  }
  if (batch.producer_epoch < known->epoch) {
    return Refuse(ErrorCode::INVALID_PRODUCER_EPOCH,
                  fmt::format("producer {} has epoch {}, the batch has {}", batch.producer_id,
                              known->epoch, batch.producer_epoch));
  }
  // A newer epoch, or one that a transaction marker began, starts again at 0.
  const bool continues = batch.producer_epoch == known->epoch && known->newest() != nullptr;
  const int32_t expected = continues ? kafka::SequenceAfter(known->newest()->last_sequence, 1) : 0;
  // A producer known only by a snapshot without epoch may begin anywhere.
  if (known->epoch != kafka::kNoProducerEpoch && batch.first_sequence != expected) {
    return Refuse(
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        fmt::format("producer {} epoch {}: expected sequence {}, the batch begins at {}",
                    batch.producer_id, batch.producer_epoch, expected, batch.first_sequence));
  }
  return {};
}

void ProducerStateTable::Update(const ProducerBatch& batch, int64_t base_offset) {
  if (batch.producer_id < 0) return;
  Producer& producer = producers_[batch.producer_id];
  if (producer.epoch != batch.producer_epoch) {
    producer.epoch = batch.producer_epoch;
    producer.batches = {};
    producer.batch_count = 0;
  }
  producer.last_append_ms = batch.append_time_ms;
  if (batch.is_control) {
    producer.coordinator_epoch = std::max(producer.coordinator_epoch, batch.coordinator_epoch);
    producer.current_txn_first_offset.reset();
    return;
  }
  if (batch.is_transactional && !producer.current_txn_first_offset.has_value()) {
    producer.current_txn_first_offset = base_offset;
  }
  if (batch.first_sequence < 0) return;
  if (producer.batch_count == kRememberedBatches) {
    std::move(producer.batches.begin() + 1, producer.batches.end(), producer.batches.begin());
    --producer.batch_count;
  }
  producer.batches[producer.batch_count++] = {.last_sequence = batch.last_sequence,
                                              .offset_delta = batch.last_offset_delta,
                                              .last_offset = base_offset + batch.last_offset_delta,
                                              .append_time_ms = batch.append_time_ms};
}

void ProducerStateTable::TakeFrom(const ProducerStateTable& other, int64_t producer_id) {
  if (const Producer* known = other.Find(producer_id)) producers_[producer_id] = *known;
}

void ProducerStateTable::TakeAll(ProducerStateTable newer) {
  for (auto& [producer_id, producer] : newer.producers_) producers_[producer_id] = producer;
}

int ProducerStateTable::Expire(int64_t now_ms, int64_t expiration_ms) {
  return static_cast<int>(absl::erase_if(producers_, [&](const auto& entry) {
    const Producer& producer = entry.second;
    return !producer.current_txn_first_offset.has_value() &&
           now_ms - producer.last_append_ms >= expiration_ms;
  }));
}

std::vector<int64_t> ProducerStateTable::Ids() const {
  std::vector<int64_t> ids;
  ids.reserve(producers_.size());
  for (const auto& [id, producer] : producers_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

const ProducerStateTable::Producer* ProducerStateTable::Find(int64_t producer_id) const {
  const auto found = producers_.find(producer_id);
  return found == producers_.end() ? nullptr : &found->second;
}

}  // namespace soliton::segment
