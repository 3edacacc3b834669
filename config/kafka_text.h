// Values as Kafka's admin requests carry them: plain numbers without units, "true", "a,b". Pure.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "config/config_table.h"

namespace soliton::config {

// What every client can read back: strings of the older versions have a 16-bit length.
inline constexpr size_t kMaxKafkaTextBytes = 32767;

// OK, or kInvalidArgument with the text that Kafka gives: value, setting and what is allowed.
absl::Status CheckKafkaText(const Setting& setting, std::string_view value);

}  // namespace soliton::config
