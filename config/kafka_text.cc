#include "config/kafka_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "config/listener.h"
#include "config/units.h"
#include "config/value_check.h"

namespace soliton::config {
namespace {

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
  for (const std::string& word : words) {
    if (std::find(allowed.begin(), allowed.end(), word) == allowed.end()) {
      return Invalid(setting.name, word,
                     fmt::format("String must be one of: {}", fmt::join(allowed, ", ")));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckKafkaText(const Setting& setting, std::string_view value) {
  if (value.size() > kMaxKafkaTextBytes) {
    return absl::InvalidArgumentError(
        fmt::format("Invalid value of {} bytes for configuration {}: at most {} bytes",
                    value.size(), setting.name, kMaxKafkaTextBytes));
  }
  if (setting.stage == Stage::kRefused && Trim(value) != setting.harmless) {
    return Invalid(setting.name, value, setting.note);
  }
  switch (setting.type) {
    case Type::kInt:
    case Type::kLong:
      return ValidateInteger(setting, value);
    case Type::kDouble:
      return ValidateDouble(setting, value);
    case Type::kBool:
      if (!CheckText(setting, value).ok()) {
        return Invalid(setting.name, value, "Expected value to be either true or false");
      }
      return absl::OkStatus();
    case Type::kEnum:
    case Type::kEnumList:
      return ValidateWords(setting, value);
    default:
      return absl::OkStatus();
  }
}

}  // namespace soliton::config
