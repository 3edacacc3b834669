// Whether the checkpoint of a log's active segment (segment_checkpoint.h) agrees with the batches
// that it stands for. Fed with every batch in order. One owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/record/record_batch.h"
#include "runtime/file/file_system.h"
#include "segment/segment_checkpoint.h"
#include "segment/verify/finding.h"
#include "segment/verify/index_check.h"

namespace soliton::segment {

class CheckpointCheck {
 public:
  // Reads the file in `directory`, if there is one. One that lies beyond `durable_end_offset` is
  // left by an interrupted truncation, and the next start ignores it.
  CheckpointCheck(const FileSystem& fs, const std::string& directory, int64_t durable_end_offset,
                  std::vector<Finding>& findings);

  // `base_offset`: of the segment that holds the batch.
  void Add(int64_t base_offset, const kafka::RecordBatchHeader& batch, int64_t position);
  // All batches of that segment were added.
  void FinishSegment(int64_t base_offset);

 private:
  // The batches have come to `position`, where `offset` begins.
  void Compare(int64_t offset, int64_t position);

  const std::string path_;
  std::vector<Finding>& findings_;
  Finding::Kind kind_ = Finding::Kind::kDamaged;  // of a lie
  std::optional<SegmentCheckpoint> checkpoint_;   // until it was compared
  std::optional<IndexCheck> indexes_;
  int64_t max_timestamp_ms_ = -1;
};

}  // namespace soliton::segment
