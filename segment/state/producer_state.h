// What a partition remembers of its idempotent producers: their epoch and their last batches, so
// that a retry is recognised and a gap refused. The same table lives on every replica, updated in
// log order, so that a new leader goes on exactly. Pure; owned by the log.
//
// CheckAppend and Update are separate on purpose: the table changes only after the bytes are in the
// log. After a truncation the table is rebuilt: Clear() or Decode() of a snapshot at or below the
// new end, then Update() for every batch from there on. Undoing single batches is not possible, as
// older ones have been forgotten. Source: KIP-98, KIP-360, KIP-447; the rules are those of an
// Apache Kafka leader.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/record/record_batch.h"
#include "protocol/wire/error_code.h"

namespace soliton::segment {

// Of a batch, what concerns its producer.
struct ProducerBatch {
  int64_t producer_id = kafka::kNoProducerId;
  int16_t producer_epoch = kafka::kNoProducerEpoch;
  int32_t first_sequence = kafka::kNoSequence;
  int32_t last_sequence = kafka::kNoSequence;
  int32_t last_offset_delta = 0;
  // When it was appended: the batch's own time for LogAppendTime, else this replica's clock. Not
  // the client's CreateTime, which may lie in the past and would make the producer expire at once.
  int64_t append_time_ms = kafka::kNoTimestamp;
  bool is_transactional = false;
  bool is_control = false;
  int32_t coordinator_epoch = -1;  // of a transaction marker; -1 when not known

  static ProducerBatch Of(const kafka::RecordBatchHeader& batch, int64_t now_ms);
};

struct ProducerCheck {
  enum class Outcome { kAccept, kDuplicate, kRefuse };
  Outcome outcome = Outcome::kAccept;
  // kRefuse: why, for the client.
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::string message;
  // kDuplicate: where the original is.
  int64_t base_offset = -1;
  int64_t last_offset = -1;
  int64_t append_time_ms = kafka::kNoTimestamp;
};

class ProducerStateTable {
 public:
  // Retries are recognised among this many last batches: the most that a producer has in flight.
  static constexpr size_t kRememberedBatches = 5;

  struct Batch {
    int32_t last_sequence = kafka::kNoSequence;
    int32_t offset_delta = 0;
    int64_t last_offset = -1;
    int64_t append_time_ms = kafka::kNoTimestamp;

    int32_t first_sequence() const { return kafka::SequenceAfter(last_sequence, -offset_delta); }
    int64_t base_offset() const { return last_offset - offset_delta; }
    friend bool operator==(const Batch&, const Batch&) = default;
  };

  // Oldest batch first.
  struct Producer {
    int16_t epoch = kafka::kNoProducerEpoch;
    int32_t coordinator_epoch = -1;
    int64_t last_append_ms = kafka::kNoTimestamp;
    std::optional<int64_t> current_txn_first_offset;
    uint8_t batch_count = 0;
    std::array<Batch, kRememberedBatches> batches;

    const Batch* newest() const { return batch_count == 0 ? nullptr : &batches[batch_count - 1]; }
    friend bool operator==(const Producer&, const Producer&) = default;
  };

  // Whether the leader may append a client's batch. Only for batches with a producer id.
  //   1. same epoch, and its exact sequences among the remembered batches: duplicate
  //   2. older epoch: INVALID_PRODUCER_EPOCH
  //   3. newer epoch: must begin at sequence 0, else OUT_OF_ORDER_SEQUENCE_NUMBER
  //   4. same epoch: must follow the last sequence, else OUT_OF_ORDER_SEQUENCE_NUMBER
  //   5. unknown producer: any sequence
  ProducerCheck CheckAppend(const ProducerBatch& batch) const;

  // Notes a batch that is in the log at `base_offset`, on leaders, followers and in recovery.
  // Batches without a producer id are ignored. Control batches end a transaction and may raise the
  // epoch; they have no sequence.
  void Update(const ProducerBatch& batch, int64_t base_offset);

  // Forgets producers that have not appended for `expiration_ms` and have no open transaction.
  // Returns how many.
  int Expire(int64_t now_ms, int64_t expiration_ms);

  // Copies what `other` knows of this producer, if anything.
  void TakeFrom(const ProducerStateTable& other, int64_t producer_id);
  // Takes over all that `newer` knows: it began with what was here.
  void TakeAll(ProducerStateTable newer);

  void Clear() { producers_.clear(); }
  size_t size() const { return producers_.size(); }
  // Ascending.
  std::vector<int64_t> Ids() const;
  // nullptr when not known. Valid until the table changes.
  const Producer* Find(int64_t producer_id) const;

  // Kafka's `.snapshot` file, version 1. Kafka itself writes one entry per producer and so forgets
  // all but the last batch over a restart; we write one per remembered batch, oldest first. Its
  // reader takes the last one, so the file stays readable there, and files written there are
  // readable here.
  std::string Encode() const;
  // kDataLoss when the bytes are not exactly one snapshot.
  static absl::StatusOr<ProducerStateTable> Decode(std::string_view bytes);

  friend bool operator==(const ProducerStateTable&, const ProducerStateTable&) = default;

 private:
  // Looked up by key; every walk whose order can be seen sorts first.
  absl::flat_hash_map<int64_t, Producer> producers_;
};

}  // namespace soliton::segment
