// The way out when promised records are damaged and no other replica has them: what is wrong is
// moved aside, the log is cut to what is right, and the folder says so, so that the next start of
// its broker declares the loss to the controller. The node must be stopped. Blocks.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/random.h"
#include "runtime/file/file_system.h"
#include "segment/find_loss.h"

namespace soliton::segment {

// In the folder of a partition, until its broker has declared the loss.
inline constexpr std::string_view kLossAcceptedName = "loss-accepted";
// In the data directory: a line of JSON for each loss that was ever accepted.
inline constexpr std::string_view kAcceptedLossesName = "accepted-losses.jsonl";

// Cuts the log to what `loss` leaves. Everything that is taken away is kept in a folder beside it,
// whose path is returned. `when` is for the audit line. After a crash on the way brokers refuse the
// folder, and FindLoss and AcceptLoss finish the work.
absl::StatusOr<std::string> AcceptLoss(FileSystem& fs, const std::string& directory,
                                       const Loss& loss, std::string_view when, Random& random);

}  // namespace soliton::segment
