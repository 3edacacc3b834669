// The FileSystem port over POSIX. Stateless; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/file/file_system.h"

namespace soliton {

class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::shared_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  bool Exists(const std::string& path) const override;
  absl::StatusOr<std::vector<DirectoryEntry>> List(const std::string& directory) const override;
  absl::Status CreateDirectories(const std::string& directory) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status RemoveTree(const std::string& directory) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<DiskSpace> SpaceOf(const std::string& directory) const override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
};

// Keeps writers away from a data directory while it is read, by its lock file at `path`, which must
// exist (kNotFound) and is not written. kFailedPrecondition when a writer has it; the message names
// its id when known.
absl::StatusOr<std::unique_ptr<FileLock>> LockForReading(const std::string& path);

}  // namespace soliton
