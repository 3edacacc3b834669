// What is said about a row of the table, in the same words everywhere: `config explain`,
// `config list`, CONFIGURATION.md. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/config_table.h"

namespace soliton::config {

// "long, ms", "string".
std::string TypeText(const Setting& setting);
// "604800000 (7d)"; "unset" without a default, "\"\"" for an empty one.
std::string DefaultText(const Setting& setting);
// "without a restart" or "needs a restart"; "" for settings of clients.
std::string_view ChangeText(const Setting& setting);
// "supported", "accepted, no effect", "refused".
std::string_view StageText(Stage stage);

}  // namespace soliton::config
