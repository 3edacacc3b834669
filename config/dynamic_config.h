// Settings that change while the cluster runs: which there are, and whether a value may be set. The
// controller asks before it writes one into the metadata log. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "config/config_table.h"

namespace soliton::config {

// Whether a running broker takes up a change of this broker setting: those that are the default of
// a topic setting, and the rates of throttled replication.
bool IsDynamicBrokerSetting(const Setting& setting);

// Whether a dynamic broker setting may be set, for one broker or for all. kInvalidArgument with the
// text for a client: unknown (with the nearest name), read at the start only, or a bad value.
absl::Status ValidateBrokerConfig(std::string_view name, std::string_view value);

// The default of a setting that is a list, which values may be appended to and subtracted from;
// nullopt for any other.
std::optional<std::string> ListDefault(std::string_view name, uint8_t scopes);

}  // namespace soliton::config
