#include "config/topic_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <variant>

#include "config/listener.h"
#include "config/units.h"
#include "config/value_check.h"

namespace soliton::config {
namespace {

using Member =
    std::variant<int32_t TopicSettings::*, int64_t TopicSettings::*, bool TopicSettings::*>;

struct Field {
  std::string_view name;
  Member member;
};

// The settings that are one number or one truth. cleanup.policy and message.timestamp.type are
// words.
constexpr Field kFields[] = {
    {"retention.ms", &TopicSettings::retention_ms},
    {"retention.bytes", &TopicSettings::retention_bytes},
    {"segment.bytes", &TopicSettings::segment_bytes},
    {"segment.ms", &TopicSettings::segment_ms},
    {"segment.index.bytes", &TopicSettings::segment_index_bytes},
    {"index.interval.bytes", &TopicSettings::index_interval_bytes},
    {"max.message.bytes", &TopicSettings::max_message_bytes},
    {"min.insync.replicas", &TopicSettings::min_insync_replicas},
    {"unclean.leader.election.enable", &TopicSettings::unclean_leader_election_enable},
    {"message.timestamp.before.max.ms", &TopicSettings::message_timestamp_before_max_ms},
    {"message.timestamp.after.max.ms", &TopicSettings::message_timestamp_after_max_ms},
};

const Field* FindField(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFields), std::end(kFields),
                                   [&](const Field& field) { return field.name == name; });
  return found == std::end(kFields) ? nullptr : found;
}

void SetField(TopicSettings& settings, std::string_view name, const Value& value) {
  if (name == "cleanup.policy") {
    const auto& words = std::get<std::vector<std::string>>(value);
    settings.cleanup_policy_delete = std::find(words.begin(), words.end(), "delete") != words.end();
    settings.cleanup_policy_compact =
        std::find(words.begin(), words.end(), "compact") != words.end();
  } else if (name == "message.timestamp.type") {
    settings.message_timestamp_type_log_append = std::get<std::string>(value) == "LogAppendTime";
  } else if (const Field* field = FindField(name)) {
    std::visit(
        [&](auto member) {
          using T = std::remove_reference_t<decltype(settings.*member)>;
          if constexpr (std::is_same_v<T, bool>) {
            settings.*member = std::get<bool>(value);
          } else {
            settings.*member = static_cast<T>(std::get<int64_t>(value));
          }
        },
        field->member);
  }
}

// Kafka's text of the setting's value; nullopt for settings that TopicSettings does not carry.
std::optional<std::string> FieldText(const TopicSettings& settings, std::string_view name) {
  if (name == "cleanup.policy") {
    if (settings.cleanup_policy_compact && settings.cleanup_policy_delete) return "delete,compact";
    return settings.cleanup_policy_compact ? "compact" : "delete";
  }
  if (name == "message.timestamp.type") {
    return settings.message_timestamp_type_log_append ? "LogAppendTime" : "CreateTime";
  }
  const Field* field = FindField(name);
  if (field == nullptr) return std::nullopt;
  return std::visit([&](auto member) { return fmt::format("{}", settings.*member); },
                    field->member);
}

absl::Status Invalid(std::string_view name, std::string_view value, std::string_view why) {
  return absl::InvalidArgumentError(
      fmt::format("Invalid value {} for configuration {}: {}", value, name, why));
}

absl::Status ValidateInteger(const Setting& setting, std::string_view value) {
  const bool is_int = setting.type == Type::kInt;
  const absl::StatusOr<int64_t> number = ParseInteger(Trim(value));
  const bool fits = number.ok() && (!is_int || *number == static_cast<int32_t>(*number));
  if (!fits) {
    return Invalid(setting.name, value,
                   fmt::format("Not a number of type {}", is_int ? "INT" : "LONG"));
  }
  if (*number < setting.least) {
    return Invalid(setting.name, value, fmt::format("Value must be at least {}", setting.least));
  }
  if (*number > setting.most) {
    return Invalid(setting.name, value, fmt::format("Value must be no more than {}", setting.most));
  }
  return absl::OkStatus();
}

absl::Status ValidateDouble(const Setting& setting, std::string_view value) {
  const absl::StatusOr<double> number = ParseDouble(Trim(value));
  if (!number.ok()) return Invalid(setting.name, value, "Not a number of type DOUBLE");
  if (*number < static_cast<double>(setting.least)) {
    return Invalid(setting.name, value, fmt::format("Value must be at least {}", setting.least));
  }
  if (*number > static_cast<double>(setting.most)) {
    return Invalid(setting.name, value, fmt::format("Value must be no more than {}", setting.most));
  }
  return absl::OkStatus();
}

absl::Status ValidateWords(const Setting& setting, std::string_view value) {
  const std::vector<std::string_view> allowed = AllowedWords(setting);
  std::vector<std::string> words = {std::string(Trim(value))};
  if (setting.type == Type::kEnumList) words = SplitList(value);
  if (words.empty()) return Invalid(setting.name, value, "must not be empty");
  for (const std::string& word : words) {
    if (std::find(allowed.begin(), allowed.end(), word) == allowed.end()) {
      return Invalid(setting.name, word,
                     fmt::format("String must be one of: {}", fmt::join(allowed, ", ")));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateTopicConfig(std::string_view name, std::string_view value) {
  const Setting* setting = FindSetting(name, kTopicScope);
  if (setting == nullptr) {
    return absl::InvalidArgumentError(fmt::format("Unknown topic config name: {}", name));
  }
  if (setting->stage == Stage::kRefused && Trim(value) != setting->harmless) {
    return Invalid(name, value, setting->note);
  }
  switch (setting->type) {
    case Type::kInt:
    case Type::kLong:
      return ValidateInteger(*setting, value);
    case Type::kDouble:
      return ValidateDouble(*setting, value);
    case Type::kBool:
      if (!CheckText(*setting, value).ok()) {
        return Invalid(name, value, "Expected value to be either true or false");
      }
      return absl::OkStatus();
    case Type::kEnum:
    case Type::kEnumList:
      return ValidateWords(*setting, value);
    default:
      return absl::OkStatus();
  }
}

absl::Status ValidateTopicConfigs(const std::map<std::string, std::string>& configs) {
  for (const auto& [name, value] : configs) {
    if (absl::Status status = ValidateTopicConfig(name, value); !status.ok()) return status;
  }
  const auto least = configs.find("min.compaction.lag.ms");
  const auto most = configs.find("max.compaction.lag.ms");
  if (least != configs.end() && most != configs.end() &&
      *ParseInteger(Trim(least->second)) > *ParseInteger(Trim(most->second))) {
    return absl::InvalidArgumentError(
        fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > "
                    "max.compaction.lag.ms ({})",
                    least->second, most->second));
  }
  return absl::OkStatus();
}

TopicSettings EffectiveTopicSettings(const std::map<std::string, std::string>& overrides,
                                     const TopicSettings& defaults) {
  TopicSettings settings = defaults;
  for (const auto& [name, text] : overrides) {
    if (!ValidateTopicConfig(name, text).ok()) continue;
    const absl::StatusOr<Value> value = CheckText(*FindSetting(name, kTopicScope), text);
    if (value.ok()) SetField(settings, name, *value);
  }
  return settings;
}

TopicSettings TopicDefaultsFrom(const Config& broker_config) {
  TopicSettings settings;
  for (const Setting& row : TopicSettingRows()) {
    const Config::Entry* entry = broker_config.Find(row.broker_name);
    if (entry != nullptr) SetField(settings, row.name, entry->value);
  }
  return settings;
}

std::vector<DescribedTopicConfig> DescribeTopicConfigs(
    const std::map<std::string, std::string>& overrides, const TopicSettings& defaults) {
  std::vector<DescribedTopicConfig> described;
  for (const Setting& row : TopicSettingRows()) {
    DescribedTopicConfig& one = described.emplace_back();
    one.setting = &row;
    const auto given = overrides.find(std::string(row.name));
    one.is_override = given != overrides.end();
    one.value = one.is_override
                    ? given->second
                    : FieldText(defaults, row.name).value_or(std::string(row.default_value));
  }
  std::sort(described.begin(), described.end(),
            [](const auto& a, const auto& b) { return a.setting->name < b.setting->name; });
  return described;
}

}  // namespace soliton::config
