#include "tests/sim/checkers/invariant_09_10_idempotent_producer.h"

#include <algorithm>
#include <limits>

namespace soliton::sim {

void IdempotentProducers::OnSent(const PartitionName& partition, const RecordName& name) {
  Sent& sent = sent_[partition][name.producer];
  sent.count = std::max(sent.count, name.number + 1);
}

void IdempotentProducers::OnFailed(const PartitionName& partition, const RecordName& name) {
  sent_[partition][name.producer].failed.insert(name.number);
}

absl::Status IdempotentProducers::Audit(const PartitionName& partition, int64_t log_start_offset,
                                        const std::vector<RecordObservation>& records,
                                        bool all_answered) const {
  std::map<int32_t, int64_t> last;     // number of the producer's last record so far
  std::map<int32_t, int64_t> last_at;  // its offset
  auto expected = sent_.find(partition);
  const auto sent_here = expected == sent_.end() ? std::map<int32_t, Sent>() : expected->second;
  auto missing = [&](int32_t producer, int64_t from, int64_t to) -> absl::Status {
    auto sent = sent_here.find(producer);
    for (int64_t number = from; number < to; ++number) {
      if (sent != sent_here.end() && sent->second.failed.contains(number)) continue;
      return absl::DataLossError(fmt::format("{}: gap, {} is missing and was not reported failed",
                                             partition.ToString(),
                                             RecordName{producer, number}.ToString()));
    }
    return absl::OkStatus();
  };
  for (const RecordObservation& record : records) {
    const auto [producer, number] = record.name;
    if (!sent_here.contains(producer)) continue;
    const bool head_deleted = log_start_offset > 0 && !last.contains(producer);
    const int64_t before = head_deleted              ? number - 1
                           : last.contains(producer) ? last[producer]
                                                     : -1;
    if (number <= before) {
      return absl::InternalError(
          fmt::format("{}: {} at offset {} comes after {} at offset {}: duplicated or out of order",
                      partition.ToString(), record.name.ToString(), record.offset,
                      RecordName{producer, before}.ToString(), last_at[producer]));
    }
    if (absl::Status gap = missing(producer, before + 1, number); !gap.ok()) return gap;
    last[producer] = number;
    last_at[producer] = record.offset;
  }
  if (!all_answered) return absl::OkStatus();
  for (const auto& [producer, sent] : sent_here) {
    if (log_start_offset > 0 && !last.contains(producer)) continue;
    const int64_t from = last.contains(producer) ? last[producer] + 1 : 0;
    if (absl::Status gap = missing(producer, from, sent.count); !gap.ok()) return gap;
  }
  return absl::OkStatus();
}

void PlainOrder::OnSent(const PartitionName& partition, const RecordName& name) {
  failed_[partition].try_emplace(name.producer);
}

void PlainOrder::OnFailed(const PartitionName& partition, const RecordName& name) {
  failed_[partition][name.producer].insert(name.number);
}

absl::Status PlainOrder::Audit(const PartitionName& partition,
                               const std::vector<RecordObservation>& records) const {
  auto here = failed_.find(partition);
  if (here == failed_.end()) return absl::OkStatus();
  std::set<RecordName> seen;
  std::map<int32_t, int64_t> last;
  for (const RecordObservation& record : records) {
    auto producer = here->second.find(record.name.producer);
    if (producer == here->second.end() || producer->second.contains(record.name.number)) continue;
    if (!seen.insert(record.name).second) continue;
    const auto [entry, first] = last.try_emplace(record.name.producer, record.name.number);
    if (!first && record.name.number < entry->second) {
      return absl::InternalError(fmt::format("{}: {} at offset {} comes after {} of one producer",
                                             partition.ToString(), record.name.ToString(),
                                             record.offset, entry->second));
    }
    entry->second = record.name.number;
  }
  return absl::OkStatus();
}

absl::Status CheckSequences(const LogObservation& log, bool given_up) {
  struct Producer {
    int16_t epoch = -1;
    int64_t next_sequence = 0;
  };
  constexpr int64_t kSequences = int64_t{std::numeric_limits<int32_t>::max()} + 1;
  std::map<int64_t, Producer> producers;
  for (const BatchObservation& batch : log.batches) {
    if (batch.producer_id < 0) continue;
    const bool known = producers.contains(batch.producer_id);
    Producer& producer = producers[batch.producer_id];
    const bool new_epoch = batch.producer_epoch > producer.epoch;
    int64_t expected = new_epoch ? 0 : producer.next_sequence;
    if ((!known && log.log_start_offset > 0) || (new_epoch && given_up))
      expected = batch.base_sequence;
    if (batch.producer_epoch < producer.epoch || batch.base_sequence != expected) {
      return absl::InternalError(fmt::format(
          "{} on broker {}: batch at {} of producer {} epoch {} has sequence {}, expected {} of "
          "epoch {}",
          log.partition.ToString(), log.broker, batch.base_offset, batch.producer_id,
          batch.producer_epoch, batch.base_sequence, expected, producer.epoch));
    }
    producer.epoch = batch.producer_epoch;
    producer.next_sequence =
        (batch.base_sequence + (batch.last_offset - batch.base_offset) + 1) % kSequences;
  }
  return absl::OkStatus();
}

}  // namespace soliton::sim
