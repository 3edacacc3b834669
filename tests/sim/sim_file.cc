#include "tests/sim/sim_file.h"

#include <fmt/format.h>

namespace soliton::sim {

absl::Status SimFile::CheckUsable(bool to_write) const {
  if (generation_ != fs_->generation_) return absl::UnavailableError("crashed");
  if (absl::Status status = fs_->CheckRunning(); !status.ok()) return status;
  if (to_write && !writable_) {
    return absl::FailedPreconditionError(fmt::format("{}: opened read-only", path_));
  }
  return absl::OkStatus();
}

absl::Status SimFile::Append(std::span<const Buffer> pieces) {
  if (absl::Status status = CheckUsable(true); !status.ok()) return status;
  absl::Status fault = fs_->Begin(FileOperation::kAppend, path_);
  int64_t total = 0;
  for (const Buffer& piece : pieces) total += static_cast<int64_t>(piece.size());
  int64_t room = total;
  if (!fault.ok()) {
    room = fs_->random_.Between(0, std::max<int64_t>(total - 1, 0));
  } else if (fs_->capacity_bytes_) {
    room = std::max<int64_t>(0, *fs_->capacity_bytes_ - fs_->used_bytes());
    if (room < total) fault = absl::ResourceExhaustedError(fmt::format("{}: disk full", path_));
  }
  for (const Buffer& piece : pieces) {
    const size_t count = std::min(piece.size(), static_cast<size_t>(room));
    inode_->content.Append(piece.span().first(count));
    room -= static_cast<int64_t>(count);
  }
  if (!fault.ok()) return fault;
  fs_->Done(FileOperation::kAppend, path_);
  return absl::OkStatus();
}

absl::StatusOr<size_t> SimFile::ReadAt(int64_t position, std::span<uint8_t> out) const {
  if (absl::Status status = CheckUsable(false); !status.ok()) return status;
  if (absl::Status status = fs_->DrawFault(FileOperation::kRead, path_); !status.ok()) {
    return status;
  }
  return inode_->content.ReadAt(position, out);
}

absl::Status SimFile::Sync() {
  if (absl::Status status = CheckUsable(false); !status.ok()) return status;
  if (absl::Status status = fs_->Begin(FileOperation::kSync, path_); !status.ok()) {
    inode_->content.FailSync();
    return status;
  }
  inode_->content.Sync();
  fs_->Done(FileOperation::kSync, path_);
  return absl::OkStatus();
}

absl::Status SimFile::Truncate(int64_t size_bytes) {
  if (absl::Status status = CheckUsable(true); !status.ok()) return status;
  if (size_bytes < 0 || size_bytes > this->size_bytes()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: cannot cut {} bytes to {}", path_, this->size_bytes(), size_bytes));
  }
  if (absl::Status status = fs_->Begin(FileOperation::kTruncate, path_); !status.ok()) {
    return status;
  }
  inode_->content.Truncate(size_bytes);
  fs_->Done(FileOperation::kTruncate, path_);
  return absl::OkStatus();
}

}  // namespace soliton::sim
