// Whether the producer snapshots of a log agree with its batches. Fed with every batch in order.
// Only producers that the batches show are compared: a snapshot may know older ones, and may have
// forgotten idle ones. One owner.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "protocol/record/record_batch.h"
#include "runtime/file/file_system.h"
#include "segment/verify/finding.h"

namespace soliton::segment {

class SnapshotCheck {
 public:
  SnapshotCheck(const FileSystem& fs, std::vector<Finding>& findings)
      : fs_(fs), findings_(findings) {}

  // Before the first batch: a snapshot of the log's first `offset` records.
  void Expect(int64_t offset, const std::string& path) { pending_[offset] = path; }
  void Add(const kafka::RecordBatchHeader& batch);
  // Batches follow that cannot be read: what was seen before them may not be the newest.
  void OnHole() { producers_.clear(); }
  // After the last batch. What lies above `durable_end_offset` is removed by the next start.
  void Finish(int64_t log_end_offset, int64_t durable_end_offset);

 private:
  struct Newest {
    int16_t epoch = 0;
    int32_t last_sequence = 0;
    int64_t last_offset = 0;
  };

  void Compare(int64_t offset, const std::string& path);

  const FileSystem& fs_;
  std::vector<Finding>& findings_;
  std::map<int64_t, std::string> pending_;  // by offset
  absl::flat_hash_map<int64_t, Newest> producers_;
  std::vector<Finding> unsure_;  // damage, unless above the durable mark
};

}  // namespace soliton::segment
