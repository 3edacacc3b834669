#include "runtime/base/os_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"

namespace soliton {
namespace {

constexpr char kErrnoPayload[] = "soliton/errno";

absl::StatusCode CodeOf(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::StatusCode::kResourceExhausted;
    case EIO:
      return absl::StatusCode::kDataLoss;
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOTDIR:
    case EISDIR:
    case ENOTEMPTY:
    case EXDEV:
      return absl::StatusCode::kFailedPrecondition;
    case ENAMETOOLONG:
    case EINVAL:
      return absl::StatusCode::kInvalidArgument;
    // Out of descriptors: the disk is fine and a later try may succeed.
    case EMFILE:
    case ENFILE:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

std::optional<int> ErrnoOf(const absl::Status& status) {
  const auto text = status.GetPayload(kErrnoPayload);
  int number = 0;
  if (!text || !absl::SimpleAtoi(std::string(*text), &number)) return std::nullopt;
  return number;
}

std::string ErrnoText(int error_number) {
  return std::error_code(error_number, std::generic_category()).message();
}

absl::Status ErrnoStatus(int error_number, std::string_view action, std::string_view subject) {
  absl::Status status(CodeOf(error_number),
                      fmt::format("{} {}: {}", action, subject, ErrnoText(error_number)));
  const std::string number = std::to_string(error_number);
  status.SetPayload(kErrnoPayload, absl::Cord(absl::string_view(number)));
  return status;
}

}  // namespace soliton
