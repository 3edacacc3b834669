// Decides whether the bytes that a client or a leader sent may enter a log. Pure: bytes and
// settings in, verdict out; memory is bounded whatever a compressed batch expands to. What passes
// here is readable by every consumer.
//
// From clients the rules are Apache Kafka's, and stricter where no client can mind: a batch whose
// offset deltas are not 0, 1, 2..., and a payload that is no stream of its codec, are refused with
// INVALID_RECORD, which no client retries (CORRUPT_MESSAGE would be sent again and again). Batches
// from a leader were checked when it took them; here only what a wire or a disk can damage is
// checked again.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "protocol/record/record_batch.h"
#include "protocol/wire/error_code.h"
#include "runtime/base/buffer.h"

namespace soliton::segment {

enum class AppendOrigin {
  kClient,       // one new batch for the leader
  kReplication,  // a batch of the leader's log
};

// One offending record, as Produce answers report it (KIP-467).
struct RecordError {
  int32_t batch_index = 0;
  std::string message;
  friend bool operator==(const RecordError&, const RecordError&) = default;
};

// Topic settings; names mirror Kafka's.
struct BatchValidationOptions {
  int32_t max_message_bytes = 1048588;  // of the batch as stored, compressed or not
  kafka::TimestampType timestamp_type = kafka::TimestampType::kCreateTime;
  // How far timestamps may lie from the leader's clock; the largest value means no limit.
  int64_t timestamp_before_max_ms = std::numeric_limits<int64_t>::max();
  int64_t timestamp_after_max_ms = 3600000;
  bool compacted = false;  // cleanup.policy has "compact": every record needs a key
  // How far a compressed batch may expand. Costs time, not memory; Kafka knows no such limit.
  int64_t max_uncompressed_bytes = int64_t{256} << 20;
};

// Of one append.
struct ValidationContext {
  AppendOrigin origin = AppendOrigin::kClient;
  int64_t now_ms = 0;
  // Version of the Produce request: zstd needs 7.
  int16_t produce_version = std::numeric_limits<int16_t>::max();
};

struct BatchVerdict {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::string message;                     // for the client, when error != NONE
  std::vector<RecordError> record_errors;  // the first kMaxRecordErrors

  // When error == NONE:
  std::optional<kafka::RecordBatchView> batch;
  // What the batch must say once it is in the log; differs from the batch when
  // `rewrite_timestamps`: a topic with LogAppendTime, or a header that lies about its records
  // (retention and time index go by it).
  int64_t max_timestamp_ms = kafka::kNoTimestamp;
  bool rewrite_timestamps = false;

  bool ok() const { return error == kafka::ErrorCode::NONE; }
};

inline constexpr size_t kMaxRecordErrors = 100;

// `records` is the whole field of the request: it must hold one batch and nothing else.
BatchVerdict ValidateBatch(const Buffer& records, const BatchValidationOptions& options,
                           const ValidationContext& context);

// Writes max_timestamp_ms into verdict.batch when the verdict asks for it (CRC included). The
// leader calls it once it is sure to append; the bytes must be its own.
void ApplyTimestamps(BatchVerdict& verdict, const BatchValidationOptions& options);

}  // namespace soliton::segment
