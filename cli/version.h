// The version of this build.
#pragma once

#include <string_view>

namespace soliton::cli {

inline constexpr std::string_view kVersion = SOLITON_VERSION;

}  // namespace soliton::cli
