// Opening a log's folder: from files, of which any may be missing, torn or stale, to a log in
// memory that is right.
//
// What is trusted: everything below the recovery point's durable_end_offset (it was synced), except
// that index files must fit their data; all of it when the data directory was closed cleanly and
// the last file has the size it was closed with. The rest is read with checksums, from the segment
// that holds the durable end on. The first batch that does not follow on ends the log, unless it
// lies below the durable end: then open fails with kDataLoss, because cutting there would lose
// records that were promised. What survives is synced, and derived files rewritten, before
// the new recovery point says that it is durable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/file/file_system.h"
#include "runtime/loop/clock.h"
#include "segment/log.h"
#include "segment/recovery_point_file.h"
#include "segment/segment.h"
#include "segment/state/leader_epoch_cache.h"
#include "segment/state/producer_state.h"

namespace soliton::segment {

inline constexpr std::string_view kEpochCheckpointName = "leader-epoch-checkpoint";

struct RecoveredLog {
  RecoveredLog(RecoveryPointFile point) : recovery_point(std::move(point)) {}

  Uuid topic_id;
  SegmentMap segments;  // never empty
  int64_t log_start_offset = 0;
  int64_t log_end_offset = 0;  // all of it durable
  LeaderEpochCache epochs;
  ProducerStateTable producers;
  std::set<int64_t> snapshots;  // offsets of the producer snapshots on disk
  // Index files or the epoch checkpoint are to be written later: the disk had no room for them, or
  // opening did not wait for it.
  bool derived_files_missing = false;
  // All files are as a clean stop left them.
  bool clean = false;
  int64_t checkpoint_position = 0;  // how far the newest segment's checkpoint goes
  RecoveryPointFile recovery_point;
};

absl::StatusOr<RecoveredLog> RecoverLog(FileSystem& fs, const Clock& clock,
                                        const LogOptions& options, const OpenOptions& open);

}  // namespace soliton::segment
