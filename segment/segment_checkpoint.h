// How far the active segment is known without reading it: its indexes and sums up to a batch
// boundary. Recovery begins there, so that the time it takes follows from what was written last and
// not from the size of the log. Ours, beside Kafka's files.
//
// File `segment-checkpoint`, replaced atomically, big-endian:
//    0  u32  CRC-32C over the rest
//    4  u32  magic "SLSC"
//    8  i64  base_offset of the segment
//   16  i64  end_offset
//   24  i64  end_position
//   32  i64  first_timestamp_ms
//   40  i64  max_timestamp_ms
//   48  i64  max_timestamp_offset
//   56  i64  bytes_since_index_entry
//   64  u32  bytes of the offset index that follows, in the form of its own file
//   68  u32  bytes of the time index behind it, likewise
//
// A checkpoint describes records that are durable, and it is taken only when end_offset lies at or
// below the recovery point's durable end: a truncation moves that mark first, and removes the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "segment/index/offset_index.h"
#include "segment/index/time_index.h"

namespace soliton::segment {

inline constexpr std::string_view kSegmentCheckpointName = "segment-checkpoint";

struct SegmentCheckpoint {
  int64_t base_offset = 0;
  int64_t end_offset = 0;  // exclusive; a batch boundary
  int64_t end_position = 0;
  int64_t first_timestamp_ms = -1;
  int64_t max_timestamp_ms = -1;
  int64_t max_timestamp_offset = -1;
  int64_t bytes_since_index_entry = 0;
  OffsetIndex offset_index{0};
  TimeIndex time_index{0};

  std::string Encode() const;
  // kDataLoss for bytes that Encode did not make.
  static absl::StatusOr<SegmentCheckpoint> Decode(std::string_view bytes);

  friend bool operator==(const SegmentCheckpoint&, const SegmentCheckpoint&) = default;
};

}  // namespace soliton::segment
