// Reads TOML. Tables and dotted keys flatten to the same names: `[log]` with `retention.ms = 1` is
// the setting log.retention.ms. Errors go to `diagnostics`, with their position. Pure; never
// throws.
#pragma once

#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/raw_entry.h"

namespace soliton::config {

// The entries in the order written. After a syntax error there are none.
std::vector<RawEntry> ReadToml(std::string_view text, std::string_view file_name,
                               Diagnostics& diagnostics);

}  // namespace soliton::config
