#include "cli/setting_changes.h"

#include <fmt/format.h>

#include <set>

#include "config/config_table.h"
#include "config/suggest.h"
#include "config/units.h"
#include "config/value_check.h"

namespace soliton::cli {
namespace {

constexpr int8_t kSet = 0;
constexpr int8_t kDelete = 1;

uint8_t ScopesOf(int8_t resource_type) {
  return resource_type == kTopicResource ? uint8_t{config::kTopicScope}
                                         : uint8_t{config::kBrokerScope};
}

}  // namespace

absl::StatusOr<SettingArgument> ParseSettingArgument(std::string_view text, uint8_t scopes) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is no setting: expected NAME=VALUE, like retention.ms=7d", text));
  }
  SettingArgument argument{std::string(config::Trim(text.substr(0, equals))),
                           std::string(text.substr(equals + 1))};
  const config::Setting* setting = config::FindSetting(argument.name, scopes);
  if (setting == nullptr || setting->unit == config::Unit::kNone) return argument;
  const absl::StatusOr<config::Value> value = config::CheckText(*setting, argument.value);
  if (value.ok()) argument.value = config::ValueText(*value);
  return argument;
}

absl::StatusOr<kafka::IncrementalAlterConfigsRequest> ToAlterRequest(
    int8_t type, const std::string& name, const std::vector<std::string>& set,
    const std::vector<std::string>& remove) {
  kafka::IncrementalAlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = type;
  resource.resource_name = name;
  std::set<std::string> named;
  const auto twice = [](const std::string& setting) {
    return absl::InvalidArgumentError(fmt::format("'{}' is given more than once", setting));
  };
  for (const std::string& each : set) {
    absl::StatusOr<SettingArgument> argument = ParseSettingArgument(each, ScopesOf(type));
    if (!argument.ok()) return argument.status();
    if (!named.insert(argument->name).second) return twice(argument->name);
    auto& change = resource.configs.emplace_back();
    change.name = argument->name;
    change.config_operation = kSet;
    change.value = argument->value;
  }
  for (const std::string& each : remove) {
    if (!named.insert(each).second) return twice(each);
    auto& change = resource.configs.emplace_back();
    change.name = each;
    change.config_operation = kDelete;
  }
  return request;
}

std::string ChangesText(const kafka::IncrementalAlterConfigsRequest& request) {
  std::string text;
  for (const auto& change : request.resources.front().configs) {
    text += text.empty() ? "" : ", ";
    text += change.config_operation == kSet ? fmt::format("{}={}", change.name, *change.value)
                                            : fmt::format("{} back to its default", change.name);
  }
  return text;
}

CliError SettingsRefused(std::string what, std::string at, kafka::ErrorCode code,
                         std::string_view message,
                         const kafka::IncrementalAlterConfigsRequest& request) {
  CliError error{ExitCodeOf(code), std::move(what), std::move(at), CauseOf(code), ""};
  error.cause += fmt::format(": {}", message.empty() ? kafka::ErrorText(code) : message);
  const auto& resource = request.resources.front();
  const uint8_t scopes = ScopesOf(resource.resource_type);
  for (const auto& change : resource.configs) {
    if (config::FindSetting(change.name, scopes) != nullptr) continue;
    error.hint = config::DidYouMean(config::SuggestSettings(change.name, scopes));
    if (error.hint.empty()) {
      error.hint = fmt::format("see: soliton config list --scope {}",
                               scopes == config::kTopicScope ? "topic" : "broker");
    }
    return error;
  }
  if (code == kafka::ErrorCode::INVALID_CONFIG && !resource.configs.empty()) {
    error.hint = fmt::format("see: soliton config explain {}", resource.configs.front().name);
  }
  return error;
}

}  // namespace soliton::cli
