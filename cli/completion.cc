#include "cli/completion.h"

#include <fmt/format.h>

namespace soliton::cli {
namespace {

// "--acks) words='all 1 0';;" for each option with choices.
std::string ChoiceCases(const OptionSet& options) {
  std::string text;
  for (const OptionSpec& spec : options.specs()) {
    if (spec.choices.empty() || spec.hidden || spec.is_positional()) continue;
    text += fmt::format("        {}) words='{}' ;;\n", fmt::join(spec.names, "|"),
                        fmt::join(spec.choices, " "));
  }
  return text;
}

std::string FlagWords(const OptionSet& options) {
  std::string words = "--help";
  for (const OptionSpec& spec : options.specs()) {
    if (spec.hidden) continue;
    if (spec.is_positional()) {
      for (const std::string& choice : spec.choices) words += " " + choice;
    } else {
      words += " " + spec.display_name();
    }
  }
  return words;
}

}  // namespace

std::string BashCompletion(const CommandList& commands) {
  std::string cases;
  for (const std::string& noun : commands.Nouns()) {
    const std::vector<std::string> verbs = commands.Verbs(noun);
    if (!verbs.empty())
      cases += fmt::format("    {}) words='{}' ;;\n", noun, fmt::join(verbs, " "));
  }
  for (const CommandList::Entry& entry : commands.entries()) {
    OptionSet options;
    const std::unique_ptr<Command> command = entry.make();
    command->Declare(options);
    cases += fmt::format("    '{}{}{}')\n", entry.noun, entry.verb.empty() ? "" : " ", entry.verb);
    cases += "      case $previous in\n" + ChoiceCases(options);
    cases += fmt::format("        *) words='{}' ;;\n      esac ;;\n", FlagWords(options));
  }
  return fmt::format(
      R"(# bash completion of soliton; use it with: source <(soliton completion bash)
_soliton() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} command='' words='' i
  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do
    case ${{COMP_WORDS[i]}} in -*) break ;; esac
    case "$command ${{COMP_WORDS[i]}}" in
      {0}) command="$command ${{COMP_WORDS[i]}}" ;;
      *) break ;;
    esac
  done
  command=${{command# }}
  case $command in
    '') words='{1}' ;;
{2}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ ${{#COMPREPLY[@]}} = 0 ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _soliton soliton
)",
      [&] {
        std::string patterns;
        const auto add = [&](const std::string& words) {
          patterns += fmt::format("{}' {}'", patterns.empty() ? "" : "|", words);
        };
        for (const std::string& noun : commands.Nouns()) {
          add(noun);
          for (const std::string& verb : commands.Verbs(noun)) add(noun + " " + verb);
        }
        return patterns;
      }(),
      fmt::join(commands.Nouns(), " "), cases);
}

}  // namespace soliton::cli
