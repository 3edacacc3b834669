#include "cli/command.h"

#include <algorithm>

namespace soliton::cli {

ExitCode Context::Fail(const CliError& error) {
  out.Flush();
  err.Write(json_errors ? FormatErrorAsJson(error) : FormatError(error));
  err.Flush();
  return error.code;
}

void Context::Note(std::string_view line) {
  err.Write(line);
  err.Write("\n");
  err.Flush();
}

std::optional<std::string> Context::Environment(const std::string& name) const {
  const auto found = environment.find(name);
  if (found == environment.end()) return std::nullopt;
  return found->second;
}

bool Context::UseColor(const TextSink& sink) const {
  const std::optional<std::string> no_color = Environment("NO_COLOR");
  return sink.is_terminal() && !color_disabled && !(no_color.has_value() && !no_color->empty()) &&
         Environment("TERM").value_or("dumb") != "dumb";
}

void CommandList::AddMaker(Maker maker) {
  Entry entry;
  entry.info = maker()->Info();
  const std::string& name = entry.info.name;
  const size_t blank = name.find(' ');
  entry.noun = name.substr(0, blank);
  if (blank != std::string::npos) entry.verb = name.substr(blank + 1);
  CHECK(Find(entry.noun, entry.verb) == nullptr, "command '{}' added twice", name);
  entry.make = std::move(maker);
  entries_.push_back(std::move(entry));
}

const CommandList::Entry* CommandList::Find(std::string_view noun, std::string_view verb) const {
  for (const Entry& entry : entries_) {
    if (entry.noun == noun && entry.verb == verb) return &entry;
  }
  return nullptr;
}

std::vector<std::string> CommandList::Nouns() const {
  std::vector<std::string> nouns;
  for (const Entry& entry : entries_) {
    if (std::find(nouns.begin(), nouns.end(), entry.noun) == nouns.end()) {
      nouns.push_back(entry.noun);
    }
  }
  return nouns;
}

std::vector<std::string> CommandList::Verbs(std::string_view noun) const {
  std::vector<std::string> verbs;
  for (const Entry& entry : entries_) {
    if (entry.noun == noun && !entry.verb.empty()) verbs.push_back(entry.verb);
  }
  return verbs;
}

}  // namespace soliton::cli
