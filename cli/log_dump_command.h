#pragma once

#include <memory>

#include "cli/command.h"

namespace soliton::cli {

std::unique_ptr<Command> MakeLogDumpCommand();

}  // namespace soliton::cli
