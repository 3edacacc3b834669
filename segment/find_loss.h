// What a log that was damaged has lost of what it had promised, and where it is right up to. The
// node must be stopped. Blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/file/file_system.h"

namespace soliton::segment {

// What is wrong, and what would be left.
struct Loss {
  std::string path;       // the file that is not right
  int64_t position = -1;  // in it; -1: the file as a whole
  std::string why;
  int64_t log_start_offset = 0;    // of what is left
  int64_t log_end_offset = 0;      // likewise: whole, valid batches up to here
  int64_t durable_end_offset = 0;  // records from log_end_offset to here were promised
  int64_t base_offset = -1;        // of the last segment that stays; -1: none does
  int64_t size_bytes = 0;          // of it, that stay
};

// Reads every batch, writes nothing. nullopt: the next start opens this log (perhaps cutting a torn
// tail).
absl::StatusOr<std::optional<Loss>> FindLoss(FileSystem& fs, const std::string& directory);

}  // namespace soliton::segment
