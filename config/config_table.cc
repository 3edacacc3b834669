#include "config/config_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/suggest.h"

namespace soliton::config {
namespace {

template <typename Visit>
void ForEachSetting(const Visit& visit) {
  for (const Setting& setting : BrokerSettings()) visit(setting);
  for (const Setting& setting : ControllerSettings()) visit(setting);
  for (const Setting& setting : TopicSettingRows()) visit(setting);
  for (const Setting& setting : ClientSettings()) visit(setting);
  for (const Setting& setting : KnownKafkaSettings()) visit(setting);
}

}  // namespace

std::vector<const Setting*> SettingsOf(uint8_t scopes) {
  std::vector<const Setting*> settings;
  ForEachSetting([&](const Setting& setting) {
    if ((setting.scopes & scopes) != 0) settings.push_back(&setting);
  });
  return settings;
}

const Setting* FindSetting(std::string_view name, uint8_t scopes) {
  const Setting* found = nullptr;
  ForEachSetting([&](const Setting& setting) {
    if (found != nullptr || (setting.scopes & scopes) == 0) return;
    const bool is_prefix = setting.name.ends_with(".*");
    const std::string_view prefix = setting.name.substr(0, setting.name.size() - 1);
    if (is_prefix ? name.starts_with(prefix) : name == setting.name) found = &setting;
  });
  return found;
}

std::vector<std::string> SuggestSettings(std::string_view name, uint8_t scopes) {
  std::vector<std::string_view> names;
  for (const Setting* setting : SettingsOf(scopes)) names.push_back(setting->name);
  return Suggest(name, names);
}

std::vector<std::string_view> AllowedWords(const Setting& setting) {
  std::vector<std::string_view> words;
  std::string_view rest = setting.allowed;
  while (!rest.empty()) {
    const size_t bar = std::min(rest.find('|'), rest.size());
    words.push_back(rest.substr(0, bar));
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
  return words;
}

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kBool:
      return "bool";
    case Type::kInt:
      return "int";
    case Type::kLong:
      return "long";
    case Type::kDouble:
      return "double";
    case Type::kString:
      return "string";
    case Type::kPassword:
      return "password";
    case Type::kList:
    case Type::kEnumList:
      return "list";
    case Type::kEnum:
      return "enum";
    case Type::kListeners:
      return "listeners";
    case Type::kEndpoints:
      return "endpoints";
  }
  return "?";
}

std::string_view UnitName(Unit unit) {
  switch (unit) {
    case Unit::kNone:
      return "";
    case Unit::kMilliseconds:
      return "ms";
    case Unit::kSeconds:
      return "s";
    case Unit::kMinutes:
      return "minutes";
    case Unit::kHours:
      return "hours";
    case Unit::kBytes:
      return "bytes";
  }
  return "";
}

std::string ScopeNames(uint8_t scopes) {
  constexpr std::pair<uint8_t, std::string_view> kNames[] = {{kBrokerScope, "broker"},
                                                             {kControllerScope, "controller"},
                                                             {kTopicScope, "topic"},
                                                             {kProducerScope, "producer"},
                                                             {kConsumerScope, "consumer"}};
  std::string text;
  for (const auto& [scope, name] : kNames) {
    if ((scopes & scope) != 0) text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
  }
  return text;
}

std::string RangeText(const Setting& setting) {
  if (setting.type == Type::kEnum || setting.type == Type::kEnumList) {
    return fmt::format("{} {}", setting.type == Type::kEnum ? "one of" : "any of",
                       fmt::join(AllowedWords(setting), ", "));
  }
  const bool has_least = setting.least != std::numeric_limits<int64_t>::min();
  const bool has_most = setting.most != std::numeric_limits<int64_t>::max();
  if (has_least && has_most) return fmt::format("{} to {}", setting.least, setting.most);
  if (has_least) return fmt::format("at least {}", setting.least);
  if (has_most) return fmt::format("at most {}", setting.most);
  return "";
}

}  // namespace soliton::config
