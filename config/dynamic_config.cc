#include "config/dynamic_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/kafka_text.h"
#include "config/suggest.h"

namespace soliton::config {

namespace {

// Those that are no topic's default.
constexpr std::string_view kOwnDynamicSettings[] = {"leader.replication.throttled.rate",
                                                    "follower.replication.throttled.rate"};

}  // namespace

bool IsDynamicBrokerSetting(const Setting& setting) {
  if (!setting.dynamic || setting.stage != Stage::kSupported) return false;
  for (const std::string_view name : kOwnDynamicSettings) {
    if (setting.name == name) return true;
  }
  return std::any_of(
      TopicSettingRows().begin(), TopicSettingRows().end(),
      [&](const Setting& topic_row) { return topic_row.broker_name == setting.name; });
}

absl::Status ValidateBrokerConfig(std::string_view name, std::string_view value) {
  const Setting* setting = FindSetting(name, kBrokerScope);
  if (setting == nullptr) {
    const std::string nearest = DidYouMean(SuggestSettings(name, kBrokerScope));
    return absl::InvalidArgumentError(fmt::format("Unknown broker config name: {}{}{}", name,
                                                  nearest.empty() ? "" : "; ", nearest));
  }
  if (!IsDynamicBrokerSetting(*setting)) {
    return absl::InvalidArgumentError(fmt::format(
        "Cannot update these configs dynamically: [{}]{}", name,
        setting->spelling_of.empty() ? "" : fmt::format("; set {} instead", setting->spelling_of)));
  }
  return CheckKafkaText(*setting, value);
}

std::optional<std::string> ListDefault(std::string_view name, uint8_t scopes) {
  const Setting* setting = FindSetting(name, scopes);
  if (setting == nullptr || (setting->type != Type::kList && setting->type != Type::kEnumList)) {
    return std::nullopt;
  }
  return setting->has_default() ? std::string(setting->default_value) : "";
}

}  // namespace soliton::config
