#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::cli {
namespace {

constexpr size_t kTextWidth = 98;
constexpr size_t kMaxLeftWidth = 34;
constexpr size_t kUsualLeftWidth = 24;  // when every left side is too long for the column

struct Line {
  std::string left;
  std::string right;
};

// Two columns; the right one is wrapped at blanks and stays in its column.
std::string TwoColumns(const std::vector<Line>& lines) {
  size_t left_width = 0;
  for (const Line& line : lines) {
    if (line.left.size() <= kMaxLeftWidth) left_width = std::max(left_width, line.left.size());
  }
  if (left_width == 0) left_width = kUsualLeftWidth;
  std::string text;
  for (const Line& line : lines) {
    text += fmt::format("  {:<{}}", line.left, left_width);
    size_t column = 2 + std::max(left_width, line.left.size());
    if (line.left.size() > left_width && !line.right.empty()) {
      text += fmt::format("\n  {:<{}}", "", left_width);
      column = 2 + left_width;
    }
    std::string_view rest = line.right;
    std::string_view separator = "  ";
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, std::min(rest.find(' '), rest.size()));
      if (column + separator.size() + word.size() > kTextWidth && separator == " ") {
        text += fmt::format("\n{:<{}}", "", left_width + 4);
        column = left_width + 4;
      } else {
        text += separator;
        column += separator.size();
      }
      text += word;
      column += word.size();
      separator = " ";
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    text += '\n';
  }
  return text;
}

// Paragraphs, wrapped at blanks. Line breaks and indents stay.
std::string Wrapped(std::string_view text) {
  std::string wrapped;
  size_t column = 0;
  bool line_begins = true;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \n"), text.size());
    if (!line_begins && column + 1 + end > kTextWidth) {
      wrapped += '\n';
      column = 0;
    } else if (!line_begins) {
      wrapped += ' ';
      ++column;
    }
    wrapped += text.substr(0, end);
    column += end;
    line_begins = text.substr(end, 1) == "\n";
    if (line_begins) {
      wrapped += '\n';
      column = 0;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return wrapped;
}

std::string LeftOf(const OptionSpec& spec) {
  if (spec.is_positional()) return spec.value_name;
  const bool has_short = spec.names.front().size() == 2;
  std::string left = has_short ? "" : "    ";
  for (size_t i = 0; i < spec.names.size(); ++i) left += (i > 0 ? ", " : "") + spec.names[i];
  if (!spec.is_flag()) left += " " + spec.value_name;
  return left;
}

std::string RightOf(const OptionSpec& spec) {
  std::string right = spec.help;
  if (!spec.default_text.empty()) right += fmt::format(" (default {})", spec.default_text);
  if (spec.required && !spec.is_positional()) right += " (required)";
  return right;
}

std::string ExitCodeLine() {
  std::string text = "Exit codes:\n ";
  size_t column = 1;
  for (const ExitCodeInfo& info : AllExitCodes()) {
    const bool last = info.code == AllExitCodes().back().code;
    const std::string item =
        fmt::format(" {} {}{}", static_cast<int>(info.code), info.meaning, last ? "" : ",");
    if (column + item.size() > kTextWidth) {
      text += "\n ";
      column = 1;
    }
    text += item;
    column += item.size();
  }
  return text + "\n";
}

std::string ExampleLines(const std::vector<Example>& examples) {
  if (examples.empty()) return "";
  std::string text = "Examples:\n";
  size_t width = 0;
  for (const Example& example : examples) width = std::max(width, example.command_line.size());
  for (const Example& example : examples) {
    if (example.comment.empty()) {
      text += fmt::format("  {}\n", example.command_line);
    } else if (width + example.comment.size() + 6 <= kTextWidth) {
      text += fmt::format("  {:<{}}  # {}\n", example.command_line, width, example.comment);
    } else {
      text += fmt::format("  # {}\n  {}\n", example.comment, example.command_line);
    }
  }
  return text + "\n";
}

std::string OptionLines(const OptionSet& options) {
  std::vector<std::string> groups;
  std::map<std::string, std::vector<Line>> lines;
  std::vector<Line> arguments;
  for (const OptionSpec& spec : options.specs()) {
    if (spec.hidden) continue;
    if (spec.is_positional()) {
      arguments.push_back({LeftOf(spec), RightOf(spec)});
      continue;
    }
    if (lines[spec.group].empty()) groups.push_back(spec.group);
    lines[spec.group].push_back({LeftOf(spec), RightOf(spec)});
  }
  std::string text;
  if (!arguments.empty()) text += "Arguments:\n" + TwoColumns(arguments) + "\n";
  for (const std::string& group : groups) {
    text += fmt::format("{}:\n{}\n", group, TwoColumns(lines[group]));
  }
  return text;
}

}  // namespace

std::string UsageLine(const CommandInfo& info, const OptionSet& options) {
  std::string text = "soliton " + info.name;
  for (const OptionSpec& spec : options.specs()) {
    if (!spec.is_positional() || spec.hidden) continue;
    const std::string name = spec.repeatable ? spec.value_name + "..." : spec.value_name;
    text += spec.required ? " " + name : " [" + name + "]";
  }
  return text + " [options]";
}

std::string CommandHelp(const CommandInfo& info, const OptionSet& options) {
  std::string text = ExampleLines(info.examples);
  text += fmt::format("{}\n\nUsage: {}\n\n", info.summary, UsageLine(info, options));
  text += OptionLines(options);
  if (!info.details.empty()) text += Wrapped(info.details) + "\n\n";
  return text + ExitCodeLine();
}

std::string NounHelp(const CommandList& commands, std::string_view noun) {
  std::vector<Example> examples;
  std::vector<Line> lines;
  for (const CommandList::Entry& entry : commands.entries()) {
    if (entry.noun != noun) continue;
    if (!entry.info.examples.empty()) examples.push_back(entry.info.examples.front());
    lines.push_back({"soliton " + entry.info.name, entry.info.summary});
  }
  return fmt::format("{}Usage: soliton {} VERB [options]\n\n{}\nMore: soliton {} VERB --help\n\n{}",
                     ExampleLines(examples), noun, TwoColumns(lines), noun, ExitCodeLine());
}

std::string RootHelp(const CommandList& commands) {
  std::vector<Line> lines;
  for (const CommandList::Entry& entry : commands.entries()) {
    lines.push_back({entry.info.name, entry.info.summary});
  }
  return fmt::format(
      "Soliton: a replicated, partitioned log that speaks the Kafka wire protocol.\n\n"
      "Usage: soliton COMMAND [options]\n\nCommands:\n{}\n"
      "More: soliton COMMAND --help\n"
      "Brokers to talk to: -b HOST:PORT,..., else SOLITON_BROKERS, else localhost:9092.\n\n{}",
      TwoColumns(lines), ExitCodeLine());
}

}  // namespace soliton::cli
