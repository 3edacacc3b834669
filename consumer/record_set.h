// What a consumer hands out: the records of one batch. Values; the views of a set point into its
// own `payload` and are valid as long as the set or a copy of it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/record/record_batch.h"
#include "protocol/record/record_iterator.h"
#include "runtime/base/buffer.h"

namespace soliton::consumer {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;

  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

// Where to begin reading a partition.
struct StartPosition {
  enum class Kind { kEarliest, kLatest, kOffset, kTimestamp };
  Kind kind = Kind::kEarliest;
  int64_t value = 0;  // the offset, or milliseconds since the epoch

  static StartPosition Earliest() { return {Kind::kEarliest, 0}; }
  static StartPosition Latest() { return {Kind::kLatest, 0}; }
  static StartPosition Offset(int64_t offset) { return {Kind::kOffset, offset}; }
  // The first record with this timestamp or a later one; the end when there is none.
  static StartPosition Timestamp(int64_t ms) { return {Kind::kTimestamp, ms}; }
};

struct ConsumedRecord {
  int64_t offset = 0;
  int64_t timestamp_ms = -1;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<kafka::RecordHeader> headers;
};

struct RecordSet {
  TopicPartition from;
  kafka::TimestampType timestamp_type = kafka::TimestampType::kCreateTime;
  int32_t leader_epoch = -1;
  std::vector<ConsumedRecord> records;  // ascending offsets
  int64_t next_offset = 0;              // where reading goes on after this set
  Buffer payload;
};

}  // namespace soliton::consumer
