#include "cli/all_commands.h"

namespace soliton::cli {

CommandList AllCommands() {
  CommandList commands;
  AddBrokerCommands(commands);
  AddControllerCommands(commands);
  AddDevCommands(commands);
  AddTopicCommands(commands);
  AddProduceCommands(commands);
  AddConsumeCommands(commands);
  AddClusterCommands(commands);
  AddConfigCommands(commands);
  AddLogCommands(commands);
  AddBenchCommands(commands);
  AddBenchCompareCommand(commands);
  AddBenchLoadCommands(commands);
  AddGeneralCommands(commands);
  return commands;
}

}  // namespace soliton::cli
