// Whether the index files of one segment say the truth about its batches. Fed with every batch in
// order; keeps the entries, not the batches. One owner.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/record/record_batch.h"
#include "runtime/file/file_system.h"
#include "segment/index/offset_index.h"
#include "segment/index/time_index.h"
#include "segment/verify/finding.h"

namespace soliton::segment {

class IndexCheck {
 public:
  // Reads the files beside `log_path`. `grows`: the segment may have grown, or been cut, since they
  // were written, so that what they lack or hold too much is no damage.
  IndexCheck(const FileSystem& fs, const std::string& log_path, int64_t base_offset,
             int64_t log_bytes, bool grows, std::vector<Finding>& findings);

  // Indexes that stand in one file, `path`, for the segment's first batches; `kind` is what it is
  // when they lie.
  IndexCheck(const std::string& path, OffsetIndex offset_index, TimeIndex time_index,
             Finding::Kind kind, std::vector<Finding>& findings);

  void Add(const kafka::RecordBatchHeader& batch, int64_t position);
  // After the last batch. `whole`: all batches were seen.
  void Finish(bool whole);

 private:
  void LoadOffsetIndex(const FileSystem& fs, int64_t log_bytes);
  void LoadTimeIndex(const FileSystem& fs);
  void Damaged(const std::string& path, int64_t position, int64_t offset, std::string what);
  void CheckTimeEntry(const kafka::RecordBatchHeader& batch);

  std::vector<Finding>& findings_;
  const Finding::Kind kind_;  // of a lie
  const bool grows_;
  const bool in_one_file_;
  const std::string offset_path_;
  const std::string time_path_;
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  bool has_time_index_ = false;
  size_t next_offset_entry_ = 0;
  size_t next_time_entry_ = 0;
  int64_t max_timestamp_ms_ = -1;
};

}  // namespace soliton::segment
