// The file port. Everything durable goes through here, so that the simulator can lose what was not
// synced. Methods block; long ones (Sync, cold reads) are called on the disk thread
// (disk_executor.h).
//
// Durability contract, as POSIX gives it and no more: bytes written are safe after Sync() returned
// OK; a created, renamed or removed name is safe after SyncDirectory() of its folder returned OK. A
// failed Sync means the unsynced bytes are lost, even if a later Sync succeeds: the caller must not
// retry it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/buffer.h"
#include "runtime/base/disk_space.h"

namespace soliton {

// An open file. One writer (its owner shard); ReadAt and Sync may be called from other threads
// meanwhile.
class File {
 public:
  virtual ~File() = default;
  // Writes all pieces, in order, at the end. On error some prefix may have been written: the caller
  // truncates back to the size it knew, or gives the file up. kResourceExhausted = disk full.
  virtual absl::Status Append(std::span<const Buffer> pieces) = 0;
  // Reads up to out.size() bytes at `position`; fewer only at the end of the file. Returns the
  // count.
  virtual absl::StatusOr<size_t> ReadAt(int64_t position, std::span<uint8_t> out) const = 0;
  // Makes written bytes and the size durable (fdatasync).
  virtual absl::Status Sync() = 0;
  // Cuts (never extends) to `size_bytes`.
  virtual absl::Status Truncate(int64_t size_bytes) = 0;
  // Size as this process sees it, including unsynced bytes.
  virtual int64_t size_bytes() const = 0;
  // Descriptor for sendfile, or -1 when there is none (simulator).
  virtual int native_handle() const = 0;
  virtual const std::string& path() const = 0;
};

// Held by the process that owns a data directory; released when destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirectoryEntry {
  std::string name;  // without the folder
  bool is_directory = false;
};

enum class OpenMode {
  kReadWrite,          // must exist
  kReadWriteOrCreate,  // created empty when missing; the name is durable after SyncDirectory
  kReadOnly,
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // kNotFound when missing and not to be created.
  virtual absl::StatusOr<std::shared_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual bool Exists(const std::string& path) const = 0;
  // Entries sorted by name. kNotFound when there is no such folder.
  virtual absl::StatusOr<std::vector<DirectoryEntry>> List(const std::string& directory) const = 0;
  // Like mkdir -p; parents included. Durable after SyncDirectory of the parents.
  virtual absl::Status CreateDirectories(const std::string& directory) = 0;
  // Atomically replaces `to`.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // Removes a file; OK when it does not exist.
  virtual absl::Status Remove(const std::string& path) = 0;
  // Removes a folder with all that is in it; OK when it does not exist.
  virtual absl::Status RemoveTree(const std::string& directory) = 0;
  virtual absl::Status SyncDirectory(const std::string& directory) = 0;
  // Blocks while the disk is stalled: for a disk thread.
  virtual absl::StatusOr<DiskSpace> SpaceOf(const std::string& directory) const = 0;
  // kFailedPrecondition when another live process holds it; the message names its id when known.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// Whole content of a (small) file.
absl::StatusOr<std::string> ReadFile(const FileSystem& fs, const std::string& path);

// Replaces `path` so that after OK the new content is durable and at any crash either the old or
// the new content is there: writes `path`.tmp, Sync, Rename, SyncDirectory.
absl::Status WriteFileAtomically(FileSystem& fs, const std::string& path, std::string_view content);
// All of that but the last step: which content is there becomes durable with the caller's
// SyncDirectory.
absl::Status ReplaceFile(FileSystem& fs, const std::string& path, std::string_view content);

// "a/b" + "c" -> "a/b/c"; and the folder part of a path ("." when there is none).
std::string JoinPath(std::string_view directory, std::string_view name);
std::string DirectoryOf(std::string_view path);

}  // namespace soliton
