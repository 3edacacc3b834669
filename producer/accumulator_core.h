// Collects records into one open batch per partition, and says when a batch should go: when it is
// full, when it has waited for `linger`, when a flush asks for it, or when memory runs out. Pure;
// one owner. Batches of a partition leave in the order their records came.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "producer/record.h"
#include "producer/sender_core.h"
#include "protocol/record/batch_builder.h"
#include "runtime/base/buffer.h"
#include "runtime/loop/clock.h"

namespace soliton::producer {

struct AccumulatorOptions {
  int64_t batch_bytes = 16384;  // a larger record travels alone
  Duration linger = milliseconds(5);
  int64_t buffer_bytes = 32 * 1024 * 1024;
  kafka::Codec codec = kafka::Codec::kNone;
  kafka::CompressionLevel compression_level;
};

// Records that travel together. Created by the accumulator, kept by the producer until resolved.
struct ProducerBatch {
  ProducerBatch(BatchId batch_id, PartitionIndex index, const kafka::BatchOptions& options)
      : id(batch_id), partition(index), builder(std::in_place, options) {}

  struct Sent {
    SendCallback callback;
    int64_t timestamp_ms;
  };

  BatchId id;
  PartitionIndex partition;
  std::optional<kafka::BatchBuilder> builder;  // gone once encoded
  std::vector<Sent> records;
  MonotonicTime opened_at{};
  int64_t charged_bytes = 0;  // of the accumulator's buffer
  uint64_t generation = 0;    // of flushes; all records of a batch have the same
  // Filled when sent: the bytes, and the producer and sequence that they carry.
  Buffer encoded;
  ProducerIdentity encoded_for;
  int32_t encoded_sequence = -1;
};

class AccumulatorCore {
 public:
  explicit AccumulatorCore(const AccumulatorOptions& options) : options_(options) {}

  // Memory for records from Send to their end. Over the limit only for a record on its own.
  bool HasRoomFor(int64_t bytes) const {
    return charged_bytes_ == 0 || charged_bytes_ + bytes <= options_.buffer_bytes;
  }
  void Charge(int64_t bytes) { charged_bytes_ += bytes; }
  void Release(int64_t bytes) { charged_bytes_ -= bytes; }
  int64_t charged_bytes() const { return charged_bytes_; }

  // True when this changed what is ready or when: a batch was opened or has become full.
  // `charged_bytes` were charged before.
  bool Append(PartitionIndex partition, ProducerRecord record, SendCallback callback,
              int64_t charged_bytes, uint64_t generation, MonotonicTime now);

  // Everything of this generation or older is to go now.
  void Flush(uint64_t generation) { flushed_generation_ = generation; }

  // Whether the partition's oldest batch should go now.
  bool IsReady(PartitionIndex partition, MonotonicTime now) const;
  // Partitions with batches, ready or not, ascending.
  const std::set<PartitionIndex>& active() const { return active_; }
  // Takes the oldest batch out. CHECKs that there is one.
  std::unique_ptr<ProducerBatch> Pop(PartitionIndex partition);
  // Takes out the oldest batch when it was opened at or before `opened_before`.
  std::unique_ptr<ProducerBatch> PopOlderThan(PartitionIndex partition,
                                              MonotonicTime opened_before);

  // When the next batch becomes ready by waiting; nullopt when none will.
  std::optional<MonotonicTime> NextReady(MonotonicTime now) const;
  // When the oldest batch was opened.
  std::optional<MonotonicTime> OldestOpened() const;

 private:
  bool IsFull(const ProducerBatch& batch) const {
    return static_cast<int64_t>(batch.builder->uncompressed_size_bytes()) >= options_.batch_bytes;
  }
  bool BatchIsReady(const std::deque<std::unique_ptr<ProducerBatch>>& batches,
                    MonotonicTime now) const;

  const AccumulatorOptions options_;
  std::vector<std::deque<std::unique_ptr<ProducerBatch>>> partitions_;
  std::set<PartitionIndex> active_;
  BatchId next_batch_ = 1;
  uint64_t flushed_generation_ = 0;
  int64_t charged_bytes_ = 0;
};

}  // namespace soliton::producer
