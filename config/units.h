// Durations and sizes as people write them: "500ms", "1.5s", "7d"; "64KiB", "1 GiB", "10MB".
// Durations: ns us ms s m h d w. Sizes: B; KiB MiB GiB TiB and K M G T (1024); kB KB MB GB TB
// (1000). Pure; never throws. The messages say what was expected and do not name the setting.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/loop/clock.h"

namespace soliton::config {

// A unit is needed, except for 0. May be negative. kInvalidArgument when malformed or out of range.
absl::StatusOr<Duration> ParseDuration(std::string_view text);

// A plain number counts bytes. Never negative.
absl::StatusOr<int64_t> ParseByteCount(std::string_view text);

// Whole text as a number; kInvalidArgument otherwise.
absl::StatusOr<int64_t> ParseInteger(std::string_view text);
absl::StatusOr<double> ParseDouble(std::string_view text);

// Without blanks at either end.
std::string_view Trim(std::string_view text);

// "7d", "1500ms": the largest unit that divides the duration without a remainder.
std::string FormatDuration(Duration duration);
// "1GiB", "1000B": the largest binary unit that divides the size without a remainder.
std::string FormatByteCount(int64_t bytes);

}  // namespace soliton::config
