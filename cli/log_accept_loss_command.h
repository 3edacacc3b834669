// Added to the tree by AddLogCommands.
#pragma once

#include <memory>

#include "cli/command.h"

namespace soliton::cli {

std::unique_ptr<Command> MakeLogAcceptLossCommand();

}  // namespace soliton::cli
