// Metadata records as one record batch (v2) of the metadata log: each record's value is one
// serialized MetadataRecord. The batch is the unit of atomicity on disk and on the stream: its CRC
// covers all of it, and it is applied as a whole. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/metadata/metadata_records.pb.h"
#include "runtime/base/buffer.h"

namespace soliton::controller {

struct MetadataBatch {
  int64_t base_offset = 0;
  std::vector<pb::MetadataRecord> records;

  int64_t end_offset() const { return base_offset + static_cast<int64_t>(records.size()); }
};

// CHECKs that there is a record.
Buffer EncodeMetadataBatch(const std::vector<pb::MetadataRecord>& records, int64_t base_offset,
                           int64_t timestamp_ms);

// The batches that fill `bytes` exactly. kDataLoss for anything else, with the offset where it
// happened.
absl::StatusOr<std::vector<MetadataBatch>> DecodeMetadataBatches(Buffer bytes);

}  // namespace soliton::controller
