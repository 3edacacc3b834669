// What every form of the metadata log has in common: how its segment log is set up, and reading it
// batch by batch.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "controller/log/metadata_log.h"
#include "segment/log.h"

namespace soliton::controller {

// What snapshots cover goes a segment at a time.
inline constexpr int64_t kMetadataSegmentBytes = 64 << 20;
segment::LogOptions MetadataLogOptions(int64_t segment_bytes = kMetadataSegmentBytes);

// Calls `visit` with every batch of [from, end), both at a batch's edge. Blocks. Stops at the first
// error and returns it.
absl::Status ForEachLoggedBatch(segment::Log& log, int64_t from, int64_t end,
                                const std::function<absl::Status(const LoggedBatch&)>& visit);

}  // namespace soliton::controller
