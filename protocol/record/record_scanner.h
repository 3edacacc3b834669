// Walks the records of one batch to check their structure, skipping keys and values, in memory
// bounded by one decompressed chunk. RecordIterator is for readers who want the contents; this is
// for the broker, who must only know that every reader will be able to read them. One owner, one
// use; not thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "protocol/record/decompressor.h"

namespace soliton::kafka {

struct ScannedRecord {
  int32_t offset_delta = 0;
  int64_t timestamp_delta = 0;
  bool has_key = false;
  bool has_value = false;
};

class RecordScanner {
 public:
  enum class Step {
    kRecord,  // `record` was filled
    kEnd,     // `count` records filled the payload exactly
    kError,   // see status(); stays so
  };

  // Expects `count` records from `source`, which must outlive the scanner.
  RecordScanner(Decompressor& source, int32_t count, uint64_t max_output_bytes)
      : source_(source), left_(count), output_left_bytes_(max_output_bytes) {}

  Step Next(ScannedRecord& record);

  // Why the walk failed: kDataLoss for a payload that lies, kResourceExhausted for one that expands
  // beyond the limit.
  const absl::Status& status() const { return status_; }

 private:
  class Contiguous;
  class Chunked;

  // Makes at_ != end_ when there is more output. False at the end or on error (then status_ is
  // set).
  bool Refill();
  bool ReadLength(int32_t& length);
  Step Fail(absl::Status status);

  Decompressor& source_;
  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  int32_t left_;
  uint64_t output_left_bytes_;
  absl::Status status_;
};

}  // namespace soliton::kafka
