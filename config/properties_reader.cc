#include "config/properties_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "config/units.h"

namespace soliton::config {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

// One character of a logical line, and where it stands in the file.
struct Character {
  char c = 0;
  bool escaped = false;
  int line = 0;
  size_t byte = 0;
};

void AppendUtf8(uint32_t code_point, std::string& out) {
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | code_point >> 6);
    out += static_cast<char>(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | code_point >> 12);
    out += static_cast<char>(0x80 | (code_point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code_point & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code_point >> 18);
    out += static_cast<char>(0x80 | (code_point >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code_point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code_point & 0x3F));
  }
}

std::optional<uint32_t> FourHexDigits(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  uint32_t value = 0;
  for (char c : text.substr(0, 4)) {
    const char lower = static_cast<char>(c | 0x20);
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      digit = static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view file_name, Diagnostics& diagnostics)
      : lines_(text), file_name_(file_name), diagnostics_(diagnostics) {}

  std::vector<RawEntry> Read() {
    for (line_ = 1; line_ <= lines_.size(); ++line_) {
      const std::string_view text = lines_.Line(line_);
      const size_t begin = FirstNonBlank(text);
      if (begin == text.size() || text[begin] == '#' || text[begin] == '!') continue;
      if (TakeLogicalLine() && !characters_.empty()) AddEntry();
    }
    return std::move(entries_);
  }

 private:
  static size_t FirstNonBlank(std::string_view text) {
    size_t i = 0;
    while (i < text.size() && IsBlank(text[i])) ++i;
    return i;
  }

  Location At(int line, size_t byte, size_t width) const {
    return LocationInFile(file_name_, line, lines_.Line(line), byte, width);
  }

  void Push(char c, bool escaped, size_t byte) { characters_.push_back({c, escaped, line_, byte}); }

  // Collects the line at line_ with its continuations, escapes resolved; line_ ends at the last
  // one. False after an error.
  bool TakeLogicalLine() {
    characters_.clear();
    bool ok = true;
    while (true) {
      const std::string_view text = lines_.Line(line_);
      bool continues = false;
      for (size_t i = FirstNonBlank(text); i < text.size(); ++i) {
        if (text[i] != '\\') {
          Push(text[i], false, i);
        } else if (i + 1 == text.size()) {
          continues = true;
        } else {
          ok = TakeEscape(text, i) && ok;
        }
      }
      if (!continues || line_ == lines_.size()) return ok;
      ++line_;
    }
  }

  // `i` is at the backslash and moves to the last character of the escape.
  bool TakeEscape(std::string_view text, size_t& i) {
    const size_t begin = i;
    const char kind = text[++i];
    if (kind != 'u') {
      constexpr std::string_view kFrom = "tnrf", kTo = "\t\n\r\f";
      const size_t known = kFrom.find(kind);
      Push(known == std::string_view::npos ? kind : kTo[known], true, begin);
      return true;
    }
    std::optional<uint32_t> unit = FourHexDigits(text.substr(i + 1));
    if (unit.has_value()) i += 4;
    // Two escapes together make one character beyond U+FFFF.
    if (unit.has_value() && *unit >= 0xD800 && *unit < 0xE000) {
      const std::string_view rest = text.substr(i + 1);
      const std::optional<uint32_t> low =
          rest.starts_with("\\u") ? FourHexDigits(rest.substr(2)) : std::nullopt;
      const bool is_pair = *unit < 0xDC00 && low.has_value() && *low >= 0xDC00 && *low < 0xE000;
      unit = is_pair ? std::optional(0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00))
                     : std::nullopt;
      if (is_pair) i += 6;
    }
    if (!unit.has_value()) {
      diagnostics_.Error("malformed \\u escape",
                         At(line_, begin, std::min<size_t>(6, text.size() - begin)),
                         "expected \\u and four hexadecimal digits");
      return false;
    }
    std::string bytes;
    AppendUtf8(*unit, bytes);
    for (char c : bytes) Push(c, true, begin);
    return true;
  }

  bool IsSeparator(const Character& character) const {
    return !character.escaped && (character.c == '=' || character.c == ':' || IsBlank(character.c));
  }

  void AddEntry() {
    size_t name_end = 0;
    while (name_end < characters_.size() && !IsSeparator(characters_[name_end])) ++name_end;
    size_t value_begin = name_end;
    bool seen_sign = false;
    while (value_begin < characters_.size() && IsSeparator(characters_[value_begin])) {
      const bool is_sign = !IsBlank(characters_[value_begin].c);
      if (is_sign && seen_sign) break;  // "a==b" sets a to "=b"
      seen_sign = seen_sign || is_sign;
      ++value_begin;
    }
    RawEntry entry;
    entry.name = Text(0, name_end);
    entry.value = std::string(Trim(Text(value_begin, characters_.size())));
    entry.name_at = Span(0, name_end);
    entry.value_at =
        value_begin < characters_.size() ? Span(value_begin, characters_.size()) : entry.name_at;
    if (entry.name.empty()) {
      diagnostics_.Error("a value without a name", Span(0, characters_.size()),
                         "expected name=value");
      return;
    }
    const auto [first, is_new] = first_line_.emplace(entry.name, entry.name_at.line);
    if (!is_new) {
      diagnostics_.Error(fmt::format("duplicate setting '{}'", entry.name), entry.name_at,
                         fmt::format("it is given on line {} already", first->second));
      return;
    }
    entries_.push_back(std::move(entry));
  }

  std::string Text(size_t begin, size_t end) const {
    std::string text;
    for (size_t i = begin; i < end; ++i) text += characters_[i].c;
    return text;
  }

  // From character `begin` to `end`, as far as they stand on one line.
  Location Span(size_t begin, size_t end) const {
    const Character first = characters_[std::min(begin, characters_.size() - 1)];
    size_t last_byte = first.byte;
    for (size_t i = begin; i < end; ++i) {
      const Character& character = characters_[i];
      const bool trailing_blank = IsBlank(character.c) && !character.escaped;
      if (character.line == first.line && !trailing_blank) last_byte = character.byte;
    }
    return At(first.line, first.byte, last_byte - first.byte + 1);
  }

  LineIndex lines_;
  std::string_view file_name_;
  Diagnostics& diagnostics_;
  int line_ = 1;
  std::vector<Character> characters_;
  std::vector<RawEntry> entries_;
  std::map<std::string, int> first_line_;
};

}  // namespace

std::vector<RawEntry> ReadProperties(std::string_view text, std::string_view file_name,
                                     Diagnostics& diagnostics) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return Reader(text, file_name, diagnostics).Read();
}

}  // namespace soliton::config
