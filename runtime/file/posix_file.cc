#include "runtime/file/posix_file.h"

#include <fmt/format.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "runtime/base/check.h"
#include "runtime/base/os_error.h"

namespace soliton {
namespace {

constexpr int kMaxPiecesPerCall = 256;
static_assert(kMaxPiecesPerCall <= IOV_MAX);

// The part of `pieces` that is still to be written: `next` is the first unfinished piece,
// `skip_bytes` of it are done.
struct WriteCursor {
  std::span<const Buffer> pieces;
  size_t next = 0;
  size_t skip_bytes = 0;

  int Fill(std::array<iovec, kMaxPiecesPerCall>& out) {
    int count = 0;
    size_t skip = skip_bytes;
    for (size_t i = next; i < pieces.size() && count < kMaxPiecesPerCall; ++i) {
      const size_t left = pieces[i].size() - skip;
      if (left > 0) {
        out[static_cast<size_t>(count++)] = {const_cast<uint8_t*>(pieces[i].data()) + skip, left};
      }
      skip = 0;
    }
    return count;
  }

  void Advance(size_t bytes) {
    skip_bytes += bytes;
    while (next < pieces.size() && skip_bytes >= pieces[next].size()) {
      skip_bytes -= pieces[next].size();
      ++next;
    }
  }
};

}  // namespace

PosixFile::PosixFile(UniqueFd fd, std::string path, int64_t size_bytes)
    : fd_(std::move(fd)), path_(std::move(path)), size_bytes_(size_bytes) {}

absl::Status PosixFile::Append(std::span<const Buffer> pieces) {
  WriteCursor cursor{pieces};
  std::array<iovec, kMaxPiecesPerCall> vectors;
  while (const int count = cursor.Fill(vectors)) {
    const int64_t end = size_bytes_.load(std::memory_order_relaxed);
    const ssize_t written = ::pwritev(fd_.get(), vectors.data(), count, end);
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "write", path_);
    }
    // A short write without an error is the disk filling up; the next round gets the errno.
    if (written == 0) return ErrnoStatus(ENOSPC, "write", path_);
    size_bytes_.store(end + written, std::memory_order_release);
    cursor.Advance(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> PosixFile::ReadAt(int64_t position, std::span<uint8_t> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = ::pread(fd_.get(), out.data() + done, out.size() - done,
                                  position + static_cast<int64_t>(done));
    if (count < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "read", path_);
    }
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

absl::Status PosixFile::Sync() {
  if (sync_failed_.load(std::memory_order_acquire)) {
    return absl::DataLossError(
        fmt::format("sync {}: an earlier sync failed, unsynced bytes are lost", path_));
  }
  while (::fdatasync(fd_.get()) != 0) {
    if (errno == EINTR) continue;
    const int error_number = errno;
    sync_failed_.store(true, std::memory_order_release);
    return ErrnoStatus(error_number, "sync", path_);
  }
  return absl::OkStatus();
}

absl::Status PosixFile::Truncate(int64_t size_bytes) {
  CHECK(size_bytes >= 0, "truncate {} to {} bytes", path_, size_bytes);
  const int64_t present = size_bytes_.load(std::memory_order_relaxed);
  if (size_bytes > present) {
    return absl::InvalidArgumentError(
        fmt::format("truncate {}: cannot extend from {} to {} bytes", path_, present, size_bytes));
  }
  while (::ftruncate(fd_.get(), size_bytes) != 0) {
    if (errno == EINTR) continue;
    return ErrnoStatus(errno, "truncate", path_);
  }
  size_bytes_.store(size_bytes, std::memory_order_release);
  return absl::OkStatus();
}

}  // namespace soliton
