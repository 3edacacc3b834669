#include "config/value_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/listener.h"
#include "config/suggest.h"
#include "config/units.h"

namespace soliton::config {
namespace {

absl::Status Expected(std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("expected {}", what));
}

std::string Kind(const Value& value) {
  struct Visitor {
    std::string operator()(bool) { return "true or false"; }
    std::string operator()(int64_t) { return "a number"; }
    std::string operator()(double) { return "a number with a fraction"; }
    std::string operator()(const std::string&) { return "a text"; }
    std::string operator()(const std::vector<std::string>&) { return "a list"; }
  };
  return std::visit(Visitor(), value);
}

absl::Status WrongKind(std::string_view expected, const Value& value) {
  return absl::InvalidArgumentError(fmt::format("expected {}, found {}", expected, Kind(value)));
}

// Nanoseconds, or bytes, in one of the setting's unit.
int64_t UnitSize(Unit unit) {
  switch (unit) {
    case Unit::kMilliseconds:
      return 1'000'000;
    case Unit::kSeconds:
      return 1'000'000'000;
    case Unit::kMinutes:
      return 60'000'000'000;
    case Unit::kHours:
      return 3'600'000'000'000;
    default:
      return 1;
  }
}

std::string NumberWanted(const Setting& setting) {
  const std::string range = RangeText(setting);
  const std::string_view unit = UnitName(setting.unit);
  return fmt::format("a whole number{}{}{}{}", unit.empty() ? "" : " of ", unit,
                     range.empty() ? "" : ", ", range);
}

// "7d" or "1GiB", in the setting's unit.
absl::StatusOr<int64_t> NumberWithUnit(const Setting& setting, std::string_view text) {
  if (setting.unit == Unit::kNone) return Expected(NumberWanted(setting));
  if (setting.unit == Unit::kBytes) return ParseByteCount(text);
  const absl::StatusOr<Duration> duration = ParseDuration(text);
  if (!duration.ok()) return duration.status();
  const int64_t unit_size = UnitSize(setting.unit);
  if (duration->count() % unit_size != 0) {
    return Expected(fmt::format("a whole number of {}", UnitName(setting.unit)));
  }
  return duration->count() / unit_size;
}

absl::StatusOr<Value> CheckInteger(const Setting& setting, const Value& raw, bool is_typed) {
  int64_t number = 0;
  if (const int64_t* typed = std::get_if<int64_t>(&raw)) {
    number = *typed;
  } else if (const std::string* text = std::get_if<std::string>(&raw)) {
    const absl::StatusOr<int64_t> plain = ParseInteger(Trim(*text));
    if (plain.ok() && is_typed) {
      return Expected(fmt::format("a number: write {} without quotes{}", *plain,
                                  setting.unit == Unit::kNone ? "" : ", or give it a unit"));
    }
    absl::StatusOr<int64_t> any = plain.ok() ? plain : NumberWithUnit(setting, *text);
    if (!any.ok()) return any.status();
    number = *any;
  } else {
    return WrongKind(NumberWanted(setting), raw);
  }
  const int64_t type_most = setting.type == Type::kInt ? std::numeric_limits<int32_t>::max()
                                                       : std::numeric_limits<int64_t>::max();
  if (number < setting.least || number > std::min(setting.most, type_most) ||
      (setting.type == Type::kInt && number < std::numeric_limits<int32_t>::min())) {
    return Expected(NumberWanted(setting));
  }
  return number;
}

absl::StatusOr<Value> CheckDouble(const Setting& setting, const Value& raw, bool is_typed) {
  double number = 0;
  if (const double* typed = std::get_if<double>(&raw)) {
    number = *typed;
  } else if (const int64_t* whole = std::get_if<int64_t>(&raw)) {
    number = static_cast<double>(*whole);
  } else if (const std::string* text = std::get_if<std::string>(&raw);
             text != nullptr && !is_typed) {
    const absl::StatusOr<double> parsed = ParseDouble(Trim(*text));
    if (!parsed.ok()) return parsed.status();
    number = *parsed;
  } else {
    return WrongKind("a number", raw);
  }
  if (!(number >= static_cast<double>(setting.least) &&
        number <= static_cast<double>(setting.most))) {
    return Expected(fmt::format("a number, {}", RangeText(setting)));
  }
  return number;
}

absl::StatusOr<Value> CheckBool(const Value& raw, bool is_typed) {
  if (const bool* typed = std::get_if<bool>(&raw)) return *typed;
  if (const std::string* text = std::get_if<std::string>(&raw); text != nullptr && !is_typed) {
    std::string lower(Trim(*text));
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    if (lower == "true") return true;
    if (lower == "false") return false;
    return Expected("true or false");
  }
  return WrongKind("true or false", raw);
}

absl::Status CheckWord(const Setting& setting, const std::string& word) {
  const std::vector<std::string_view> allowed = AllowedWords(setting);
  if (std::find(allowed.begin(), allowed.end(), word) != allowed.end()) return absl::OkStatus();
  const std::string suggestion = DidYouMean(Suggest(word, allowed, 1));
  return absl::InvalidArgumentError(fmt::format("expected {}{}{}", RangeText(setting),
                                                suggestion.empty() ? "" : "; ", suggestion));
}

absl::StatusOr<Value> CheckString(const Setting& setting, const Value& raw) {
  const std::string* text = std::get_if<std::string>(&raw);
  // A number is a fine name, and acks = 1 is an enum's word.
  const std::string word = text != nullptr ? *text : ValueText(raw);
  if (text == nullptr && !std::holds_alternative<int64_t>(raw)) return WrongKind("a text", raw);
  if (setting.type == Type::kEnum) {
    if (absl::Status status = CheckWord(setting, word); !status.ok()) return status;
  }
  return word;
}

absl::Status CheckElement(const Setting& setting, const std::string& element) {
  switch (setting.type) {
    case Type::kEnumList:
      return CheckWord(setting, element);
    case Type::kListeners: {
      const absl::StatusOr<NamedEndpoint> listener = ParseListener(element);
      if (listener.ok()) return absl::OkStatus();
      return Expected(fmt::format("NAME://host:port in '{}'", element));
    }
    case Type::kEndpoints:
      if (ParseEndpoint(element).ok()) return absl::OkStatus();
      return Expected(fmt::format("host:port in '{}'", element));
    default:
      return absl::OkStatus();
  }
}

absl::StatusOr<Value> CheckList(const Setting& setting, const Value& raw) {
  std::vector<std::string> elements;
  if (const auto* list = std::get_if<std::vector<std::string>>(&raw)) {
    elements = *list;
  } else if (const std::string* text = std::get_if<std::string>(&raw)) {
    elements = SplitList(*text);
  } else {
    return WrongKind("a list", raw);
  }
  if (elements.empty() && setting.type != Type::kList) return Expected("at least one value");
  for (const std::string& element : elements) {
    if (absl::Status status = CheckElement(setting, element); !status.ok()) return status;
  }
  return elements;
}

}  // namespace

absl::StatusOr<Value> CheckValue(const Setting& setting, const Value& raw, bool is_typed) {
  switch (setting.type) {
    case Type::kBool:
      return CheckBool(raw, is_typed);
    case Type::kInt:
    case Type::kLong:
      return CheckInteger(setting, raw, is_typed);
    case Type::kDouble:
      return CheckDouble(setting, raw, is_typed);
    case Type::kString:
    case Type::kPassword:
    case Type::kEnum:
      // Rows of settings that have no effect are texts, whatever Kafka's type is.
      if (setting.type != Type::kEnum && setting.stage != Stage::kSupported) return ValueText(raw);
      return CheckString(setting, raw);
    case Type::kList:
    case Type::kEnumList:
    case Type::kListeners:
    case Type::kEndpoints:
      return CheckList(setting, raw);
  }
  return Expected("a known type");
}

absl::StatusOr<Value> CheckText(const Setting& setting, std::string_view text) {
  return CheckValue(setting, std::string(text), false);
}

std::string ValueText(const Value& value) {
  struct Visitor {
    std::string operator()(bool v) { return v ? "true" : "false"; }
    std::string operator()(int64_t v) { return fmt::format("{}", v); }
    std::string operator()(double v) { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) { return v; }
    std::string operator()(const std::vector<std::string>& v) {
      return fmt::format("{}", fmt::join(v, ","));
    }
  };
  return std::visit(Visitor(), value);
}

std::string PrintableValue(const Setting& setting, const Value& value) {
  return setting.type == Type::kPassword ? "[hidden]" : ValueText(value);
}

std::string HumanValue(const Setting& setting, const Value& value) {
  const int64_t* number = std::get_if<int64_t>(&value);
  if (number == nullptr || *number <= 0) return "";
  if (setting.unit == Unit::kBytes) {
    return *number % 1024 != 0 ? "" : FormatByteCount(*number);
  }
  int64_t nanoseconds = 0;
  if (setting.unit == Unit::kNone ||
      __builtin_mul_overflow(*number, UnitSize(setting.unit), &nanoseconds)) {
    return "";
  }
  return FormatDuration(Duration(nanoseconds));
}

}  // namespace soliton::config
