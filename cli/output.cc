#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "config/units.h"

namespace soliton::cli {
namespace {

namespace json = boost::json;

// Length of a valid UTF-8 sequence at the start of `text`, 0 when there is none.
size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (byte(0) == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
  if (byte(0) == 0xED && byte(1) > 0x9F) return 0;  // surrogate
  if (byte(0) == 0xF0 && byte(1) < 0x90) return 0;  // overlong
  if (byte(0) == 0xF4 && byte(1) > 0x8F) return 0;  // beyond U+10FFFF
  return length;
}

std::string ValidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return valid;
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

struct ToText {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const std::string& value) const { return value; }
  template <typename T>
  std::string operator()(const std::vector<T>& values) const {
    return fmt::format("{}", fmt::join(values, ","));
  }
  template <typename T>
  std::string operator()(const T& value) const {
    return fmt::format("{}", value);
  }
};

struct ToJson {
  json::value operator()(std::monostate) const { return nullptr; }
  json::value operator()(const std::string& value) const { return json::string(ValidUtf8(value)); }
  template <typename T>
  json::value operator()(const std::vector<T>& values) const {
    json::array array;
    for (const T& value : values) array.push_back((*this)(value));
    return array;
  }
  template <typename T>
  json::value operator()(const T& value) const {
    return value;
  }
};

// What a table shows: never a line break or another control character.
std::string TableText(const Cell& cell) {
  if (cell.text.has_value()) return *cell.text;
  std::string text = std::visit(ToText(), cell.value);
  for (char& c : text) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text.empty() ? "-" : text;
}

std::string CsvField(std::string text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

OptionSpec& AddOutputOption(OptionSet& options, OutputFormat* target) {
  return options
      .Choice("-o,--output", target,
              {{"table", OutputFormat::kTable},
               {"wide", OutputFormat::kWide},
               {"json", OutputFormat::kJson},
               {"jsonl", OutputFormat::kJsonl},
               {"csv", OutputFormat::kCsv},
               {"help", OutputFormat::kHelp}},
              "output format; help lists the columns")
      .ShowDefault("table");
}

Table::Table(std::string collection, std::vector<Column> columns)
    : collection_(std::move(collection)), columns_(std::move(columns)) {}

void Table::AddFact(std::string key, std::string type, Cell value) {
  facts_.push_back({std::move(key), std::move(type), std::move(value)});
}

void Table::AddRow(std::vector<Cell> cells) {
  CHECK(cells.size() == columns_.size(), "{} cells for {} columns", cells.size(), columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::Render(OutputFormat format) const {
  switch (format) {
    case OutputFormat::kTable:
      return RenderText(false);
    case OutputFormat::kWide:
      return RenderText(true);
    case OutputFormat::kJson:
      return RenderJson();
    case OutputFormat::kJsonl:
      return RenderJsonl();
    case OutputFormat::kCsv:
      return RenderCsv();
    case OutputFormat::kHelp:
      return RenderHelp();
  }
  return "";
}

std::string Table::RenderText(bool wide) const {
  std::vector<std::vector<std::string>> lines(rows_.size() + 1);
  std::vector<Column::Align> aligns;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].wide_only && !wide) continue;
    aligns.push_back(columns_[i].align);
    lines[0].push_back(columns_[i].header);
    for (size_t row = 0; row < rows_.size(); ++row) {
      lines[row + 1].push_back(TableText(rows_[row][i]));
    }
  }
  std::vector<size_t> widths(aligns.size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(line[i]));
  }
  std::string text;
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string padding(widths[i] - DisplayWidth(line[i]), ' ');
      const bool last = i + 1 == line.size();
      if (aligns[i] == Column::Align::kRight) text += padding;
      text += line[i];
      if (!last) text += (aligns[i] == Column::Align::kLeft ? padding : "") + "  ";
    }
    text += '\n';
  }
  return text;
}

std::string Table::RowAsJson(size_t row) const {
  json::object object;
  for (size_t i = 0; i < columns_.size(); ++i) {
    object.emplace(columns_[i].key, std::visit(ToJson(), rows_[row][i].value));
  }
  return json::serialize(object);
}

std::string Table::RenderJson() const {
  std::string text = "{\"version\":1,";
  for (const Fact& fact : facts_) {
    text +=
        JsonQuote(fact.key) + ":" + json::serialize(std::visit(ToJson(), fact.value.value)) + ",";
  }
  text += JsonQuote(collection_) + ":[";
  for (size_t row = 0; row < rows_.size(); ++row) {
    text += (row > 0 ? "," : "") + RowAsJson(row);
  }
  return text + "]}\n";
}

std::string Table::RenderJsonl() const {
  std::string text;
  for (size_t row = 0; row < rows_.size(); ++row) text += RowAsJson(row) + "\n";
  return text;
}

std::string Table::RenderCsv() const {
  std::string text;
  for (size_t i = 0; i < columns_.size(); ++i) {
    text += (i > 0 ? "," : "") + CsvField(columns_[i].key);
  }
  text += "\r\n";
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += (i > 0 ? "," : "") + CsvField(std::visit(ToText(), row[i].value));
    }
    text += "\r\n";
  }
  return text;
}

std::string Table::RenderHelp() const {
  Table columns("columns", {{"COLUMN", "column", "string"},
                            {"JSON KEY", "key", "string"},
                            {"TYPE", "type", "string"},
                            {"IN TABLE", "in_table", "string"}});
  for (const Column& column : columns_) {
    columns.AddRow({column.header, column.key, column.type, column.wide_only ? "wide" : "always"});
  }
  std::string facts;
  for (const Fact& fact : facts_) {
    columns.AddRow({"-", fact.key, fact.type, "json only"});
    facts += fmt::format("\"{}\":VALUE,", fact.key);
  }
  return fmt::format(
      "json: {{\"version\":1,{}\"{}\":[{{KEY: VALUE, ...}}, ...]}}; jsonl: one object "
      "per line\n\n{}",
      facts, collection_, columns.RenderText(false));
}

std::string JsonQuote(std::string_view text) {
  return json::serialize(json::string(ValidUtf8(text)));
}

std::string HumanBytes(int64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string HumanCount(int64_t count) {
  std::string digits = fmt::format("{}", count);
  const size_t first = count < 0 ? 1 : 0;
  for (size_t position = digits.size(); position > first + 3;) {
    position -= 3;
    digits.insert(position, ",");
  }
  return digits;
}

std::string Counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", HumanCount(count), noun, count == 1 ? "" : "s");
}

std::string HumanDuration(Duration duration) {
  struct Unit {
    std::string_view name;
    double ns;
  };
  constexpr Unit kUnits[] = {{"d", 86400e9}, {"h", 3600e9}, {"m", 60e9},
                             {"s", 1e9},     {"ms", 1e6},   {"us", 1e3}};
  const double ns = static_cast<double>(duration.count());
  for (const Unit& unit : kUnits) {
    if (std::abs(ns) < unit.ns) continue;
    std::string number = fmt::format("{:.1f}", ns / unit.ns);
    if (number.ends_with(".0")) number.resize(number.size() - 2);
    return number + std::string(unit.name);
  }
  return fmt::format("{}ns", duration.count());
}

}  // namespace soliton::cli
