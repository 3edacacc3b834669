// The lock of a data directory: flock on a file that also names the holder. The kernel drops it
// when the process dies, so a stale file never blocks a restart.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

#include "runtime/base/os_error.h"
#include "runtime/base/unique_fd.h"
#include "runtime/file/posix_file_system.h"

namespace soliton {
namespace {

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  UniqueFd fd_;  // closing it releases the lock
};

std::string HolderOf(int fd) {
  char text[32];
  const ssize_t count = ::pread(fd, text, sizeof(text), 0);
  std::string_view digits(text, count > 0 ? static_cast<size_t>(count) : 0);
  digits = digits.substr(0, digits.find_first_not_of("0123456789"));
  pid_t pid = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  // A reader that holds it does not write its id: the file may still name the one before.
  if (pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH)) return "another process";
  return fmt::format("process {}", digits);
}

absl::Status WriteOwnPid(int fd, const std::string& path) {
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0) return ErrnoStatus(errno, "truncate", path);
  const ssize_t written = ::pwrite(fd, pid.data(), pid.size(), 0);
  if (written < 0) return ErrnoStatus(errno, "write", path);
  if (static_cast<size_t>(written) != pid.size()) return ErrnoStatus(ENOSPC, "write", path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(errno, "open", path);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "lock", path);
    return absl::FailedPreconditionError(
        fmt::format("{} is locked by {}", path, HolderOf(fd.get())));
  }
  if (absl::Status named = WriteOwnPid(fd.get(), path); !named.ok()) return named;
  return std::make_unique<PosixFileLock>(std::move(fd));
}

absl::StatusOr<std::unique_ptr<FileLock>> LockForReading(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "open", path);
  while (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "lock", path);
    return absl::FailedPreconditionError(
        fmt::format("{} is locked by {}", path, HolderOf(fd.get())));
  }
  return std::make_unique<PosixFileLock>(std::move(fd));
}

}  // namespace soliton
