// A snapshot of the replicated state: what all records before its end lead to, as records, in one
// file beside the log. Named as Kafka names them, <end offset>-<epoch>.checkpoint; the contents are
// ours: record batches, the first record of which says what the file holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/metadata/metadata_records.pb.h"
#include "controller/quorum/quorum_message.h"
#include "runtime/base/buffer.h"
#include "runtime/file/file_system.h"

namespace soliton::controller {

struct QuorumSnapshot {
  LogPosition end;
  pb::Voters voters;  // as of the end
  std::vector<pb::MetadataRecord> records;
};

Buffer EncodeSnapshot(const QuorumSnapshot& snapshot);
// kDataLoss for anything that EncodeSnapshot does not write.
absl::StatusOr<QuorumSnapshot> DecodeSnapshot(const Buffer& bytes);

std::string SnapshotName(const LogPosition& end);
// Durable when it returns. Blocks.
absl::Status WriteSnapshot(FileSystem& files, const std::string& directory, const LogPosition& end,
                           const Buffer& bytes);
// The newest one there; nullopt: none. kDataLoss, with the path, when it is damaged. Blocks.
absl::StatusOr<std::optional<QuorumSnapshot>> NewestSnapshot(const FileSystem& files,
                                                             const std::string& directory);
// All but the newest go. Blocks.
absl::Status RemoveOldSnapshots(FileSystem& files, const std::string& directory);

}  // namespace soliton::controller
