#include "cli/exit_code.h"

namespace soliton::cli {
namespace {

constexpr ExitCodeInfo kExitCodes[] = {
    {ExitCode::kOk, "ok"},
    {ExitCode::kFailed, "failed"},
    {ExitCode::kUsage, "wrong usage"},
    {ExitCode::kConfig, "bad configuration"},
    {ExitCode::kCannotConnect, "cannot connect"},
    {ExitCode::kRefused, "refused (authentication, authorization)"},
    {ExitCode::kNotFound, "not found"},
    {ExitCode::kTimeout, "timed out"},
    {ExitCode::kCheckFailed, "a check failed"},
    {ExitCode::kDataCorrupt, "data is corrupt"},
    {ExitCode::kInterrupted, "interrupted"},
};

}  // namespace

std::span<const ExitCodeInfo> AllExitCodes() { return kExitCodes; }

}  // namespace soliton::cli
