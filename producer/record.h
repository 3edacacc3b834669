// What a producer takes and what it gives back. Values; no owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

namespace soliton::producer {

struct ProducerRecord {
  std::string topic;
  // Chosen by the partitioner when not set: by the key's hash, or sticky without a key.
  std::optional<int32_t> partition;
  std::optional<std::string> key;
  std::optional<std::string> value;  // nullopt: tombstone
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  int64_t timestamp_ms = -1;  // -1 = now
};

struct RecordMetadata {
  int32_t partition = -1;
  // -1 where the broker did not say: acks=0.
  int64_t offset = -1;
  // The append time where the topic stamps it, else the record's own.
  int64_t timestamp_ms = -1;
};

// Runs once per record. Errors: kDeadlineExceeded (delivery timeout; the message says whether the
// record may have been written), kNotFound (no such topic or partition), kInvalidArgument (too
// large or refused by the broker's validation), kPermissionDenied, kAborted, kUnimplemented.
using SendCallback = absl::AnyInvocable<void(const absl::StatusOr<RecordMetadata>&)>;

}  // namespace soliton::producer
