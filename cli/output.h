// What list and describe commands print: one table of typed cells, in the format asked for with -o.
//   table  aligned columns, for people; wide adds the columns marked wide; neither ever wraps
//   json   {"version":1,"topics":[{"name":"orders",...}]}: keys are stable, new ones may come;
//   facts
//          about the whole stand before the rows
//   jsonl  one object per row and line
//   csv    header and rows, RFC 4180
//   help   the columns and their JSON keys and types, instead of data
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/option_set.h"

namespace soliton::cli {

enum class OutputFormat { kTable, kWide, kJson, kJsonl, kCsv, kHelp };

// Declares -o/--output.
OptionSpec& AddOutputOption(OptionSet& options, OutputFormat* target);

// One value. `text` replaces the plain rendering in table and wide (a size as "4.2 GiB"); the other
// formats always carry the value itself. monostate is null, empty in csv and "-" in tables.
struct Cell {
  using Value = std::variant<std::monostate, bool, int64_t, double, std::string,
                             std::vector<int64_t>, std::vector<std::string>>;
  Value value;
  std::optional<std::string> text;

  Cell() = default;
  Cell(Value v) : value(std::move(v)) {}  // NOLINT: cells are written as values
  Cell(Value v, std::string t) : value(std::move(v)), text(std::move(t)) {}
  Cell(int v) : value(int64_t{v}) {}                   // NOLINT
  Cell(int64_t v) : value(v) {}                        // NOLINT
  Cell(bool v) : value(v) {}                           // NOLINT
  Cell(double v) : value(v) {}                         // NOLINT
  Cell(const char* v) : value(std::string(v)) {}       // NOLINT
  Cell(std::string v) : value(std::move(v)) {}         // NOLINT
  Cell(std::string_view v) : value(std::string(v)) {}  // NOLINT
};

struct Column {
  enum class Align { kLeft, kRight };
  std::string header;  // "PARTITIONS", in tables
  std::string key;     // "partitions", in json, jsonl and csv
  std::string type;    // "int", "string", "int[]", ... for -o help
  Align align = Align::kLeft;
  bool wide_only = false;  // in tables only with -o wide; the other formats always have it
};

class Table {
 public:
  // `collection` is the JSON key of the rows: "topics".
  Table(std::string collection, std::vector<Column> columns);
  // One value beside the rows: in json after the version, nowhere else.
  void AddFact(std::string key, std::string type, Cell value);
  // As many cells as columns (CHECK).
  void AddRow(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  // The whole text, ended by a newline. A table without rows prints its header.
  std::string Render(OutputFormat format) const;

 private:
  std::string RenderText(bool wide) const;
  std::string RenderJson() const;
  std::string RenderJsonl() const;
  std::string RenderCsv() const;
  std::string RenderHelp() const;
  std::string RowAsJson(size_t row) const;

  struct Fact {
    std::string key, type;
    Cell value;
  };

  std::string collection_;
  std::vector<Fact> facts_;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// A JSON string literal, quotes included. Bytes that are not UTF-8 become U+FFFD.
std::string JsonQuote(std::string_view text);
// "4.2 GiB", "512 B".
std::string HumanBytes(int64_t bytes);
// "1,048,211".
std::string HumanCount(int64_t count);
// "1 topic", "1,048 topics".
std::string Counted(int64_t count, std::string_view noun);
// "7d", "1.5s", "250ms": the largest unit that fits, at most one decimal.
std::string HumanDuration(Duration duration);

}  // namespace soliton::cli
