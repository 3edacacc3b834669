// The completion script, run by a real bash.
#include "cli/completion.h"

#include <gtest/gtest.h>

#include "runtime/file/posix_file_system.h"
#include "runtime/process.h"
#include "tests/cli/fixture.h"
#include "tests/runtime/temporary_directory.h"

namespace soliton::cli {
namespace {

// What bash offers after the words (the last one is being typed), one per line, in bash's order.
std::string Complete(const std::vector<std::string>& words) {
  TemporaryDirectory directory;
  PosixFileSystem fs;
  std::string script = BashCompletion(AllCommands());
  script += fmt::format("\ncd '{}'\nCOMP_WORDS=(", directory.path());
  for (const std::string& word : words) script += fmt::format("'{}' ", word);
  script +=
      fmt::format(")\nCOMP_CWORD={}\n_soliton\nprintf '%s\\n' \"${{COMPREPLY[@]}}\" > result\n",
                  words.size() - 1);
  EXPECT_TRUE(WriteFileAtomically(fs, directory.File("script"), script).ok());
  const absl::StatusOr<int> code =
      RunCommand(fmt::format("bash -u '{}'", directory.File("script")));
  EXPECT_TRUE(code.ok() && *code == 0);
  absl::StatusOr<std::string> result = ReadFile(fs, directory.File("result"));
  return result.ok() ? *result : "";
}

TEST(Completion, NounsVerbsOptionsAndChoices) {
  EXPECT_EQ(Complete({"soliton", "vers"}), "version\n");
  EXPECT_EQ(Complete({"soliton", "config", "ex"}), "explain\n");
  EXPECT_EQ(Complete({"soliton", "config", "check", "--ver"}), "--verbose\n");
  EXPECT_EQ(Complete({"soliton", "config", "list", "--scope", "pro"}), "producer\n");
  EXPECT_EQ(Complete({"soliton", "config", "list", "-o", "js"}), "json\njsonl\n");
  EXPECT_EQ(Complete({"soliton", "broker", "--pr"}), "--print-config\n");
}

TEST(Completion, OffersEveryNoun) {
  const std::string offered = "\n" + Complete({"soliton", ""});
  for (const std::string& noun : AllCommands().Nouns()) {
    EXPECT_NE(offered.find("\n" + noun + "\n"), std::string::npos) << noun;
  }
}

TEST(Completion, OnlyBashSoFar) {
  EXPECT_EQ(RunWords({"completion", "bash"}).out, BashCompletion(AllCommands()));
  EXPECT_EQ(RunWords({"completion", "fish"}).code, ExitCode::kUsage);
}

}  // namespace
}  // namespace soliton::cli
