#include "cli/option_set.h"

#include <fmt/format.h>

#include <limits>

#include "config/suggest.h"
#include "config/units.h"

namespace soliton::cli {
namespace {

template <typename T>
absl::Status Assign(absl::StatusOr<T> parsed, T* target) {
  if (parsed.ok()) *target = *std::move(parsed);
  return parsed.status();
}

std::vector<std::string> SplitNames(std::string_view names) {
  std::vector<std::string> list;
  while (!names.empty()) {
    const size_t comma = std::min(names.find(','), names.size());
    list.emplace_back(names.substr(0, comma));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return list;
}

}  // namespace

std::string OptionSpec::display_name() const {
  std::string longest = is_positional() ? value_name : "";
  for (const std::string& name : names) {
    if (name.size() > longest.size()) longest = name;
  }
  return longest;
}

OptionSpec& OptionSpec::Range(int64_t least, int64_t most) {
  set = [inner = std::move(set), least, most](std::string_view text) -> absl::Status {
    const absl::StatusOr<int64_t> number = config::ParseInteger(text);
    if (number.ok() && (*number < least || *number > most)) {
      return absl::InvalidArgumentError(fmt::format("expected {} to {}", least, most));
    }
    return inner(text);
  };
  return *this;
}

OptionSpec& OptionSet::Add(std::string_view names, std::string value_name, std::string help) {
  std::vector<std::string> list = SplitNames(names);
  for (const std::string& name : list) {
    const bool is_short = name.size() == 2 && name[0] == '-' && name[1] != '-';
    CHECK(is_short || (name.size() > 2 && name.starts_with("--")), "malformed option name {}",
          name);
    CHECK(Find(name) == nullptr, "option {} declared twice", name);
  }
  OptionSpec& spec = specs_.emplace_back();
  spec.names = std::move(list);
  spec.value_name = std::move(value_name);
  spec.help = std::move(help);
  spec.group = group_;
  return spec;
}

OptionSpec& OptionSet::Flag(std::string names, bool* target, std::string help) {
  OptionSpec& spec = Add(names, "", std::move(help));
  CHECK(!spec.is_positional(), "a flag needs a name");
  spec.repeatable = true;
  spec.set = [target](std::string_view) {
    *target = true;
    return absl::OkStatus();
  };
  return spec;
}

const OptionSpec* OptionSet::Find(std::string_view name) const {
  for (const OptionSpec& spec : specs_) {
    for (const std::string& own : spec.names) {
      if (own == name) return &spec;
    }
  }
  return nullptr;
}

OptionSpec* OptionSet::Find(std::string_view name) {
  return const_cast<OptionSpec*>(std::as_const(*this).Find(name));
}

bool OptionSet::Given(std::string_view name) const {
  const OptionSpec* spec = Find(name);
  return spec != nullptr && spec->times_given > 0;
}

absl::Status ParseOptionValue(std::string_view text, std::string* target) {
  *target = text;
  return absl::OkStatus();
}

absl::Status ParseOptionValue(std::string_view text, std::optional<std::string>* target) {
  target->emplace(text);
  return absl::OkStatus();
}

absl::Status ParseOptionValue(std::string_view text, int32_t* target) {
  const absl::StatusOr<int64_t> parsed = config::ParseInteger(text);
  if (!parsed.ok()) return parsed.status();
  if (*parsed < std::numeric_limits<int32_t>::min() ||
      *parsed > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError("expected a number of at most 32 bits");
  }
  *target = static_cast<int32_t>(*parsed);
  return absl::OkStatus();
}

absl::Status ParseOptionValue(std::string_view text, int64_t* target) {
  return Assign(config::ParseInteger(text), target);
}

absl::Status ParseOptionValue(std::string_view text, double* target) {
  return Assign(config::ParseDouble(text), target);
}

absl::Status ParseOptionValue(std::string_view text, Duration* target) {
  const absl::StatusOr<Duration> parsed = config::ParseDuration(text);
  if (!parsed.ok()) return parsed.status();
  if (*parsed < Duration::zero()) {
    return absl::InvalidArgumentError("expected a duration that is not negative");
  }
  *target = *parsed;
  return absl::OkStatus();
}

absl::Status ParseOptionValue(std::string_view text, ByteCount* target) {
  return Assign(config::ParseByteCount(text), &target->bytes);
}

absl::Status ParseOptionValue(std::string_view text, std::vector<std::string>* target) {
  target->emplace_back(text);
  return absl::OkStatus();
}

absl::Status UnknownChoice(std::string_view text, const std::vector<std::string>& choices) {
  const std::string suggestion = config::DidYouMean(config::Suggest(text, choices));
  return absl::InvalidArgumentError(fmt::format("expected one of {}{}{}", fmt::join(choices, ", "),
                                                suggestion.empty() ? "" : "; ", suggestion));
}

}  // namespace soliton::cli
