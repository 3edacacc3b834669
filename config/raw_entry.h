// One setting as read, before the table has been asked what it means. Value types.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "config/location.h"

namespace soliton::config {

using Value = std::variant<bool, int64_t, double, std::string, std::vector<std::string>>;

struct RawEntry {
  std::string name;
  Value value;
  // TOML says whether 1 is a number or a text. Properties, the environment and --set have only
  // text.
  bool is_typed = false;
  Location name_at;
  Location value_at;
};

}  // namespace soliton::config
