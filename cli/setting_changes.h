// Settings as people type them (retention.ms=7d) and as the cluster takes them; what `topic alter`,
// `topic create` and `config set` share. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/errors.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "protocol/wire/error_code.h"

namespace soliton::cli {

inline constexpr int8_t kTopicResource = 2;  // Kafka's codes
inline constexpr int8_t kBrokerResource = 4;

struct SettingArgument {
  std::string name;
  std::string value;
};

// "NAME=VALUE". A value with a unit is put into the number that the cluster wants; what is not
// understood goes as it is, since the cluster may know more.
absl::StatusOr<SettingArgument> ParseSettingArgument(std::string_view text, uint8_t scopes);

// One resource with its changes. kInvalidArgument names the argument that is no NAME=VALUE, or the
// setting that is both set and deleted.
absl::StatusOr<kafka::IncrementalAlterConfigsRequest> ToAlterRequest(
    int8_t type, const std::string& name, const std::vector<std::string>& set,
    const std::vector<std::string>& remove);

// "retention.ms=604800000, segment.ms back to its default".
std::string ChangesText(const kafka::IncrementalAlterConfigsRequest& request);

// A refusal; where a name of `request` is close to a known setting, the hint says so.
CliError SettingsRefused(std::string what, std::string at, kafka::ErrorCode code,
                         std::string_view message,
                         const kafka::IncrementalAlterConfigsRequest& request);

}  // namespace soliton::cli
