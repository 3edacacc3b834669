#include "broker/partition/refused_sequences.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::broker {

std::string RefusedSequences::KeyOf(std::string_view topic, int32_t partition,
                                    int64_t producer_id) {
  return fmt::format("{}-{}-{}", topic, partition, producer_id);
}

void RefusedSequences::Note(std::string_view topic, int32_t partition, const BatchSequence& batch,
                            MonotonicTime now) {
  if (batch.producer_id < 0) return;
  while (!ends_.empty() && (ends_.front().first <= now || ends_.size() >= kMaxNotes)) {
    const auto found = notes_.find(ends_.front().second);
    if (found != notes_.end() && found->second.until <= ends_.front().first) notes_.erase(found);
    ends_.pop_front();
  }
  std::string key = KeyOf(topic, partition, batch.producer_id);
  Entry& entry = notes_[key];
  const bool goes_on = entry.producer_epoch == batch.producer_epoch && entry.until > now;
  entry.producer_epoch = batch.producer_epoch;
  entry.first_sequence =
      goes_on ? std::min(entry.first_sequence, batch.first_sequence) : batch.first_sequence;
  entry.until = now + kLifetime;
  ends_.emplace_back(entry.until, std::move(key));
}

bool RefusedSequences::IsMissingBefore(std::string_view topic, int32_t partition,
                                       const BatchSequence& batch, MonotonicTime now) const {
  if (notes_.empty() || batch.producer_id < 0) return false;
  const auto found = notes_.find(KeyOf(topic, partition, batch.producer_id));
  return found != notes_.end() && found->second.until > now &&
         found->second.producer_epoch == batch.producer_epoch &&
         found->second.first_sequence < batch.first_sequence;
}

void RefusedSequences::Forget(std::string_view topic, int32_t partition,
                              const BatchSequence& batch) {
  if (notes_.empty() || batch.producer_id < 0) return;
  notes_.erase(KeyOf(topic, partition, batch.producer_id));
}

}  // namespace soliton::broker
