// The process exit codes: one meaning each, the same for every command, listed in every --help and
// stable across releases. Scripts rely on them.
#pragma once

#include <span>
#include <string_view>

namespace soliton::cli {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kConfig = 3,
  kCannotConnect = 4,
  kRefused = 5,
  kNotFound = 6,
  kTimeout = 7,
  kCheckFailed = 8,
  kDataCorrupt = 9,
  kInterrupted = 130,
};

struct ExitCodeInfo {
  ExitCode code;
  std::string_view meaning;
};

// All of them, ascending.
std::span<const ExitCodeInfo> AllExitCodes();

}  // namespace soliton::cli
