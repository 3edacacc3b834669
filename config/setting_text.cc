#include "config/setting_text.h"

#include <fmt/format.h>

#include "config/value_check.h"

namespace soliton::config {

std::string TypeText(const Setting& setting) {
  const std::string_view unit = UnitName(setting.unit);
  return fmt::format("{}{}{}", TypeName(setting.type), unit.empty() ? "" : ", ", unit);
}

std::string DefaultText(const Setting& setting) {
  if (!setting.has_default()) return "unset";
  const absl::StatusOr<Value> value = CheckText(setting, setting.default_value);
  const std::string human = value.ok() ? HumanValue(setting, *value) : "";
  const std::string text(setting.default_value.empty() ? "\"\"" : setting.default_value);
  return human.empty() ? text : fmt::format("{} ({})", text, human);
}

std::string_view ChangeText(const Setting& setting) {
  if ((setting.scopes & kClientScopes) != 0) return "";
  return setting.dynamic ? "without a restart" : "needs a restart";
}

std::string_view StageText(Stage stage) {
  switch (stage) {
    case Stage::kSupported:
      return "supported";
    case Stage::kNoEffect:
      return "accepted, no effect";
    case Stage::kRefused:
      return "refused";
  }
  return "";
}

}  // namespace soliton::config
