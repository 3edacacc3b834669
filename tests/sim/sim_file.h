// An open file of a SimFileSystem. Useless (kUnavailable) once the process that opened it is gone.
#pragma once

#include <memory>
#include <string>

#include "tests/sim/sim_file_system.h"

namespace soliton::sim {

class SimFile final : public File {
 public:
  SimFile(SimFileSystem& fs, InodePtr inode, std::string path, bool writable)
      : fs_(&fs),
        generation_(fs.generation_),
        inode_(std::move(inode)),
        path_(std::move(path)),
        writable_(writable) {}

  absl::Status Append(std::span<const Buffer> pieces) override;
  absl::StatusOr<size_t> ReadAt(int64_t position, std::span<uint8_t> out) const override;
  absl::Status Sync() override;
  absl::Status Truncate(int64_t size_bytes) override;
  int64_t size_bytes() const override { return inode_->content.size_bytes(); }
  int native_handle() const override { return -1; }
  const std::string& path() const override { return path_; }

 private:
  absl::Status CheckUsable(bool to_write) const;

  SimFileSystem* fs_;
  const uint64_t generation_;
  InodePtr inode_;
  const std::string path_;
  const bool writable_;
};

}  // namespace soliton::sim
