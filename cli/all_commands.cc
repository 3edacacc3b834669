#include "cli/all_commands.h"

namespace soliton::cli {

CommandList AllCommands() {
  CommandList commands;
  AddBrokerCommands(commands);
  AddControllerCommands(commands);
  AddConfigCommands(commands);
  AddGeneralCommands(commands);
  return commands;
}

}  // namespace soliton::cli
