// Rules that every real command keeps.
#include <gtest/gtest.h>

#include "tests/cli/fixture.h"

namespace soliton::cli {
namespace {

TEST(CommandTree, EveryCommandHasHelpWithExamplesAndExitCodes) {
  const CommandList commands = AllCommands();
  for (const CommandList::Entry& entry : commands.entries()) {
    SCOPED_TRACE(entry.info.name);
    std::vector<std::string> words = {entry.noun};
    if (!entry.verb.empty()) words.push_back(entry.verb);
    words.push_back("--help");
    const Ran ran = RunWords(words);
    EXPECT_EQ(ran.code, ExitCode::kOk);
    EXPECT_EQ(ran.err, "");
    EXPECT_TRUE(ran.out.starts_with("Examples:\n  soliton ") ||
                ran.out.starts_with("Examples:\n  "));
    EXPECT_NE(ran.out.find("130 interrupted"), std::string::npos);
    EXPECT_FALSE(entry.info.summary.empty());
    EXPECT_FALSE(entry.info.summary.ends_with('.')) << "a line in a list, not a sentence";
    for (const Example& example : entry.info.examples) {
      EXPECT_NE(example.command_line.find("soliton " + entry.info.name), std::string::npos)
          << example.command_line;
    }
  }
}

TEST(CommandTree, EveryOptionIsExplained) {
  const CommandList commands = AllCommands();
  for (const CommandList::Entry& entry : commands.entries()) {
    OptionSet options;
    const std::unique_ptr<Command> command = entry.make();
    command->Declare(options);
    bool optional_seen = false;
    for (const OptionSpec& spec : options.specs()) {
      EXPECT_FALSE(spec.help.empty()) << entry.info.name << " " << spec.display_name();
      if (!spec.is_positional()) continue;
      EXPECT_FALSE(optional_seen && spec.required) << entry.info.name << " " << spec.value_name;
      optional_seen = optional_seen || !spec.required;
    }
  }
}

TEST(CommandTree, AtMostTwelveNouns) {
  // Besides those that say something about the program itself.
  constexpr size_t kAboutItself = 3;  // completion, help, version
  EXPECT_LE(AllCommands().Nouns().size(), 12u + kAboutItself);
}

TEST(CommandTree, HelpPages) {
  EXPECT_EQ(RunWords({"--help"}).out, RunWords({"help"}).out);
  EXPECT_EQ(RunWords({"-h"}).code, ExitCode::kOk);
  EXPECT_NE(RunWords({"help"}).out.find("config check"), std::string::npos);
  EXPECT_NE(RunWords({"help", "config"}).out.find("soliton config explain"), std::string::npos);
  EXPECT_NE(RunWords({"help", "config", "check"}).out.find("Usage: soliton config check FILE"),
            std::string::npos);
  const Ran unknown = RunWords({"help", "config", "chek"});
  EXPECT_EQ(unknown.code, ExitCode::kUsage);
  EXPECT_EQ(unknown.err,
            "error: unknown command 'config chek'\n  hint: did you mean 'config check'?\n");
}

TEST(CommandTree, Version) {
  EXPECT_EQ(RunWords({"version"}).out, RunWords({"--version"}).out);
  EXPECT_EQ(RunWords({"version"}).out.substr(0, 8), "soliton ");
}

TEST(CommandTree, ExitCodesAreStable) {
  const int kCodes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130};
  ASSERT_EQ(AllExitCodes().size(), std::size(kCodes));
  for (size_t i = 0; i < std::size(kCodes); ++i) {
    EXPECT_EQ(static_cast<int>(AllExitCodes()[i].code), kCodes[i]);
  }
}

}  // namespace
}  // namespace soliton::cli
