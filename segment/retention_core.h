// Which of a log's segments retention lets go: pure. Only a run of the oldest segments ever goes,
// so that the log stays one piece. Kafka's rules, except that timestamps out of this world can
// neither wipe nor pin a log:
//   time   a segment whose largest timestamp is older than retention_ms. A timestamp that is
//          missing, more than `kFutureSlackMs` ahead of the clock, or more than `kPastSlackMs`
//          before the segment was last written, counts as the time of that write
//   size   from the oldest, while what stays is at least retention_bytes
//   start  a segment that ends at or below log_start_offset
// Nothing at or above limit_offset (the high watermark) goes.
#pragma once

#include <cstdint>
#include <span>

namespace soliton::segment {

struct SegmentFacts {
  int64_t base_offset = 0;
  int64_t end_offset = 0;  // exclusive
  int64_t size_bytes = 0;
  int64_t max_timestamp_ms = -1;  // of its records; -1 when unknown or empty
  // When it was last appended to, or its log was opened after that; -1 when unknown.
  int64_t last_write_ms = -1;
};

struct RetentionLimits {
  int64_t now_ms = 0;
  int64_t retention_ms = -1;     // -1 = unlimited
  int64_t retention_bytes = -1;  // -1 = unlimited
  int64_t log_start_offset = 0;
  int64_t limit_offset = 0;
};

inline constexpr int64_t kFutureSlackMs = 24 * 3600 * int64_t{1000};
inline constexpr int64_t kPastSlackMs = 365 * kFutureSlackMs;

// How many of the oldest segments go. `segments` in log order, the last is the active one; it may
// be counted too (time only): the caller rolls first, so that a log is never without a segment.
size_t SegmentsToDelete(std::span<const SegmentFacts> segments, const RetentionLimits& limits);

}  // namespace soliton::segment
