// The verbs of `soliton dev`, and what they share.
#pragma once

#include <memory>
#include <string>

#include "cli/command.h"

namespace soliton::cli {

inline constexpr std::string_view kDevDirectory = "soliton-data";

// Declares --data.
void AddDevDirectoryOption(OptionSet& options, std::string* target);

std::unique_ptr<Command> MakeDevCommand();
std::unique_ptr<Command> MakeDevStatusCommand();
std::unique_ptr<Command> MakeDevStopCommand();
std::unique_ptr<Command> MakeDevKillCommand();
std::unique_ptr<Command> MakeDevPauseCommand();

}  // namespace soliton::cli
