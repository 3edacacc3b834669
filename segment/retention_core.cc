#include "segment/retention_core.h"

namespace soliton::segment {
namespace {

bool IsExpired(const SegmentFacts& segment, const RetentionLimits& limits) {
  if (limits.retention_ms < 0) return false;
  int64_t newest_ms = segment.max_timestamp_ms;
  if (newest_ms < 0 || newest_ms > limits.now_ms + kFutureSlackMs ||
      newest_ms < segment.last_write_ms - kPastSlackMs) {
    newest_ms = segment.last_write_ms;
  }
  // Not known at all: keep. The next restart or append gives it a time.
  return newest_ms >= 0 && limits.now_ms - newest_ms > limits.retention_ms;
}

}  // namespace

size_t SegmentsToDelete(std::span<const SegmentFacts> segments, const RetentionLimits& limits) {
  int64_t left_bytes = 0;
  for (const SegmentFacts& segment : segments) left_bytes += segment.size_bytes;

  size_t count = 0;
  for (const SegmentFacts& segment : segments) {
    const bool is_active = count + 1 == segments.size();
    if (segment.size_bytes == 0 || segment.end_offset > limits.limit_offset) break;
    const bool below_start = !is_active && segment.end_offset <= limits.log_start_offset;
    const bool too_big = !is_active && limits.retention_bytes >= 0 &&
                         left_bytes - segment.size_bytes >= limits.retention_bytes;
    if (!below_start && !too_big && !IsExpired(segment, limits)) break;
    left_bytes -= segment.size_bytes;
    ++count;
  }
  return count;
}

}  // namespace soliton::segment
