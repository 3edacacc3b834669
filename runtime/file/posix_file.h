// A File over a POSIX descriptor. Append and Truncate belong to the owner shard; ReadAt and Sync
// may run on other threads meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/base/unique_fd.h"
#include "runtime/file/file_system.h"

namespace soliton {

class PosixFile final : public File {
 public:
  PosixFile(UniqueFd fd, std::string path, int64_t size_bytes);

  absl::Status Append(std::span<const Buffer> pieces) override;
  absl::StatusOr<size_t> ReadAt(int64_t position, std::span<uint8_t> out) const override;
  absl::Status Sync() override;
  absl::Status Truncate(int64_t size_bytes) override;
  int64_t size_bytes() const override { return size_bytes_.load(std::memory_order_acquire); }
  int native_handle() const override { return fd_.get(); }
  const std::string& path() const override { return path_; }

 private:
  UniqueFd fd_;
  const std::string path_;
  // What was written, a torn tail after a failed Append included.
  std::atomic<int64_t> size_bytes_;
  // After a failed fdatasync the kernel drops the dirty pages and reports the error once only: a
  // later call would succeed without the bytes. So the failure sticks.
  std::atomic<bool> sync_failed_{false};
};

}  // namespace soliton
