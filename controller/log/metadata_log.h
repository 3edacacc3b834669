// What the metadata log is made of: batches of records that are applied as a whole, in a folder
// named like a partition's.
#pragma once

#include <string_view>

#include "controller/metadata/metadata_batch.h"
#include "runtime/base/buffer.h"

namespace soliton::controller {

inline constexpr std::string_view kMetadataTopic = "__cluster_metadata";

struct LoggedBatch {
  MetadataBatch batch;
  Buffer bytes;  // the record batch as it is on disk; goes to followers unchanged
};

}  // namespace soliton::controller
