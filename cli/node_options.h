// What `soliton broker` and `soliton controller` have in common before they serve: their options,
// and reading the configuration from file, environment and --set.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "config/config.h"
#include "config/load_config.h"

namespace soliton::cli {

struct NodeFlags {
  std::string config_file;
  std::vector<std::string> set;
  bool check = false;
  bool print_config = false;
};

void DeclareNodeOptions(OptionSet& options, NodeFlags* flags);

// A configuration read as a broker's or a controller's, with all that was found wrong so far.
struct NodeConfig {
  config::ConfigSources sources;
  config::Diagnostics diagnostics;
  std::optional<config::Config> config;  // set unless the file could not be read
};

// kConfig when the file cannot be read.
std::optional<CliError> ReadNodeConfig(const NodeFlags& flags, const Context& context,
                                       NodeConfig* result);

// Prints all that is wrong with the configuration, which is something; kConfig.
ExitCode FailConfig(const NodeConfig& node, Context& context);

// After the checks of a role: prints what is wrong. An exit code when the command ends here,
// because of an error, --check or --print-config; nullopt to go on and serve.
std::optional<ExitCode> FinishNodeConfig(const NodeFlags& flags, const NodeConfig& node,
                                         Context& context);

}  // namespace soliton::cli
