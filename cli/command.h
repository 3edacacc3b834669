// One command of the `soliton` binary: its place in the command tree (`topic create`), its help,
// its options and what it does. A command's file defines a class and a function that adds it to the
// list; all_commands.cc calls those functions, so the whole tree is in one place.
//
//   class TopicCreateCommand final : public Command { ... };
//   void AddTopicCommands(CommandList& commands) { commands.Add<TopicCreateCommand>(); }
//
// Main thread only. A Command object is made anew for every run, help page and completion.
#pragma once

#include <functional>
#include <istream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/errors.h"
#include "cli/exit_code.h"
#include "cli/option_set.h"
#include "cli/streams.h"

namespace soliton::cli {

// What a command may touch besides its own options. Everything outlives the run.
struct Context {
  TextSink& out;     // data only
  TextSink& err;     // narration, progress, errors
  std::istream& in;  // returns short reads at once, so a pipe that trickles works
  std::map<std::string, std::string> environment;
  bool debug = false;  // --debug: say more about a failure
  bool json_errors = false;

  // Prints the error, as text or as JSON, and returns its exit code: `return context.Fail({...});`.
  ExitCode Fail(const CliError& error);
  // A line of narration on stderr.
  void Note(std::string_view line);
  // An environment variable; nullopt when it is not set.
  std::optional<std::string> Environment(const std::string& name) const;
  // Whether `sink` may be coloured: a terminal, and neither NO_COLOR, TERM=dumb nor --color=never.
  bool UseColor(const TextSink& sink) const;
  bool color_disabled = false;
};

struct Example {
  std::string command_line;  // "soliton topic create orders -p 12 -r 3"
  std::string comment;       // what it does, a few words; may be empty
};

struct CommandInfo {
  std::string name;               // "topic create" or "produce"; at most two words
  std::string summary;            // one line for the list of commands
  std::string details;            // paragraphs below the options in --help; may be empty
  std::vector<Example> examples;  // first thing in --help
};

class Command {
 public:
  virtual ~Command() = default;
  virtual CommandInfo Info() const = 0;
  // Declares the options against members of this object.
  virtual void Declare(OptionSet& options) = 0;
  // Runs after all options were parsed. `options` tells which were given.
  virtual ExitCode Run(Context& context, const OptionSet& options) = 0;
};

// The command tree, in the order of the list in `soliton help`.
class CommandList {
 public:
  using Maker = std::function<std::unique_ptr<Command>()>;

  template <typename T, typename... Args>
  void Add(Args... args) {
    AddMaker([args...] { return std::make_unique<T>(args...); });
  }
  void AddMaker(Maker maker);

  struct Entry {
    CommandInfo info;
    std::string noun;  // first word of the name
    std::string verb;  // second word, or ""
    Maker make;
  };
  const std::vector<Entry>& entries() const& { return entries_; }
  void entries() && = delete;  // would dangle
  const Entry* Find(std::string_view noun, std::string_view verb) const;
  // Each noun once, in order.
  std::vector<std::string> Nouns() const;
  // The verbs of a noun; empty when it is a command by itself or unknown.
  std::vector<std::string> Verbs(std::string_view noun) const;

 private:
  std::vector<Entry> entries_;
};

// Parses `arguments` (without the program's name) against the tree, runs the command, and flushes
// both sinks. Prints help, or the error and its hint. Never throws, never exits.
ExitCode RunCommandLine(const CommandList& commands, const std::vector<std::string>& arguments,
                        Context& context);

}  // namespace soliton::cli
