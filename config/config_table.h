// The table of settings: one row per setting, the single source for checking files, defaults,
// `config explain`, topic validation and DescribeConfigs answers. Names are Kafka's dotted names;
// our own keys have none of Kafka's. Rows live in the *_settings.cc files, constant and immutable;
// any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soliton::config {

enum class Type {
  kBool,
  kInt,   // 32 bits
  kLong,  // 64 bits
  kDouble,
  kString,
  kPassword,   // a string that no output shows
  kList,       // comma separated words
  kEnum,       // one of Setting::allowed
  kEnumList,   // comma separated, each one of Setting::allowed
  kListeners,  // NAME://host:port, comma separated
  kEndpoints,  // host:port, comma separated
};

// What a number counts. Files may give a number in this unit, or text with any unit of the same
// kind: "7d".
enum class Unit { kNone, kMilliseconds, kSeconds, kMinutes, kHours, kBytes };

// Where a setting applies; a row may name several.
enum Scope : uint8_t {
  kBrokerScope = 1,
  kControllerScope = 2,
  kTopicScope = 4,
  kProducerScope = 8,
  kConsumerScope = 16,
};
inline constexpr uint8_t kNodeScopes = kBrokerScope | kControllerScope;
inline constexpr uint8_t kClientScopes = kProducerScope | kConsumerScope;

enum class Stage {
  kSupported,
  kNoEffect,  // accepted with a warning: ignoring it is safe; `note` says why
  kRefused,   // an error, because ignoring it would change safety; `note` says why. `harmless` is
              // accepted.
};

// No default: the setting is unset until given.
inline constexpr std::string_view kUnset = "\x01";

struct Setting {
  std::string_view name;
  Type type = Type::kString;
  Unit unit = Unit::kNone;
  std::string_view default_value = kUnset;  // as Kafka writes it: "604800000", "delete"
  std::string_view doc;                     // one or two sentences

  // Inclusive bounds of a number, in `unit`.
  int64_t least = std::numeric_limits<int64_t>::min();
  int64_t most = std::numeric_limits<int64_t>::max();
  std::string_view allowed;  // the words of an enum, separated by '|'

  uint8_t scopes = 0;
  bool dynamic = false;  // may change without a restart
  Stage stage = Stage::kSupported;
  std::string_view note;      // for kNoEffect and kRefused
  std::string_view harmless;  // kRefused: the one value that asks for what is anyhow so

  // Topic settings: the broker setting that gives the default.
  std::string_view broker_name;
  // An older or coarser spelling of another setting, which wins when both are given:
  // log.retention.hours.
  std::string_view spelling_of;

  bool has_default() const { return default_value != kUnset; }
};

std::span<const Setting> BrokerSettings();      // broker, and those shared with the controller
std::span<const Setting> ControllerSettings();  // controller only
std::span<const Setting> TopicSettingRows();
std::span<const Setting> ClientSettings();
// The rest of Kafka's broker and controller keys.
std::span<const Setting> KnownKafkaSettings();

// All rows of a scope, in the order of the tables.
std::vector<const Setting*> SettingsOf(uint8_t scopes);
// Null when no row of these scopes has the name. A row named "a.b.*" stands for every name that
// starts with "a.b.".
const Setting* FindSetting(std::string_view name, uint8_t scopes);
// Close names, supported ones first.
std::vector<std::string> SuggestSettings(std::string_view name, uint8_t scopes);

std::vector<std::string_view> AllowedWords(const Setting& setting);
std::string_view TypeName(Type type);
std::string_view UnitName(Unit unit);  // "ms", "bytes", "" for none
// "broker, controller".
std::string ScopeNames(uint8_t scopes);
// "1 to 65535", "at least 0", "one of a, b"; "" when anything goes.
std::string RangeText(const Setting& setting);

}  // namespace soliton::config
