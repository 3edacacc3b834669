#include "cli/all_commands.h"

namespace soliton::cli {

CommandList AllCommands() {
  CommandList commands;
  AddGeneralCommands(commands);
  return commands;
}

}  // namespace soliton::cli
