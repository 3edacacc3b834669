#include "config/config.h"

#include <fmt/format.h>

#include "config/suggest.h"
#include "config/value_check.h"
#include "runtime/base/check.h"

namespace soliton::config {
namespace {

void ReportUnknown(const RawEntry& raw, uint8_t scopes, Diagnostics& diagnostics) {
  std::string note;
  const Setting* topic_row = FindSetting(raw.name, kTopicScope);
  if ((scopes & kNodeScopes) != 0 && topic_row != nullptr && !topic_row->broker_name.empty()) {
    note = fmt::format("a setting of topics; the default for all of them is '{}'",
                       topic_row->broker_name);
  } else {
    note = DidYouMean(SuggestSettings(raw.name, scopes));
  }
  diagnostics.Error(fmt::format("unknown setting '{}'", raw.name), raw.name_at, std::move(note));
}

// False when the entry must not be used.
bool CheckStage(const Setting& setting, const RawEntry& raw, Diagnostics& diagnostics) {
  switch (setting.stage) {
    case Stage::kSupported:
      return true;
    case Stage::kNoEffect:
      diagnostics.Warning(fmt::format("'{}' is accepted but has no effect", raw.name), raw.name_at,
                          std::string(setting.note));
      return true;
    case Stage::kRefused:
      if (ValueText(raw.value) == setting.harmless) return true;
      diagnostics.Error(fmt::format("'{}' is not supported", raw.name), raw.name_at,
                        std::string(setting.note));
      return false;
  }
  return false;
}

}  // namespace

Config Config::Make(uint8_t scopes, const std::vector<std::vector<RawEntry>>& layers,
                    Diagnostics& diagnostics) {
  Config config(scopes);
  for (const std::vector<RawEntry>& layer : layers) {
    for (const RawEntry& raw : layer) config.Take(raw, diagnostics);
  }
  config.ApplySpellings();
  config.AddDefaults();
  return config;
}

void Config::Take(const RawEntry& raw, Diagnostics& diagnostics) {
  const Setting* setting = FindSetting(raw.name, scopes_);
  if (setting == nullptr) return ReportUnknown(raw, scopes_, diagnostics);
  if (!CheckStage(*setting, raw, diagnostics)) return;
  absl::StatusOr<Value> value = CheckValue(*setting, raw.value, raw.is_typed);
  if (!value.ok()) {
    diagnostics.Error(
        fmt::format("bad value '{}' for '{}'", PrintableValue(*setting, raw.value), raw.name),
        raw.value_at, std::string(value.status().message()));
    rejected_.insert(raw.name);
    return;
  }
  const auto [entry, is_new] = entries_.try_emplace(raw.name);
  if (!is_new && entry->second.name_at.layer > raw.name_at.layer) return;
  entry->second = {setting, *std::move(value), raw.name_at, raw.value_at, raw.name};
}

// Among a setting and its spellings the one of the later layer counts; within a layer the setting
// itself, then the spellings in the order of the table.
void Config::ApplySpellings() {
  std::map<std::string, Entry, std::less<>> originals = entries_;
  for (const Setting* setting : SettingsOf(scopes_)) {
    if (setting->spelling_of.empty()) continue;
    const auto spelling = originals.find(setting->name);
    if (spelling == originals.end()) continue;
    const auto main = entries_.find(setting->spelling_of);
    if (main != entries_.end() && main->second.name_at.layer >= spelling->second.name_at.layer) {
      continue;
    }
    const Setting* target = FindSetting(setting->spelling_of, scopes_);
    CHECK(target != nullptr, "{} spells nothing", setting->name);
    Entry converted = spelling->second;
    converted.setting = target;
    std::string text = ValueText(converted.value);
    const bool has_other_unit = setting->unit != target->unit && text != "-1";
    if (has_other_unit) text += setting->unit == Unit::kHours ? "h" : "m";
    absl::StatusOr<Value> value = CheckText(*target, text);
    CHECK(value.ok(), "{} = {} does not convert", setting->name, text);
    converted.value = *std::move(value);
    entries_[std::string(setting->spelling_of)] = std::move(converted);
  }
}

void Config::AddDefaults() {
  for (const Setting* setting : SettingsOf(scopes_)) {
    if (!setting->has_default() || entries_.contains(setting->name)) continue;
    absl::StatusOr<Value> value = CheckText(*setting, setting->default_value);
    CHECK(value.ok(), "default of {}: {}", setting->name, std::string(value.status().message()));
    entries_[std::string(setting->name)] = {setting, *std::move(value), {}, {}, ""};
  }
}

const Config::Entry* Config::Find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

bool Config::Given(std::string_view name) const {
  const Entry* entry = Find(name);
  return entry != nullptr && entry->name_at.layer != Location::Layer::kDefault;
}

int Config::CountFrom(Location::Layer layer) const {
  int count = 0;
  for (const auto& [name, entry] : entries_) {
    // What took its value from another spelling is counted there.
    const bool own = entry.given_as == name;
    if (own && entry.name_at.layer == layer) ++count;
  }
  return count;
}

template <typename T>
const T& Config::Get(std::string_view name) const {
  const Entry* entry = Find(name);
  CHECK(entry != nullptr, "setting {} has no value", name);
  const T* value = std::get_if<T>(&entry->value);
  CHECK(value != nullptr, "setting {} is of type {}", name, TypeName(entry->setting->type));
  return *value;
}

bool Config::GetBool(std::string_view name) const { return Get<bool>(name); }
int64_t Config::GetInteger(std::string_view name) const { return Get<int64_t>(name); }
double Config::GetDouble(std::string_view name) const { return Get<double>(name); }
const std::string& Config::GetString(std::string_view name) const { return Get<std::string>(name); }
const std::vector<std::string>& Config::GetList(std::string_view name) const {
  return Get<std::vector<std::string>>(name);
}

}  // namespace soliton::config
