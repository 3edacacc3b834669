// Shell completion, generated from the command tree. Pure.
#pragma once

#include <string>

#include "cli/command.h"

namespace soliton::cli {

// A bash script that completes nouns, verbs, option names and the words of choice options.
std::string BashCompletion(const CommandList& commands);

}  // namespace soliton::cli
