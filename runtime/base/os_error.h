// errno as absl::Status, in one place, so that every folder sees the same codes.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace soliton {

// "<action> <subject>: <text of errno>". Disk full is kResourceExhausted, a device that fails is
// kDataLoss, missing is kNotFound, not permitted is kPermissionDenied; what we did not foresee is
// kInternal.
absl::Status ErrnoStatus(int error_number, std::string_view action, std::string_view subject);

std::string ErrnoText(int error_number);

}  // namespace soliton
