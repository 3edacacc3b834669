// Checks the files of one replica's log without changing any: every batch's CRC, that offsets and
// leader epochs follow on, and that what is derived from them (indexes, epoch checkpoint, producer
// snapshots, recovery point, topic id) agrees. The counterpart of log_recovery.h: what recovery
// would cut is a torn tail here, what it would refuse is damage. The log must not be in use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/file/file_system.h"
#include "segment/verify/finding.h"

namespace soliton::segment {

struct LogReport {
  std::string directory;
  int64_t segments = 0;
  int64_t batches = 0;  // that were found good
  int64_t records = 0;
  int64_t bytes = 0;
  int64_t log_start_offset = 0;
  int64_t log_end_offset = 0;
  int64_t durable_end_offset = 0;  // records below it were promised
  std::vector<Finding> findings;
};

// All of `directory`. An error is one of the disk, or that there is no such folder; damage is in
// the report.
absl::StatusOr<LogReport> VerifyLog(FileSystem& fs, const std::string& directory);
// One data file with its indexes.
absl::StatusOr<LogReport> VerifySegmentFile(FileSystem& fs, const std::string& path);

}  // namespace soliton::segment
