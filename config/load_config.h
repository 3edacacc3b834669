// From a file's text, the environment and --set arguments to a checked Config. Pure: the caller
// reads the file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace soliton::config {

// What a configuration is made from; a later one overrides an earlier one.
struct ConfigSources {
  std::string file_name;  // "" = no file
  std::string file_text;
  std::map<std::string, std::string> environment;
  std::vector<std::string> set_arguments;
};

// The syntax is chosen by the name: .properties, else TOML.
Config LoadConfig(uint8_t scopes, const ConfigSources& sources, Diagnostics& diagnostics);

// "1 error, 1 warning in broker.toml (23 settings read, 4 from environment)".
std::string SummaryLine(const Config& config, const ConfigSources& sources,
                        const Diagnostics& diagnostics);

// Every setting with its effective value and origin, one per line, for --print-config. Settings
// that have no effect appear only when given.
std::string PrintConfig(const Config& config);

}  // namespace soliton::config
