#include "segment/failed_sync.h"

namespace soliton::segment {

void MarkFailedSync(FileSystem& fs, const std::string& directory) {
  fs.Open(JoinPath(directory, kSyncFailedName), OpenMode::kReadWriteOrCreate)
      .status()
      .IgnoreError();
}

absl::Status SyncOrMark(FileSystem& fs, const std::string& directory, File& file) {
  absl::Status status = file.Sync();
  if (!status.ok()) MarkFailedSync(fs, directory);
  return status;
}

}  // namespace soliton::segment
