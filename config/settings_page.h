// CONFIGURATION.md: every row of the table as a page. Pure.
#pragma once

#include <string>

namespace soliton::config {

// Markdown, the whole file.
std::string SettingsPage();

}  // namespace soliton::config
