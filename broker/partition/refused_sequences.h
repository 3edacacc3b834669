// Batches of idempotent producers that were turned away for the moment, so that what was sent right
// behind them is not taken for their beginning.
//
// A log that does not know a producer takes any first sequence, as its state may have expired. So
// when the very first batch of a producer meets a leader that cannot take it yet (too few in-sync
// replicas, not the leader so far) and the second, sent before that answer, a leader that can, the
// second would be written and the first be missing; librdkafka then reports the first as delivered,
// because only a retry could have come before the second. Here the second is out of order, and the
// producer begins again with the first.
//
// Pure; one owner. Notes are about requests in flight: they end by themselves.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "runtime/loop/clock.h"

namespace soliton::broker {

// Of a batch; producer_id -1 when its producer is not idempotent.
struct BatchSequence {
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t first_sequence = -1;
};

class RefusedSequences {
 public:
  // Longer than requests are in flight.
  static constexpr Duration kLifetime = seconds(120);
  static constexpr size_t kMaxNotes = 10'000;

  bool empty() const { return notes_.empty(); }
  // The batch was not written, and its producer is expected to send it again. `topic`: any name
  // that tells topics apart.
  void Note(std::string_view topic, int32_t partition, const BatchSequence& batch,
            MonotonicTime now);
  // Whether an earlier batch of the same producer and epoch was turned away and has not come since.
  bool IsMissingBefore(std::string_view topic, int32_t partition, const BatchSequence& batch,
                       MonotonicTime now) const;
  // The batch has come again.
  void Forget(std::string_view topic, int32_t partition, const BatchSequence& batch);

 private:
  struct Entry {
    int16_t producer_epoch = -1;
    int32_t first_sequence = -1;
    MonotonicTime until;
  };
  static std::string KeyOf(std::string_view topic, int32_t partition, int64_t producer_id);

  absl::flat_hash_map<std::string, Entry> notes_;
  std::deque<std::pair<MonotonicTime, std::string>> ends_;  // oldest first
};

}  // namespace soliton::broker
