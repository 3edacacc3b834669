// Runs a command line in this process and keeps what it printed.
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "cli/all_commands.h"
#include "cli/command.h"

namespace soliton::cli {

struct Ran {
  ExitCode code = ExitCode::kOk;
  std::string out, err;
};

inline Ran RunWords(const CommandList& commands, const std::vector<std::string>& words,
                    std::map<std::string, std::string> environment = {}) {
  StringSink out, err;
  std::istringstream in;
  Context context{out, err, in, std::move(environment)};
  const ExitCode code = RunCommandLine(commands, words, context);
  return {code, out.text(), err.text()};
}

inline Ran RunWords(const std::vector<std::string>& words,
                    std::map<std::string, std::string> environment = {}) {
  return RunWords(AllCommands(), words, std::move(environment));
}

}  // namespace soliton::cli
