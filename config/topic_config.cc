#include "config/topic_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <variant>

#include "config/kafka_text.h"
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

// Nothing happens when the text is not valid (records of a newer version).
void TakeText(TopicSettings& settings, const Setting& setting, std::string_view text) {
  if (!CheckKafkaText(setting, text).ok()) return;
  // No policy at all: everything is kept.
  if (setting.type == Type::kEnumList && SplitList(text).empty()) {
    return SetField(settings, setting.name, std::vector<std::string>());
  }
  const absl::StatusOr<Value> value = CheckText(setting, text);
  if (value.ok()) SetField(settings, setting.name, *value);
}

}  // namespace

absl::Status ValidateTopicConfig(std::string_view name, std::string_view value) {
  const Setting* setting = FindSetting(name, kTopicScope);
  if (setting == nullptr) {
    return absl::InvalidArgumentError(fmt::format("Unknown topic config name: {}", name));
  }
  return CheckKafkaText(*setting, value);
}

absl::Status CheckTopicConflicts(const std::map<std::string, std::string>& configs) {
  const auto number = [&](const char* name) -> std::optional<int64_t> {
    const auto found = configs.find(name);
    if (found == configs.end()) return std::nullopt;
    const absl::StatusOr<int64_t> value = ParseInteger(Trim(found->second));
    return value.ok() ? std::optional<int64_t>(*value) : std::nullopt;
  };
  const std::optional<int64_t> least = number("min.compaction.lag.ms");
  const std::optional<int64_t> most = number("max.compaction.lag.ms");
  if (!least || !most || *least <= *most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > "
                  "max.compaction.lag.ms ({})",
                  *least, *most));
}

absl::Status ValidateTopicConfigs(const std::map<std::string, std::string>& configs) {
  for (const auto& [name, value] : configs) {
    if (absl::Status status = ValidateTopicConfig(name, value); !status.ok()) return status;
  }
  return CheckTopicConflicts(configs);
}

TopicSettings EffectiveTopicSettings(const std::map<std::string, std::string>& overrides,
                                     const TopicSettings& defaults) {
  TopicSettings settings = defaults;
  for (const auto& [name, text] : overrides) {
    const Setting* setting = FindSetting(name, kTopicScope);
    if (setting != nullptr) TakeText(settings, *setting, text);
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

void ApplyBrokerConfigs(const std::map<std::string, std::string>& configs,
                        TopicSettings& defaults) {
  for (const Setting& row : TopicSettingRows()) {
    const auto found = configs.find(std::string(row.broker_name));
    if (found != configs.end()) TakeText(defaults, row, found->second);
  }
}

std::optional<std::string> TopicSettingText(const TopicSettings& settings, std::string_view name) {
  if (name == "cleanup.policy") {
    if (settings.cleanup_policy_compact && settings.cleanup_policy_delete) return "delete,compact";
    if (settings.cleanup_policy_compact) return "compact";
    return settings.cleanup_policy_delete ? "delete" : "";
  }
  if (name == "message.timestamp.type") {
    return settings.message_timestamp_type_log_append ? "LogAppendTime" : "CreateTime";
  }
  const Field* field = FindField(name);
  if (field == nullptr) return std::nullopt;
  return std::visit([&](auto member) { return fmt::format("{}", settings.*member); },
                    field->member);
}

}  // namespace soliton::config
