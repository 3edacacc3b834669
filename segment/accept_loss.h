// The way out when promised records are damaged and no other replica has them: what is wrong is
// moved aside, the log is cut to what is right, and the folder says so, so that the next start of
// its broker declares the loss to the controller. The node must be stopped. Blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/random.h"
#include "runtime/file/file_system.h"

namespace soliton::segment {

// In the folder of a partition, until its broker has declared the loss.
inline constexpr std::string_view kLossAcceptedName = "loss-accepted";
// In the data directory: a line of JSON for each loss that was ever accepted.
inline constexpr std::string_view kAcceptedLossesName = "accepted-losses.jsonl";

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

// Cuts the log to what `loss` leaves. Everything that is taken away is kept in a folder beside it,
// whose path is returned. `when` is for the audit line. After a crash on the way brokers refuse the
// folder, and FindLoss and AcceptLoss finish the work.
absl::StatusOr<std::string> AcceptLoss(FileSystem& fs, const std::string& directory,
                                       const Loss& loss, std::string_view when, Random& random);

}  // namespace soliton::segment
