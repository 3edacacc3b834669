// Turns what was read into a value of a setting's type, or says what is wrong with it. Pure.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "config/config_table.h"
#include "config/raw_entry.h"

namespace soliton::config {

// The result holds: kBool bool; kInt and kLong int64_t, in the row's unit; kDouble double; kString,
// kPassword and kEnum string; the lists a vector of strings. `is_typed` as in RawEntry. The message
// starts with "expected".
absl::StatusOr<Value> CheckValue(const Setting& setting, const Value& raw, bool is_typed);

// As CheckValue of an untyped text.
absl::StatusOr<Value> CheckText(const Setting& setting, std::string_view text);

// As Kafka writes it: "true", "604800000", "delete,compact". Passwords too: see PrintableValue.
std::string ValueText(const Value& value);
// The same, with passwords hidden.
std::string PrintableValue(const Setting& setting, const Value& value);
// "7d" or "1GiB" beside a plain number; "" where the number says it all.
std::string HumanValue(const Setting& setting, const Value& value);

}  // namespace soliton::config
