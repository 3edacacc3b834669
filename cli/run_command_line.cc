// From words to a command's run. CLI11 takes the words apart; which command is meant, typed values,
// messages and help are ours: CLI11 knows no suggestions and its exit codes are its own.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cctype>
#include <memory>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/help.h"
#include "config/suggest.h"

namespace soliton::cli {
namespace {

struct CommonFlags {
  bool help = false;
  bool debug = false;
  std::string color = "auto";
  std::string errors;  // see WantsJsonErrors
};

CliError UsageError(std::string what, std::string hint) {
  return {ExitCode::kUsage, std::move(what), "", "", std::move(hint)};
}

// "did you mean 'topic create'?" or where to look.
std::string HintFor(const std::vector<std::string>& suggestions, std::string_view help_command) {
  const std::string did_you_mean = config::DidYouMean(suggestions);
  return did_you_mean.empty() ? fmt::format("see: {}", help_command) : did_you_mean;
}

void DeclareCommon(OptionSet& options, CommonFlags* flags) {
  options.BeginGroup("Common options");
  options.Flag("-h,--help", &flags->help, "show this page");
  options.Flag("--debug", &flags->debug, "say more about a failure");
  options.Choice("--color", &flags->color, {{"auto", "auto"}, {"never", "never"}},
                 "colour on a terminal");
  options.Choice("--errors", &flags->errors, {{"text", "text"}, {"json", "json"}},
                 "errors on stderr (default: json with -o json or jsonl, else text)");
}

// The words that CLI11 collected for each option, and those it could not place.
struct Words {
  std::vector<std::pair<OptionSpec*, std::vector<std::string>>> values;
  std::vector<std::string> extras;
};

absl::StatusOr<Words> TakeApart(OptionSet& options, const std::vector<std::string>& arguments) {
  Words words;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  for (OptionSpec& spec : options.specs()) {
    if (!spec.is_positional()) words.values.emplace_back(&spec, std::vector<std::string>());
  }
  std::vector<CLI::Option*> declared;
  try {
    for (auto& [spec, values] : words.values) {
      const std::string names = fmt::format("{}", fmt::join(spec->names, ","));
      CLI::Option* option =
          spec->is_flag() ? app.add_flag(names) : app.add_option(names)->expected(1);
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      if (!spec->is_flag()) option->type_size(1)->allow_extra_args(false);
      declared.push_back(option);
    }
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ArgumentMismatch& error) {
    return absl::InvalidArgumentError(error.get_name());
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  for (size_t i = 0; i < declared.size(); ++i) words.values[i].second = declared[i]->results();
  words.extras = app.remaining(true);
  return words;
}

// The flag that ends the words without the value it needs, as in `produce t --key`.
std::optional<CliError> MissingValue(const OptionSet& options,
                                     const std::vector<std::string>& arguments,
                                     std::string_view help_command) {
  if (arguments.empty()) return std::nullopt;
  const OptionSpec* spec = options.Find(arguments.back());
  if (spec == nullptr || spec->is_flag()) return std::nullopt;
  return UsageError(fmt::format("option {} needs a value ({})", arguments.back(), spec->value_name),
                    fmt::format("see: {}", help_command));
}

std::optional<CliError> SetOne(OptionSpec& spec, const std::string& value,
                               std::string_view help_command) {
  if (++spec.times_given > 1 && !spec.repeatable) {
    return UsageError(fmt::format("{} is given more than once", spec.display_name()),
                      fmt::format("see: {}", help_command));
  }
  const absl::Status status = spec.set(value);
  if (status.ok()) return std::nullopt;
  return CliError{ExitCode::kUsage,
                  fmt::format("bad value '{}' for {}", value, spec.display_name()), "",
                  std::string(status.message()), fmt::format("see: {}", help_command)};
}

// Gives the words without a flag to the positional arguments, in order. A word that looks like a
// flag is an unknown one, unless it comes after "--".
std::optional<CliError> SetPositionals(OptionSet& options, const std::vector<std::string>& extras,
                                       std::string_view help_command) {
  std::vector<OptionSpec*> positionals;
  for (OptionSpec& spec : options.specs()) {
    if (spec.is_positional()) positionals.push_back(&spec);
  }
  bool only_values = false;
  size_t next = 0;
  for (const std::string& word : extras) {
    if (word == "--" && !only_values) {
      only_values = true;
      continue;
    }
    if (word.size() > 1 && word[0] == '-' && !only_values && !std::isdigit(word[1])) {
      std::vector<std::string> names;
      for (const OptionSpec& spec : options.specs()) {
        if (!spec.hidden) names.insert(names.end(), spec.names.begin(), spec.names.end());
      }
      const std::string name = word.substr(0, word.find('='));
      return UsageError(fmt::format("unknown option '{}'", name),
                        HintFor(config::Suggest(name, names), help_command));
    }
    if (next == positionals.size()) {
      return UsageError(fmt::format("unexpected argument '{}'", word),
                        fmt::format("see: {}", help_command));
    }
    OptionSpec& spec = *positionals[next];
    if (!spec.repeatable) ++next;
    if (std::optional<CliError> error = SetOne(spec, word, help_command)) return error;
  }
  return std::nullopt;
}

std::optional<CliError> CheckRequired(const OptionSet& options, const std::string& usage) {
  for (const OptionSpec& spec : options.specs()) {
    if (!spec.required || spec.times_given > 0) continue;
    return UsageError(fmt::format("missing {} {}", spec.is_positional() ? "argument" : "option",
                                  spec.display_name()),
                      "usage: " + usage);
  }
  return std::nullopt;
}

std::optional<CliError> ParseOptions(OptionSet& options, const std::vector<std::string>& arguments,
                                     std::string_view help_command) {
  absl::StatusOr<Words> words = TakeApart(options, arguments);
  if (!words.ok()) {
    if (std::optional<CliError> error = MissingValue(options, arguments, help_command))
      return error;
    return UsageError(std::string(words.status().message()), fmt::format("see: {}", help_command));
  }
  for (auto& [spec, values] : words->values) {
    for (const std::string& value : values) {
      if (std::optional<CliError> error = SetOne(*spec, value, help_command)) return error;
    }
  }
  return SetPositionals(options, words->extras, help_command);
}

ExitCode RunCommand(const CommandList::Entry& entry, const std::vector<std::string>& arguments,
                    Context& context) {
  const std::unique_ptr<Command> command = entry.make();
  OptionSet options;
  CommonFlags common;
  command->Declare(options);
  DeclareCommon(options, &common);
  const std::string help_command = fmt::format("soliton {} --help", entry.info.name);
  const std::optional<CliError> error = ParseOptions(options, arguments, help_command);
  // --help wins over whatever else is wrong with the words.
  if (common.help || std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    context.out.Write(CommandHelp(entry.info, options));
    return ExitCode::kOk;
  }
  if (error.has_value()) return context.Fail(*error);
  if (auto missing = CheckRequired(options, UsageLine(entry.info, options))) {
    return context.Fail(*missing);
  }
  context.debug = common.debug;
  context.color_disabled = common.color == "never";
  return command->Run(context, options);
}

bool IsHelpFlag(const std::string& word) { return word == "--help" || word == "-h"; }

// A noun with verbs: the second word chooses.
ExitCode RunNoun(const CommandList& commands, const std::string& noun,
                 const std::vector<std::string>& rest, Context& context) {
  const std::vector<std::string> verbs = commands.Verbs(noun);
  const std::string help_command = fmt::format("soliton {} --help", noun);
  if (!rest.empty() && IsHelpFlag(rest.front())) {
    context.out.Write(NounHelp(commands, noun));
    return ExitCode::kOk;
  }
  if (rest.empty() || rest.front().starts_with('-')) {
    return context.Fail(
        UsageError(fmt::format("'{}' needs a verb: {}", noun, fmt::join(verbs, ", ")),
                   fmt::format("see: {}", help_command)));
  }
  const CommandList::Entry* entry = commands.Find(noun, rest.front());
  if (entry == nullptr) {
    std::vector<std::string> suggestions = config::Suggest(rest.front(), verbs);
    for (std::string& suggestion : suggestions) suggestion = noun + " " + suggestion;
    return context.Fail(UsageError(fmt::format("unknown command '{} {}'", noun, rest.front()),
                                   HintFor(suggestions, help_command)));
  }
  return RunCommand(*entry, {rest.begin() + 1, rest.end()}, context);
}

ExitCode Dispatch(const CommandList& commands, const std::vector<std::string>& arguments,
                  Context& context) {
  if (arguments.empty()) {
    context.err.Write(RootHelp(commands));
    return ExitCode::kUsage;
  }
  std::string noun = arguments.front();
  if (IsHelpFlag(noun)) noun = "help";
  if (noun == "--version" || noun == "-V") noun = "version";
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  // A noun may be a command and have verbs: a word without a dash is meant as one of those.
  const bool verb_follows =
      !commands.Verbs(noun).empty() && !rest.empty() && !rest.front().starts_with('-');
  if (const CommandList::Entry* entry = commands.Find(noun, "");
      entry != nullptr && !verb_follows) {
    return RunCommand(*entry, rest, context);
  }
  if (!commands.Verbs(noun).empty()) return RunNoun(commands, noun, rest, context);
  return context.Fail(UsageError(fmt::format("unknown command '{}'", noun),
                                 HintFor(config::Suggest(noun, commands.Nouns()), "soliton help")));
}

}  // namespace

ExitCode RunCommandLine(const CommandList& commands, const std::vector<std::string>& arguments,
                        Context& context) {
  context.json_errors = WantsJsonErrors(arguments);
  const ExitCode code = Dispatch(commands, arguments, context);
  context.out.Flush();
  context.err.Flush();
  return code;
}

}  // namespace soliton::cli
