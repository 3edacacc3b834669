#include "config/load_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/overrides.h"
#include "config/properties_reader.h"
#include "config/toml_reader.h"
#include "config/value_check.h"

namespace soliton::config {

Config LoadConfig(uint8_t scopes, const ConfigSources& sources, Diagnostics& diagnostics) {
  std::vector<RawEntry> file;
  if (sources.file_name.ends_with(".properties")) {
    file = ReadProperties(sources.file_text, sources.file_name, diagnostics);
  } else if (!sources.file_name.empty()) {
    file = ReadToml(sources.file_text, sources.file_name, diagnostics);
  }
  const std::vector<std::vector<RawEntry>> layers = {
      std::move(file), ReadEnvironment(sources.environment, scopes, diagnostics),
      ReadSetArguments(sources.set_arguments, diagnostics)};
  return Config::Make(scopes, layers, diagnostics);
}

std::string SummaryLine(const Config& config, const ConfigSources& sources,
                        const Diagnostics& diagnostics) {
  const int from_file = config.CountFrom(Location::Layer::kFile);
  const int from_environment = config.CountFrom(Location::Layer::kEnvironment);
  const int from_command_line = config.CountFrom(Location::Layer::kCommandLine);
  const int total = from_file + from_environment + from_command_line;
  std::string text = diagnostics.CountText();
  if (!sources.file_name.empty()) text += " in " + sources.file_name;
  text += fmt::format(" ({} setting{} read", total, total == 1 ? "" : "s");
  if (from_environment > 0) text += fmt::format(", {} from environment", from_environment);
  if (from_command_line > 0) text += fmt::format(", {} from --set", from_command_line);
  return text + ")";
}

std::string PrintConfig(const Config& config) {
  struct Line {
    std::string left, origin;
  };
  std::vector<Line> lines;
  size_t width = 0;
  for (const auto& [name, entry] : config.entries()) {
    const bool is_given = entry.name_at.layer != Location::Layer::kDefault;
    if (!is_given && entry.setting->stage != Stage::kSupported) continue;
    const std::string human = HumanValue(*entry.setting, entry.value);
    std::string origin = entry.name_at.ToString();
    if (is_given && entry.given_as != name) origin += fmt::format(" ({})", entry.given_as);
    lines.push_back({fmt::format("{} = {}{}", name, PrintableValue(*entry.setting, entry.value),
                                 human.empty() ? "" : fmt::format("  ({})", human)),
                     std::move(origin)});
    width = std::max(width, lines.back().left.size());
  }
  width = std::min<size_t>(width, 72);
  std::string text;
  for (const Line& line : lines)
    text += fmt::format("{:<{}}  # {}\n", line.left, width, line.origin);
  return text;
}

}  // namespace soliton::config
