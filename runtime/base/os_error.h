// errno as absl::Status, in one place, so that every folder sees the same codes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace soliton {

// "<action> <subject>: <text of errno>". Disk full is kResourceExhausted, a device that fails is
// kDataLoss, missing is kNotFound, not permitted is kPermissionDenied; what we did not foresee is
// kInternal.
absl::Status ErrnoStatus(int error_number, std::string_view action, std::string_view subject);

// The errno that such a status came from, wherever it was passed on unchanged; nullopt for others:
// bytes that say something else than they should are kDataLoss too.
std::optional<int> ErrnoOf(const absl::Status& status);

std::string ErrnoText(int error_number);

}  // namespace soliton
