// Iterates the records of one batch without copying keys, values or headers. Every length is
// checked against the bytes that are there; a lie ends the walk with kDataLoss. One owner; not
// thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/buffer.h"

namespace soliton::kafka {

struct RecordHeader {
  std::string_view key;
  std::optional<std::string_view> value;

  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

// Views point into the iterator's payload.
struct Record {
  int32_t offset_delta = 0;
  int64_t timestamp_delta = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // nullopt: tombstone
  std::vector<RecordHeader> headers;
};

class RecordIterator {
 public:
  // Over `count` uncompressed records that fill `payload` exactly.
  RecordIterator(Buffer payload, int32_t count) : payload_(std::move(payload)), left_(count) {}

  // Over the records of `batch`, decompressed when need be; kResourceExhausted beyond
  // `max_output_bytes`. The CRC is not checked here.
  static absl::StatusOr<RecordIterator> Open(const RecordBatchView& batch, size_t max_output_bytes);

  // Fills `record` and returns true, or returns false at the end. Reuses the memory of
  // `record.headers`, so pass the same one each time.
  absl::StatusOr<bool> Next(Record& record);

  // What the records' views point into: keep it to keep them.
  const Buffer& payload() const { return payload_; }

 private:
  Buffer payload_;
  size_t position_ = 0;
  int32_t left_ = 0;
};

// The timestamp that consumers see: the batch's for LogAppendTime, else base + delta (wrapping, as
// in Kafka).
int64_t TimestampOf(const RecordBatchHeader& batch, const Record& record);

}  // namespace soliton::kafka
