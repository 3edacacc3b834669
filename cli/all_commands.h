// The list of all commands. A new command file declares its Add function here and is called in
// all_commands.cc.
#pragma once

#include "cli/command.h"

namespace soliton::cli {

CommandList AllCommands();

void AddBrokerCommands(CommandList& commands);
void AddControllerCommands(CommandList& commands);
void AddConfigCommands(CommandList& commands);
void AddGeneralCommands(CommandList& commands);

}  // namespace soliton::cli
