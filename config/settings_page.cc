#include "config/settings_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "config/setting_text.h"

namespace soliton::config {
namespace {

constexpr std::string_view kIntroduction =
    R"(<!-- Made by `soliton config docs > config/CONFIGURATION.md` from the table of settings. Edit the rows, not this. -->
# Settings

A file gives them as TOML (`FILE.toml`, where tables and dotted keys flatten to these names) or in Kafka's syntax
(`FILE.properties`); then `SOLITON_NODE_ID` (`KAFKA_NODE_ID` by the rule of Kafka's images) in the environment, then
`--set node.id=1`. The later one wins. Numbers with a unit may be written with any unit of the kind: `"7d"`, `"1GiB"`.
`soliton config check FILE` finds mistakes, `soliton config explain KEY` says what is said here, and
`soliton broker --config FILE --print-config` shows what holds and where it comes from.
)";

// Text in a cell of a table.
std::string Cell(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string Code(std::string_view text) {
  return text.empty() ? "" : fmt::format("`{}`", Cell(text));
}

std::vector<const Setting*> RowsOf(uint8_t scopes, Stage stage) {
  std::vector<const Setting*> rows = SettingsOf(scopes);
  std::erase_if(rows, [&](const Setting* row) { return row->stage != stage; });
  return rows;
}

void AppendRow(std::string* page, const std::vector<std::string>& cells) {
  *page += fmt::format("| {} |\n", fmt::join(cells, " | "));
}

void AppendHeader(std::string* page, std::string_view title, std::string_view text,
                  const std::vector<std::string>& columns) {
  *page += fmt::format("\n## {}\n\n", title);
  if (!text.empty()) *page += fmt::format("{}\n\n", text);
  AppendRow(page, columns);
  AppendRow(page, std::vector<std::string>(columns.size(), "---"));
}

void AppendNodes(std::string* page) {
  AppendHeader(page, "Brokers and controllers", "",
               {"setting", "type", "default", "range", "change", "read by", "meaning"});
  for (const Setting* row : RowsOf(kNodeScopes, Stage::kSupported)) {
    AppendRow(page,
              {Code(row->name), TypeText(*row), Code(DefaultText(*row)), Cell(RangeText(*row)),
               std::string(ChangeText(*row)), ScopeNames(row->scopes), Cell(row->doc)});
  }
}

void AppendTopics(std::string* page) {
  AppendHeader(
      page, "Topics",
      "Given when a topic is created or altered. The default for all topics is the broker's "
      "setting beside it.",
      {"setting", "type", "default", "range", "change", "for all topics", "meaning"});
  for (const Setting* row : RowsOf(kTopicScope, Stage::kSupported)) {
    AppendRow(page,
              {Code(row->name), TypeText(*row), Code(DefaultText(*row)), Cell(RangeText(*row)),
               std::string(ChangeText(*row)), Code(row->broker_name), Cell(row->doc)});
  }
}

void AppendClients(std::string* page) {
  AppendHeader(page, "Producers and consumers", "Of `soliton produce` and `soliton consume`.",
               {"setting", "type", "default", "range", "read by", "meaning"});
  for (const Setting* row : RowsOf(kClientScopes, Stage::kSupported)) {
    AppendRow(page, {Code(row->name), TypeText(*row), Code(DefaultText(*row)),
                     Cell(RangeText(*row)), ScopeNames(row->scopes), Cell(row->doc)});
  }
}

constexpr uint8_t kAllScopes = kNodeScopes | kTopicScope | kClientScopes;

void AppendRefused(std::string* page) {
  AppendHeader(page, "Settings of Kafka that are refused",
               "An error, because ignoring them would change safety; the one value in the second "
               "column is accepted.",
               {"setting", "accepted", "read by", "why"});
  for (const Setting* row : RowsOf(kAllScopes, Stage::kRefused)) {
    AppendRow(page, {Code(row->name), row->harmless.empty() ? "empty" : Code(row->harmless),
                     ScopeNames(row->scopes), Cell(row->note)});
  }
}

void AppendWithoutEffect(std::string* page) {
  AppendHeader(page, "Settings of Kafka without effect",
               "Accepted with a warning. A name that ends in `*` stands for every name below it.",
               {"setting", "read by", "why"});
  for (const Setting* row : RowsOf(kAllScopes, Stage::kNoEffect)) {
    AppendRow(page, {Code(row->name), ScopeNames(row->scopes), Cell(row->note)});
  }
}

}  // namespace

std::string SettingsPage() {
  std::string page(kIntroduction);
  AppendNodes(&page);
  AppendTopics(&page);
  AppendClients(&page);
  AppendRefused(&page);
  AppendWithoutEffect(&page);
  return page;
}

}  // namespace soliton::config
