// The list of all commands. A new command file declares its Add function here and is called in
// all_commands.cc.
#pragma once

#include "cli/command.h"

namespace soliton::cli {

CommandList AllCommands();

void AddBrokerCommands(CommandList& commands);
void AddControllerCommands(CommandList& commands);
void AddDevCommands(CommandList& commands);
void AddTopicCommands(CommandList& commands);
void AddProduceCommands(CommandList& commands);
void AddConsumeCommands(CommandList& commands);
void AddClusterCommands(CommandList& commands);
void AddConfigCommands(CommandList& commands);
void AddBenchCommands(CommandList& commands);
void AddBenchCompareCommand(CommandList& commands);
void AddBenchLoadCommands(CommandList& commands);
void AddLogCommands(CommandList& commands);
void AddGeneralCommands(CommandList& commands);

}  // namespace soliton::cli
