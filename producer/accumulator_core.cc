#include "producer/accumulator_core.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace soliton::producer {
namespace {

std::optional<std::string_view> View(const std::optional<std::string>& text) {
  if (!text.has_value()) return std::nullopt;
  return std::string_view(*text);
}

std::vector<kafka::RecordHeader> HeadersOf(const ProducerRecord& record) {
  std::vector<kafka::RecordHeader> headers;
  headers.reserve(record.headers.size());
  for (const auto& [key, value] : record.headers) headers.push_back({key, View(value)});
  return headers;
}

}  // namespace

bool AccumulatorCore::Append(PartitionIndex partition, ProducerRecord record, SendCallback callback,
                             int64_t charged_bytes, uint64_t generation, MonotonicTime now) {
  if (partition >= partitions_.size()) partitions_.resize(partition + 1);
  auto& batches = partitions_[partition];
  const std::vector<kafka::RecordHeader> headers = HeadersOf(record);
  bool changed = false;
  const auto fits = [&](const ProducerBatch& batch) {
    if (batch.generation != generation) return false;
    const size_t grown =
        batch.builder->uncompressed_size_bytes() +
        batch.builder->SizeOf(record.timestamp_ms, View(record.key), View(record.value), headers);
    return static_cast<int64_t>(grown) <= options_.batch_bytes;
  };
  if (batches.empty() || !fits(*batches.back())) {
    batches.push_back(std::make_unique<ProducerBatch>(
        next_batch_++, partition,
        kafka::BatchOptions{.codec = options_.codec, .level = options_.compression_level}));
    batches.back()->opened_at = now;
    batches.back()->generation = generation;
    active_.insert(partition);
    changed = true;
  }
  ProducerBatch& batch = *batches.back();
  batch.builder->Append(record.timestamp_ms, View(record.key), View(record.value), headers);
  batch.records.push_back({std::move(callback), record.timestamp_ms});
  batch.charged_bytes += charged_bytes;
  return changed || IsFull(batch);
}

bool AccumulatorCore::BatchIsReady(const std::deque<std::unique_ptr<ProducerBatch>>& batches,
                                   MonotonicTime now) const {
  if (batches.empty()) return false;
  const ProducerBatch& oldest = *batches.front();
  return batches.size() > 1 || IsFull(oldest) || oldest.generation <= flushed_generation_ ||
         now - oldest.opened_at >= options_.linger || charged_bytes_ * 2 >= options_.buffer_bytes;
}

bool AccumulatorCore::IsReady(PartitionIndex partition, MonotonicTime now) const {
  return partition < partitions_.size() && BatchIsReady(partitions_[partition], now);
}

std::unique_ptr<ProducerBatch> AccumulatorCore::Pop(PartitionIndex partition) {
  auto& batches = partitions_[partition];
  CHECK(!batches.empty());
  std::unique_ptr<ProducerBatch> batch = std::move(batches.front());
  batches.pop_front();
  if (batches.empty()) active_.erase(partition);
  return batch;
}

std::unique_ptr<ProducerBatch> AccumulatorCore::PopOlderThan(PartitionIndex partition,
                                                             MonotonicTime opened_before) {
  if (partition >= partitions_.size() || partitions_[partition].empty()) return nullptr;
  if (partitions_[partition].front()->opened_at > opened_before) return nullptr;
  return Pop(partition);
}

std::optional<MonotonicTime> AccumulatorCore::NextReady(MonotonicTime now) const {
  std::optional<MonotonicTime> next;
  for (const PartitionIndex partition : active_) {
    if (BatchIsReady(partitions_[partition], now)) continue;
    const MonotonicTime at = partitions_[partition].front()->opened_at + options_.linger;
    if (!next.has_value() || at < *next) next = at;
  }
  return next;
}

std::optional<MonotonicTime> AccumulatorCore::OldestOpened() const {
  std::optional<MonotonicTime> oldest;
  for (const PartitionIndex partition : active_) {
    const MonotonicTime at = partitions_[partition].front()->opened_at;
    if (!oldest.has_value() || at < *oldest) oldest = at;
  }
  return oldest;
}

}  // namespace soliton::producer
