// help, version, completion.
#include <fmt/format.h>

#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/version.h"
#include "config/suggest.h"

namespace soliton::cli {
namespace {

class HelpCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "help",
            .summary = "show the commands, or the page of one",
            .details = "",
            .examples = {{"soliton help", ""}, {"soliton help topic create", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("COMMAND", &words_, "the command to show");
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    const CommandList commands = AllCommands();
    if (words_.empty()) {
      context.out.Write(RootHelp(commands));
      return ExitCode::kOk;
    }
    const std::string verb = words_.size() > 1 ? words_[1] : "";
    if (const CommandList::Entry* entry = commands.Find(words_[0], verb)) {
      OptionSet options;
      const std::unique_ptr<Command> command = entry->make();
      command->Declare(options);
      context.out.Write(CommandHelp(entry->info, options));
      return ExitCode::kOk;
    }
    if (verb.empty() && !commands.Verbs(words_[0]).empty()) {
      context.out.Write(NounHelp(commands, words_[0]));
      return ExitCode::kOk;
    }
    std::vector<std::string> names;
    for (const CommandList::Entry& entry : commands.entries()) names.push_back(entry.info.name);
    const std::string wanted = fmt::format("{}", fmt::join(words_, " "));
    const std::string hint = config::DidYouMean(config::Suggest(wanted, names));
    return context.Fail({ExitCode::kUsage, fmt::format("unknown command '{}'", wanted), "", "",
                         hint.empty() ? "see: soliton help" : hint});
  }

 private:
  std::vector<std::string> words_;
};

class VersionCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "version",
            .summary = "show the version of this binary",
            .details = "",
            .examples = {{"soliton version", ""}}};
  }
  void Declare(OptionSet&) override {}
  ExitCode Run(Context& context, const OptionSet&) override {
    context.out.Write(fmt::format("soliton {}\n", kVersion));
    return ExitCode::kOk;
  }
};

class CompletionCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "completion",
            .summary = "print a completion script for the shell",
            .details = "",
            .examples = {{"source <(soliton completion bash)", "in this shell"}}};
  }
  void Declare(OptionSet& options) override {
    OptionSpec& shell = options.Positional("SHELL", &shell_, "bash").Required();
    shell.choices = {"bash"};
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (shell_ != "bash") {
      return context.Fail({ExitCode::kUsage, fmt::format("no completion for shell '{}'", shell_),
                           "", "", "only bash is supported so far"});
    }
    context.out.Write(BashCompletion(AllCommands()));
    return ExitCode::kOk;
  }

 private:
  std::string shell_;
};

}  // namespace

void AddGeneralCommands(CommandList& commands) {
  commands.Add<CompletionCommand>();
  commands.Add<HelpCommand>();
  commands.Add<VersionCommand>();
}

}  // namespace soliton::cli
