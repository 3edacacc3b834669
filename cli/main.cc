// The `soliton` program: hands its words, streams and environment to the command tree.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "cli/all_commands.h"
#include "runtime/loop/signals.h"
#include "runtime/process.h"
#include "runtime/terminal.h"

namespace soliton::cli {
namespace {

std::map<std::string, std::string> ReadEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

// soliton-broker, soliton-produce ...: links to this program named after one command.
std::vector<std::string> Words(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  std::string_view program = argc > 0 ? argv[0] : "";
  program.remove_prefix(program.rfind('/') == std::string_view::npos ? 0 : program.rfind('/') + 1);
  constexpr std::string_view kPrefix = "soliton-";
  if (program.starts_with(kPrefix)) {
    words.insert(words.begin(), std::string(program.substr(kPrefix.size())));
  }
  return words;
}

}  // namespace
}  // namespace soliton::cli

int main(int argc, char** argv) {
  using namespace soliton::cli;
  soliton::IgnoreBrokenPipe();
  soliton::KeepFreedMemory();
  std::ios::sync_with_stdio(false);
  FileSink out(stdout, soliton::IsTerminal(soliton::StandardStream::kOut));
  FileSink err(stderr, soliton::IsTerminal(soliton::StandardStream::kErr));
  Context context{out, err, std::cin, ReadEnvironment()};
  return static_cast<int>(RunCommandLine(AllCommands(), Words(argc, argv), context));
}
