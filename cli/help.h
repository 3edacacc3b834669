// The text of --help pages, made from the command tree and the option declarations. Pure.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"

namespace soliton::cli {

// `soliton --help`: every command with its summary.
std::string RootHelp(const CommandList& commands);
// `soliton topic --help`: the verbs of one noun.
std::string NounHelp(const CommandList& commands, std::string_view noun);
// `soliton topic create --help`: examples first, then arguments and options by group, then exit
// codes.
std::string CommandHelp(const CommandInfo& info, const OptionSet& options);

// "soliton topic create NAME [options]".
std::string UsageLine(const CommandInfo& info, const OptionSet& options);

}  // namespace soliton::cli
