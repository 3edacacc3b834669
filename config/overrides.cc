#include "config/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/config_table.h"
#include "config/suggest.h"
#include "config/units.h"

namespace soliton::config {
namespace {

constexpr std::string_view kOurPrefix = "SOLITON_";
constexpr std::string_view kKafkaPrefix = "KAFKA_";
// Read by the command line, not settings of a node.
constexpr std::array<std::string_view, 3> kOtherVariables = {"SOLITON_BROKERS", "SOLITON_HOME",
                                                             "SOLITON_BUILD"};

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string OurVariable(std::string_view setting) {
  std::string name(kOurPrefix);
  for (char c : setting) name += c == '.' || c == '-' ? '_' : Upper(c);
  return name;
}

std::string KafkaVariable(std::string_view setting) {
  std::string name(kKafkaPrefix);
  for (char c : setting) {
    if (c == '.') {
      name += "_";
    } else if (c == '_') {
      name += "__";
    } else if (c == '-') {
      name += "___";
    } else {
      name += Upper(c);
    }
  }
  return name;
}

RawEntry Entry(std::string name, std::string value, Location::Layer layer, std::string source) {
  RawEntry entry;
  entry.name = std::move(name);
  entry.value = std::move(value);
  entry.name_at.layer = layer;
  entry.name_at.source = std::move(source);
  entry.value_at = entry.name_at;
  return entry;
}

}  // namespace

std::vector<RawEntry> ReadSetArguments(const std::vector<std::string>& arguments,
                                       Diagnostics& diagnostics) {
  std::vector<RawEntry> entries;
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    // The value stays out of the source: it may be a secret.
    const std::string name(Trim(std::string_view(argument).substr(0, equals)));
    RawEntry entry = Entry(
        name, equals == std::string::npos ? "" : std::string(Trim(argument.substr(equals + 1))),
        Location::Layer::kCommandLine, "--set " + name);
    if (equals == std::string::npos || entry.name.empty()) {
      diagnostics.Error("--set needs name=value", entry.name_at);
      continue;
    }
    std::erase_if(entries, [&](const RawEntry& earlier) { return earlier.name == entry.name; });
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<RawEntry> ReadEnvironment(const std::map<std::string, std::string>& environment,
                                      uint8_t scopes, Diagnostics& diagnostics) {
  std::map<std::string, std::string_view> ours, kafkas;  // variable -> setting
  std::vector<std::string> our_names;
  for (const Setting* setting : SettingsOf(scopes)) {
    our_names.push_back(ours.emplace(OurVariable(setting->name), setting->name).first->first);
    kafkas.emplace(KafkaVariable(setting->name), setting->name);
  }
  std::vector<RawEntry> entries;
  for (const auto& [variable, value] : environment) {
    const bool is_ours = variable.starts_with(kOurPrefix);
    const auto& names = is_ours ? ours : kafkas;
    const auto found = names.find(variable);
    if (found == names.end()) {
      if (is_ours && std::find(kOtherVariables.begin(), kOtherVariables.end(), variable) ==
                         kOtherVariables.end()) {
        Location at;
        at.layer = Location::Layer::kEnvironment;
        at.source = variable;
        diagnostics.Warning(fmt::format("{} names no setting", variable), at,
                            DidYouMean(Suggest(variable, our_names)));
      }
      continue;
    }
    // Variables come sorted, KAFKA_ before SOLITON_: ours replaces Kafka's.
    std::erase_if(entries, [&](const RawEntry& entry) { return entry.name == found->second; });
    entries.push_back(
        Entry(std::string(found->second), value, Location::Layer::kEnvironment, variable));
  }
  return entries;
}

}  // namespace soliton::config
