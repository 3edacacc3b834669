// A node's copy of one log: frames, one after the other, in one file. One owner.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "runtime/base/unique_fd.h"

namespace soliton::floor {

class LogFile {
 public:
  // A new, empty file.
  explicit LogFile(const std::string& path);

  void Append(std::span<const uint8_t> bytes);
  // fdatasync, if anything was appended since the last one.
  void Flush();

  int fd() const { return fd_.get(); }
  uint64_t end() const { return end_; }
  // What is as safe as this node was told to make it.
  uint64_t safe(bool flush) const { return flush ? flushed_ : end_; }

 private:
  UniqueFd fd_;
  uint64_t end_ = 0;
  uint64_t flushed_ = 0;
};

}  // namespace soliton::floor
