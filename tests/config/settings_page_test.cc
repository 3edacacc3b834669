// CONFIGURATION.md says what the table says.
#include "config/settings_page.h"

#include <gtest/gtest.h>

#include "config/config_table.h"
#include "runtime/file/posix_file_system.h"

namespace soliton::config {
namespace {

TEST(SettingsPage, TheFileIsUpToDate) {
  const absl::StatusOr<std::string> file =
      ReadFile(PosixFileSystem(), JoinPath(SOLITON_SOURCE_DIR, "config/CONFIGURATION.md"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(*file == SettingsPage())
      << "the settings changed: build/soliton config docs > config/CONFIGURATION.md";
}

TEST(SettingsPage, HasEveryRowOnce) {
  const std::string page = SettingsPage();
  // A name may be a setting of nodes, topics and clients.
  for (uint8_t scopes :
       {uint8_t{kNodeScopes}, uint8_t{kTopicScope}, uint8_t{kProducerScope | kConsumerScope}}) {
    for (const Setting* row : SettingsOf(scopes)) {
      EXPECT_NE(page.find(fmt::format("\n| `{}` | ", row->name)), std::string::npos) << row->name;
    }
  }
  size_t rows = 0;
  for (size_t at = page.find("\n| `"); at != std::string::npos; at = page.find("\n| `", at + 1)) {
    ++rows;
  }
  EXPECT_EQ(rows, SettingsOf(kNodeScopes | kTopicScope | kClientScopes).size());
}

// Five tables, every line with as many cells as its header.
TEST(SettingsPage, TablesAreWhole) {
  const std::string page = SettingsPage();
  const auto cells = [](std::string_view line) {
    size_t count = 0;
    for (size_t i = 0; i < line.size(); ++i) count += line[i] == '|' && line[i - (i > 0)] != '\\';
    return count;
  };
  size_t tables = 0, expected = 0;
  bool in_table = false;
  std::string_view rest = page;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const bool is_row = line.starts_with("|");
    if (is_row && !in_table) {
      ++tables;
      expected = cells(line);
    }
    in_table = is_row;
    if (is_row) EXPECT_EQ(cells(line), expected) << line;
  }
  EXPECT_EQ(tables, 5u);
}

}  // namespace
}  // namespace soliton::config
