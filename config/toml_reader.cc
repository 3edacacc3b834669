#include "config/toml_reader.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <fmt/format.h>
#include <toml++/impl/preprocessor.h>
// What toml++ asserts of its input it assumes with NDEBUG, and not all of it holds: "[=]" is no
// key. It checks again and says so, if it is allowed to.
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

namespace soliton::config {
namespace {

bool IsBareKeyCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// Byte position of the `column`-th character (1-based) of a line.
size_t ByteOfColumn(std::string_view line, size_t column) {
  size_t byte = 0;
  for (size_t character = 1; character < column && byte < line.size(); ++character) {
    do {
      ++byte;
    } while (byte < line.size() && (line[byte] & 0xC0) == 0x80);
  }
  return byte;
}

// Where the key part that ends before `end` begins, bare or quoted; nullopt when there is none.
std::optional<size_t> KeyPartBefore(std::string_view line, size_t end) {
  if (end == 0) return std::nullopt;
  const char last = line[end - 1];
  if (last == '"' || last == '\'') {
    const size_t open = end >= 2 ? line.rfind(last, end - 2) : std::string_view::npos;
    return open == std::string_view::npos ? std::nullopt : std::optional(open);
  }
  size_t begin = end;
  while (begin > 0 && IsBareKeyCharacter(line[begin - 1])) --begin;
  return begin == end ? std::nullopt : std::optional(begin);
}

// toml++ knows where the last part of a dotted key begins; people mean the whole of it.
size_t WholeKeyBegin(std::string_view line, size_t last_part) {
  size_t begin = last_part;
  while (true) {
    size_t end = begin;
    while (end > 0 && IsBlank(line[end - 1])) --end;
    if (end == 0 || line[end - 1] != '.') return begin;
    --end;
    while (end > 0 && IsBlank(line[end - 1])) --end;
    const std::optional<size_t> part = KeyPartBefore(line, end);
    if (!part.has_value()) return begin;
    begin = *part;
  }
}

class Flattener {
 public:
  Flattener(std::string_view text, std::string_view file_name, Diagnostics& diagnostics)
      : lines_(text), file_name_(file_name), diagnostics_(diagnostics) {}

  void Flatten(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string name = prefix + std::string(key.str());
      if (const toml::table* inner = node.as_table()) {
        Flatten(*inner, name + ".");
      } else {
        AddEntry(name, key, node);
      }
    }
  }

  // toml++ keeps tables sorted by name; messages follow the file.
  std::vector<RawEntry> TakeInFileOrder() {
    std::sort(entries_.begin(), entries_.end(), [](const RawEntry& a, const RawEntry& b) {
      return std::pair(a.name_at.line, a.name_at.column) <
             std::pair(b.name_at.line, b.name_at.column);
    });
    return std::move(entries_);
  }

  Location At(const toml::source_position& position, size_t width) const {
    const int line = static_cast<int>(position.line);
    const std::string_view text = lines_.Line(line);
    return LocationInFile(file_name_, line, text, ByteOfColumn(text, position.column), width);
  }

 private:
  Location KeyAt(const toml::key& key) const {
    const int line = static_cast<int>(key.source().begin.line);
    const std::string_view text = lines_.Line(line);
    const size_t begin = ByteOfColumn(text, key.source().begin.column);
    const size_t end = key.source().end.line == key.source().begin.line
                           ? ByteOfColumn(text, key.source().end.column)
                           : begin + key.length();
    const size_t whole = WholeKeyBegin(text, begin);
    return LocationInFile(file_name_, line, text, whole, std::max(end, begin) - whole);
  }

  // Up to the end of the value, or of its first line.
  Location ValueAt(const toml::node& node) const {
    const toml::source_region& region = node.source();
    const std::string_view text = lines_.Line(static_cast<int>(region.begin.line));
    const size_t begin = ByteOfColumn(text, region.begin.column);
    const size_t end =
        region.end.line == region.begin.line ? ByteOfColumn(text, region.end.column) : text.size();
    return At(region.begin, end > begin ? end - begin : 1);
  }

  void AddEntry(const std::string& name, const toml::key& key, const toml::node& node) {
    RawEntry entry;
    entry.name = name;
    entry.is_typed = true;
    entry.name_at = KeyAt(key);
    entry.value_at = ValueAt(node);
    const std::optional<Value> value = Convert(node);
    if (!value.has_value()) {
      diagnostics_.Error(fmt::format("bad value for '{}'", name), entry.value_at,
                         "expected a number, a text, true or false, or a list of these");
      return;
    }
    entry.value = *value;
    entries_.push_back(std::move(entry));
  }

  static std::optional<Value> Convert(const toml::node& node) {
    if (const auto* value = node.as_boolean()) return value->get();
    if (const auto* value = node.as_integer()) return value->get();
    if (const auto* value = node.as_floating_point()) return value->get();
    if (const auto* value = node.as_string()) return value->get();
    const toml::array* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    std::vector<std::string> words;
    for (const toml::node& element : *array) {
      if (const auto* word = element.as_string()) {
        words.push_back(word->get());
      } else if (const auto* number = element.as_integer()) {
        words.push_back(fmt::format("{}", number->get()));
      } else {
        return std::nullopt;
      }
    }
    return words;
  }

  LineIndex lines_;
  std::string_view file_name_;
  Diagnostics& diagnostics_;
  std::vector<RawEntry> entries_;
};

// The name that a line `name = value` sets, without its table; "" when the line is not of that
// form.
std::string_view NameOnLine(std::string_view line) {
  size_t begin = 0;
  while (begin < line.size() && IsBlank(line[begin])) ++begin;
  size_t end = std::min(line.find('='), line.size());
  if (end == line.size()) return {};
  while (end > begin && IsBlank(line[end - 1])) --end;
  return line.substr(begin, end - begin);
}

void ReportSyntaxError(const toml::parse_error& error, std::string_view text,
                       std::string_view file_name, Diagnostics& diagnostics) {
  const LineIndex lines(text);
  const int line = static_cast<int>(error.source().begin.line);
  const std::string_view line_text = lines.Line(line);
  const std::string_view name = NameOnLine(line_text);
  std::string_view what = error.description();
  if (what.find("redefine existing") != std::string_view::npos && !name.empty()) {
    const size_t begin = static_cast<size_t>(name.data() - line_text.data());
    const Location at = LocationInFile(file_name, line, line_text, begin, name.size());
    if (what.find("dotted key") != std::string_view::npos ||
        what.find("existing table") != std::string_view::npos) {
      diagnostics.Error(
          fmt::format("'{}' is part of the name of another setting", name), at,
          fmt::format("TOML needs the longer of the two names in quotes: \"{}\" = ...", name));
    } else {
      diagnostics.Error(fmt::format("duplicate setting '{}'", name), at,
                        "it has a value above already");
    }
    return;
  }
  constexpr std::string_view kPrefix = "Error while parsing ";
  if (what.starts_with(kPrefix)) what.remove_prefix(kPrefix.size());
  const size_t byte = ByteOfColumn(line_text, error.source().begin.column);
  diagnostics.Error("not valid TOML", LocationInFile(file_name, line, line_text, byte, 1),
                    std::string(what));
}

}  // namespace

std::vector<RawEntry> ReadToml(std::string_view text, std::string_view file_name,
                               Diagnostics& diagnostics) {
  const toml::parse_result result = toml::parse(text, file_name);
  if (!result) {
    ReportSyntaxError(result.error(), text, file_name, diagnostics);
    return {};
  }
  Flattener flattener(text, file_name, diagnostics);
  flattener.Flatten(result.table(), "");
  return flattener.TakeInFileOrder();
}

}  // namespace soliton::config
