// Which of a folder's record bytes make up the log: opens the segments, decides where the log ends,
// and cuts what lies beyond. See log_recovery.h for what is trusted and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/file/file_system.h"
#include "segment/recovery_point_file.h"
#include "segment/segment.h"
#include "segment/state/leader_epoch_cache.h"

namespace soliton::segment {

struct SurvivingSegments {
  SegmentMap segments;  // contiguous, never empty
  int64_t log_start_offset = 0;
  int64_t log_end_offset = 0;
  // A clean stop left all of it durable. Otherwise cuts and removals are not synced yet.
  bool clean = false;
  // A segment checkpoint was used, so its file is right.
  bool checkpoint_used = false;
  // Files were cut, removed or made, none of which is synced yet.
  bool changed = false;
  // Batches from here on were read, and these are their epochs; those below were taken as durable.
  int64_t scanned_from_offset = 0;
  std::vector<LeaderEpochCache::Entry> scanned_epochs;
};

// kDataLoss when records below the recovery point's durable end are damaged or missing.
absl::StatusOr<SurvivingSegments> RecoverSegments(FileSystem& fs, const std::string& directory,
                                                  int64_t index_interval_bytes,
                                                  const std::optional<RecoveryPoint>& point,
                                                  bool clean_shutdown);

}  // namespace soliton::segment
