// Checks a whole data directory without changing it: its identity, its checkpoints, and the log of
// every partition (log_verifier.h). No process may use it meanwhile.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/file/file_system.h"
#include "segment/verify/log_verifier.h"

namespace soliton::segment {

// What a path that the user named is.
enum class LogPathKind { kSegmentFile, kPartition, kDataDirectory };
// By what is there. kNotFound when nothing is; kInvalidArgument when it holds no log.
absl::StatusOr<LogPathKind> KindOfLogPath(const FileSystem& fs, const std::string& path);
// The data directory that `path` is, or lies in.
std::string DataDirectoryOf(LogPathKind kind, const std::string& path);

// Folders of partitions in a data directory, sorted by name.
absl::StatusOr<std::vector<std::string>> ListPartitionFolders(const FileSystem& fs,
                                                              const std::string& directory);

struct DirectoryReport {
  std::vector<LogReport> logs;
  std::vector<Finding> findings;  // of the directory's own files
};
absl::StatusOr<DirectoryReport> VerifyDirectory(FileSystem& fs, const std::string& directory);

}  // namespace soliton::segment
