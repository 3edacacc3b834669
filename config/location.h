// Where a name or a value was written, for messages and for `--print-config`. Value type.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace soliton::config {

struct Location {
  // Ordered by precedence: a later one overrides an earlier one.
  enum class Layer { kDefault, kFile, kEnvironment, kCommandLine };
  Layer layer = Layer::kDefault;
  std::string source;  // file name, variable name, or "--set"
  int line = 0;        // 1-based; 0 outside files
  int column = 0;      // 1-based, in characters
  int width = 0;       // characters to underline
  std::string line_text;

  // "broker.toml:7:1", "environment variable SOLITON_NODE_ID", "--set", "default".
  std::string ToString() const;
  friend bool operator==(const Location&, const Location&) = default;
};

// A location on line `line` of `text`. `column` and `width` are given in bytes of the line,
// 0-based.
Location LocationInFile(std::string_view file_name, int line, std::string_view line_text,
                        size_t byte_column, size_t byte_width);

// The lines of a text, without their ends (LF, CRLF or CR).
class LineIndex {
 public:
  explicit LineIndex(std::string_view text);
  int size() const { return static_cast<int>(lines_.size()); }
  // 1-based; "" outside the text.
  std::string_view Line(int number) const;

 private:
  std::vector<std::string_view> lines_;  // into the text given, which outlives this
};

}  // namespace soliton::config
