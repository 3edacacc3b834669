#include "runtime/file/posix_file_system.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "runtime/base/os_error.h"
#include "runtime/base/unique_fd.h"
#include "runtime/file/posix_file.h"

namespace soliton {
namespace {

constexpr mode_t kFileMode = 0644;

int OpenFlags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kReadWriteOrCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kReadOnly:
      break;
  }
  return O_RDONLY;
}

int OpenRetrying(const std::string& path, int flags) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

absl::StatusOr<std::shared_ptr<File>> PosixFileSystem::Open(const std::string& path,
                                                            OpenMode mode) {
  UniqueFd fd(OpenRetrying(path, OpenFlags(mode)));
  if (!fd.valid()) return ErrnoStatus(errno, "open", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "stat", path);
  if (S_ISDIR(info.st_mode)) return ErrnoStatus(EISDIR, "open", path);
  return std::make_shared<PosixFile>(std::move(fd), path, info.st_size);
}

bool PosixFileSystem::Exists(const std::string& path) const {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0;
}

absl::StatusOr<std::vector<DirectoryEntry>> PosixFileSystem::List(
    const std::string& directory) const {
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  std::vector<DirectoryEntry> found;
  while (!error && entries != std::filesystem::directory_iterator()) {
    std::error_code ignored;  // an entry that vanished meanwhile is not a folder
    found.push_back({entries->path().filename().string(), entries->is_directory(ignored)});
    entries.increment(error);
  }
  if (error) return ErrnoStatus(error.value(), "list", directory);
  std::sort(found.begin(), found.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return found;
}

absl::Status PosixFileSystem::CreateDirectories(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return ErrnoStatus(error.value(), "create folder", directory);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return ErrnoStatus(errno, "rename", fmt::format("{} to {}", from, to));
  }
  return absl::OkStatus();
}

absl::Status PosixFileSystem::Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, "remove", path);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::RemoveTree(const std::string& directory) {
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (error && error.value() != ENOENT) {
    return ErrnoStatus(error.value(), "remove folder", directory);
  }
  return absl::OkStatus();
}

absl::Status PosixFileSystem::SyncDirectory(const std::string& directory) {
  UniqueFd fd(OpenRetrying(directory, O_RDONLY | O_DIRECTORY));
  if (!fd.valid()) return ErrnoStatus(errno, "open folder", directory);
  while (::fsync(fd.get()) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "sync folder", directory);
  }
  return absl::OkStatus();
}

absl::StatusOr<DiskSpace> PosixFileSystem::SpaceOf(const std::string& directory) const {
  struct statvfs info{};
  while (::statvfs(directory.c_str(), &info) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "see how much is free in", directory);
  }
  const auto block = static_cast<int64_t>(info.f_frsize);
  return DiskSpace{static_cast<int64_t>(info.f_bavail) * block,
                   static_cast<int64_t>(info.f_blocks) * block};
}

}  // namespace soliton
