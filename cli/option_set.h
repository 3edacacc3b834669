// The options of one command. A command declares them against its own members, which hold the
// defaults; after parsing they hold what was given. Help, completion and error messages come from
// the same declarations.
//
//   options.Positional("TOPIC", &topic_, "topic to write to");
//   options.Value("-p,--partitions", "N", &partitions_, "number of partitions").Range(1, 100000);
//   options.Choice("--acks", &acks_, {{"all", -1}, {"1", 1}, {"0", 0}}, "...");
//   options.Flag("--dry-run", &dry_run_, "only show what would be done");
//
// Declaring two options with the same name or a malformed name is a bug (CHECK).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/check.h"
#include "runtime/loop/clock.h"

namespace soliton::cli {

// A size given as "1MiB", "64k" or a plain number of bytes. A type of its own so that Value() knows
// the syntax.
struct ByteCount {
  int64_t bytes = 0;
  friend auto operator<=>(const ByteCount&, const ByteCount&) = default;
};

// One declared option or positional argument.
class OptionSpec {
 public:
  std::vector<std::string> names;  // "-p", "--partitions"; empty for a positional argument
  std::string value_name;          // "N", "TOPIC"; empty for a flag
  std::string help;
  std::string group;         // heading in --help
  std::string default_text;  // shown in --help, may be empty
  std::vector<std::string> choices;
  bool required = false;
  bool repeatable = false;
  bool hidden = false;
  int times_given = 0;
  // Takes one value as typed ("" for a flag); the message says what is wrong with it.
  std::function<absl::Status(std::string_view)> set;

  bool is_positional() const { return names.empty(); }
  bool is_flag() const { return value_name.empty(); }
  // The longest name, or the value name of a positional: what messages call it.
  std::string display_name() const;

  OptionSpec& Required() { return required = true, *this; }
  OptionSpec& Hidden() { return hidden = true, *this; }
  OptionSpec& Group(std::string heading) { return group = std::move(heading), *this; }
  OptionSpec& ShowDefault(std::string text) { return default_text = std::move(text), *this; }
  // Numbers only; checked when a value is given.
  OptionSpec& Range(int64_t least, int64_t most);
};

class OptionSet {
 public:
  // A switch. Flag("--color,!--no-color") is not supported: declare two.
  OptionSpec& Flag(std::string names, bool* target, std::string help);

  // T: std::string, std::optional<std::string>, int32_t, int64_t, double, Duration ("500ms", "7d"),
  // ByteCount; std::vector<std::string> may be given several times and keeps the order.
  template <typename T>
  OptionSpec& Value(std::string names, std::string value_name, T* target, std::string help);

  // One of a few words, each standing for a value.
  template <typename T>
  OptionSpec& Choice(std::string names, T* target, std::vector<std::pair<std::string, T>> choices,
                     std::string help);

  // Arguments without a name, in the order declared. A vector takes all that remain and comes last.
  template <typename T>
  OptionSpec& Positional(std::string value_name, T* target, std::string help);

  // Options declared after this call are listed under `heading` in --help ("Options" before any
  // call).
  void BeginGroup(std::string heading) { group_ = std::move(heading); }

  // References stay valid.
  std::deque<OptionSpec>& specs() { return specs_; }
  const std::deque<OptionSpec>& specs() const { return specs_; }
  // Null when there is no such option ("--partitions" or "-p").
  const OptionSpec* Find(std::string_view name) const;
  OptionSpec* Find(std::string_view name);
  // Whether it was on the command line at all.
  bool Given(std::string_view name) const;

 private:
  OptionSpec& Add(std::string_view names, std::string value_name, std::string help);

  std::string group_ = "Options";
  std::deque<OptionSpec> specs_;
};

// Parse `text` as typed into `target`. The message says what was expected, without naming the
// option.
absl::Status ParseOptionValue(std::string_view text, std::string* target);
absl::Status ParseOptionValue(std::string_view text, std::optional<std::string>* target);
absl::Status ParseOptionValue(std::string_view text, int32_t* target);
absl::Status ParseOptionValue(std::string_view text, int64_t* target);
absl::Status ParseOptionValue(std::string_view text, double* target);
absl::Status ParseOptionValue(std::string_view text, Duration* target);
absl::Status ParseOptionValue(std::string_view text, ByteCount* target);
absl::Status ParseOptionValue(std::string_view text, std::vector<std::string>* target);

// "expected one of all, 1, 0" with a suggestion when one is close.
absl::Status UnknownChoice(std::string_view text, const std::vector<std::string>& choices);

template <typename T>
OptionSpec& OptionSet::Value(std::string names, std::string value_name, T* target,
                             std::string help) {
  OptionSpec& spec = Add(names, std::move(value_name), std::move(help));
  CHECK(!spec.is_positional() && !spec.is_flag(), "{} needs a name and a value name", names);
  spec.repeatable = std::is_same_v<T, std::vector<std::string>>;
  spec.set = [target](std::string_view text) { return ParseOptionValue(text, target); };
  return spec;
}

template <typename T>
OptionSpec& OptionSet::Positional(std::string value_name, T* target, std::string help) {
  OptionSpec& spec = Add("", std::move(value_name), std::move(help));
  CHECK(!spec.is_flag(), "a positional argument needs a value name");
  spec.repeatable = std::is_same_v<T, std::vector<std::string>>;
  spec.set = [target](std::string_view text) { return ParseOptionValue(text, target); };
  return spec;
}

template <typename T>
OptionSpec& OptionSet::Choice(std::string names, T* target,
                              std::vector<std::pair<std::string, T>> choices, std::string help) {
  std::string value_name;
  std::vector<std::string> words;
  for (const auto& [word, value] : choices) {
    value_name += (value_name.empty() ? "" : "|") + word;
    words.push_back(word);
  }
  OptionSpec& spec = Add(names, std::move(value_name), std::move(help));
  spec.choices = words;
  spec.set = [target, choices = std::move(choices), words](std::string_view text) {
    for (const auto& [word, value] : choices) {
      if (word == text) {
        *target = value;
        return absl::OkStatus();
      }
    }
    return UnknownChoice(text, words);
  };
  return spec;
}

}  // namespace soliton::cli
