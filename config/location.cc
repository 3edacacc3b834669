#include "config/location.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::config {
namespace {

int CharacterCount(std::string_view text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string Location::ToString() const {
  switch (layer) {
    case Layer::kDefault:
      return "default";
    case Layer::kFile:
      return line > 0 ? fmt::format("{}:{}:{}", source, line, column) : source;
    case Layer::kEnvironment:
      return "environment variable " + source;
    case Layer::kCommandLine:
      return source;
  }
  return source;
}

Location LocationInFile(std::string_view file_name, int line, std::string_view line_text,
                        size_t byte_column, size_t byte_width) {
  byte_column = std::min(byte_column, line_text.size());
  byte_width = std::min(byte_width, line_text.size() - byte_column);
  Location location;
  location.layer = Location::Layer::kFile;
  location.source = file_name;
  location.line = line;
  location.column = CharacterCount(line_text.substr(0, byte_column)) + 1;
  location.width = std::max(1, CharacterCount(line_text.substr(byte_column, byte_width)));
  location.line_text = line_text;
  return location;
}

LineIndex::LineIndex(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines_.push_back(text.substr(0, end));
    const size_t skip = text.substr(end, 2) == "\r\n" ? 2 : 1;
    text.remove_prefix(std::min(end + skip, text.size()));
  }
}

std::string_view LineIndex::Line(int number) const {
  if (number < 1 || number > size()) return {};
  return lines_[static_cast<size_t>(number - 1)];
}

}  // namespace soliton::config
