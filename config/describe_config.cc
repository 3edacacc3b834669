#include "config/describe_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/dynamic_config.h"
#include "config/value_check.h"

namespace soliton::config {
namespace {

using Settings = std::map<std::string, std::string>;

void AddFrom(const Settings& settings, std::string_view name, ConfigSource source,
             std::vector<SettingSynonym>& synonyms) {
  const auto found = settings.find(std::string(name));
  if (found != settings.end()) synonyms.push_back({std::string(name), found->second, source});
}

const Setting* TopicRowOf(std::string_view broker_name) {
  for (const Setting& row : TopicSettingRows()) {
    if (row.broker_name == broker_name) return &row;
  }
  return nullptr;
}

// What the broker was started with, and the table's default, as far as there are any.
void AddStatic(const Setting& row, const BrokerLayers& layers,
               std::vector<SettingSynonym>& synonyms) {
  std::optional<std::string> text;
  if (const Setting* topic_row = TopicRowOf(row.name)) {
    text = TopicSettingText(layers.topic_defaults, topic_row->name);
  } else if (layers.given != nullptr) {
    const Config::Entry* entry = layers.given->Find(row.name);
    if (entry != nullptr) text = ValueText(entry->value);
  }
  const bool given = layers.given != nullptr && layers.given->Given(row.name);
  const std::string default_value = row.has_default() ? std::string(row.default_value) : "";
  if (text && (given || *text != default_value)) {
    synonyms.push_back({std::string(row.name), *text, ConfigSource::kStatic});
  }
  if (row.has_default()) {
    synonyms.push_back({std::string(row.name), default_value, ConfigSource::kDefault});
  }
}

void AddBrokerLayers(const Setting& row, const BrokerLayers& layers,
                     std::vector<SettingSynonym>& synonyms) {
  AddFrom(layers.broker, row.name, ConfigSource::kBroker, synonyms);
  AddFrom(layers.all_brokers, row.name, ConfigSource::kAllBrokers, synonyms);
  AddStatic(row, layers, synonyms);
}

// The first synonym counts; without any the row's default does.
DescribedSetting Described(const Setting& row, std::vector<SettingSynonym> synonyms) {
  DescribedSetting described;
  described.setting = &row;
  if (!synonyms.empty()) {
    described.value = synonyms.front().value;
    described.source = synonyms.front().source;
  } else if (row.has_default()) {
    described.value = std::string(row.default_value);
  }
  described.synonyms = std::move(synonyms);
  if (row.type == Type::kPassword) {
    described.value.reset();
    for (SettingSynonym& synonym : described.synonyms) synonym.value.clear();
  }
  return described;
}

void SortByName(std::vector<DescribedSetting>& all) {
  std::sort(all.begin(), all.end(), [](const DescribedSetting& a, const DescribedSetting& b) {
    return a.setting->name < b.setting->name;
  });
}

}  // namespace

int8_t DescribedSetting::KafkaType() const {
  switch (setting->type) {
    case Type::kBool:
      return 1;
    case Type::kString:
    case Type::kEnum:
      return 2;
    case Type::kInt:
      return 3;
    case Type::kLong:
      return 5;
    case Type::kDouble:
      return 6;
    case Type::kList:
    case Type::kEnumList:
    case Type::kListeners:
    case Type::kEndpoints:
      return 7;
    case Type::kPassword:
      return 9;
  }
  return 0;
}

std::string DescribedSetting::Documentation() const {
  if (setting->stage == Stage::kSupported) return std::string(setting->doc);
  return fmt::format("{} No effect here: {}.", setting->doc, setting->note);
}

std::vector<DescribedSetting> DescribeTopic(const Settings& overrides, const BrokerLayers& layers) {
  std::vector<DescribedSetting> all;
  for (const Setting& row : TopicSettingRows()) {
    std::vector<SettingSynonym> synonyms;
    AddFrom(overrides, row.name, ConfigSource::kTopic, synonyms);
    const Setting* broker_row =
        row.broker_name.empty() ? nullptr : FindSetting(row.broker_name, kBrokerScope);
    if (broker_row != nullptr) AddBrokerLayers(*broker_row, layers, synonyms);
    all.push_back(Described(row, std::move(synonyms)));
  }
  SortByName(all);
  return all;
}

std::vector<DescribedSetting> DescribeBroker(const BrokerLayers& layers) {
  std::vector<DescribedSetting> all;
  std::set<std::string_view> seen;
  for (const Setting* row : SettingsOf(kBrokerScope)) {
    if (row->name.ends_with(".*") || !seen.insert(row->name).second) continue;
    std::vector<SettingSynonym> synonyms;
    AddBrokerLayers(*row, layers, synonyms);
    all.push_back(Described(*row, std::move(synonyms)));
    all.back().read_only = !IsDynamicBrokerSetting(*row);
  }
  SortByName(all);
  return all;
}

std::vector<DescribedSetting> DescribeAllBrokers(const Settings& all_brokers) {
  std::vector<DescribedSetting> all;
  for (const auto& [name, value] : all_brokers) {
    const Setting* row = FindSetting(name, kBrokerScope);
    if (row == nullptr) continue;  // of a newer version
    all.push_back(Described(*row, {{name, value, ConfigSource::kAllBrokers}}));
  }
  return all;
}

}  // namespace soliton::config
