#include "config/node_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/units.h"

namespace soliton::config {
namespace {

// NAME -> protocol, from listener.security.protocol.map.
std::map<std::string, std::string> SecurityProtocols(const Config& config,
                                                     Diagnostics& diagnostics) {
  std::map<std::string, std::string> protocols;
  const std::string_view name = "listener.security.protocol.map";
  // As in Kafka, a controller's listener needs no entry while the map is not given.
  if (!config.Given(name)) {
    for (const std::string& listener : config.GetList("controller.listener.names")) {
      protocols[listener] = "PLAINTEXT";
    }
  }
  for (const std::string& pair : config.GetList(name)) {
    const size_t colon = pair.find(':');
    if (colon == std::string::npos) {
      diagnostics.Error(fmt::format("bad value '{}' for '{}'", pair, name), GivenAt(config, name),
                        "expected NAME:PROTOCOL");
      continue;
    }
    protocols[std::string(Trim(pair.substr(0, colon)))] = Trim(pair.substr(colon + 1));
  }
  return protocols;
}

}  // namespace

std::optional<Location> GivenAt(const Config& config, std::string_view name) {
  if (!config.Given(name)) return std::nullopt;
  return config.Find(name)->name_at;
}

int32_t CheckNodeId(const Config& config, Diagnostics& diagnostics) {
  if (config.Has("node.id")) return static_cast<int32_t>(config.GetInteger("node.id"));
  if (config.Rejected("node.id") || config.Rejected("broker.id")) return -1;
  diagnostics.Error("'node.id' is missing", std::nullopt,
                    "every node needs a number of its own: node.id = 1");
  return -1;
}

Roles RolesOf(const Config& config) {
  if (!config.Has("process.roles")) return {};
  const std::vector<std::string>& roles = config.GetList("process.roles");
  return {.broker = std::find(roles.begin(), roles.end(), "broker") != roles.end(),
          .controller = std::find(roles.begin(), roles.end(), "controller") != roles.end()};
}

void CheckRoles(const Config& config, std::string_view role, Diagnostics& diagnostics) {
  const Roles roles = RolesOf(config);
  if (!roles.broker && !roles.controller) return;
  if (!roles.combined() && (role == "broker" ? roles.broker : roles.controller)) return;
  diagnostics.Error(fmt::format("process.roles is '{}', but this starts a {}",
                                fmt::join(config.GetList("process.roles"), ","), role),
                    config.Find("process.roles")->value_at,
                    fmt::format("start it with: soliton {} --config FILE",
                                roles.broker ? "broker" : "controller"));
}

void CheckScopes(const Config& config, Scope scope, Diagnostics& diagnostics) {
  for (const auto& [name, entry] : config.entries()) {
    const bool is_given_here = entry.given_as == name;
    if (!is_given_here || (entry.setting->scopes & scope) != 0) continue;
    diagnostics.Warning(fmt::format("'{}' has no effect on a {}", name, ScopeNames(scope)),
                        entry.name_at,
                        fmt::format("it is a setting of: {}", ScopeNames(entry.setting->scopes)));
  }
}

void CheckLogDirs(const Config& config, Diagnostics& diagnostics) {
  const std::vector<std::string>& directories = config.GetList("log.dirs");
  if (directories.empty()) {
    diagnostics.Error("'log.dirs' is empty", GivenAt(config, "log.dirs"), "name one directory");
  } else if (directories.size() > 1) {
    diagnostics.Error("only one directory in log.dirs is supported so far",
                      GivenAt(config, "log.dirs"), "");
  }
}

void CheckReplication(const Config& config, Diagnostics& diagnostics) {
  const int64_t factor = config.GetInteger("default.replication.factor");
  const int64_t minimum = config.GetInteger("min.insync.replicas");
  if (!config.Given("min.insync.replicas") || minimum <= 1) return;
  const std::optional<Location> at = GivenAt(config, "min.insync.replicas");
  if (minimum == factor) {
    diagnostics.Warning(
        fmt::format("min.insync.replicas = {} equals default.replication.factor = {}", minimum,
                    factor),
        at, "one failed broker will stop acks=all producers");
  } else if (minimum > factor) {
    diagnostics.Warning(
        fmt::format("min.insync.replicas = {} is above default.replication.factor = {}", minimum,
                    factor),
        at, "topics with fewer replicas need all of theirs for acks=all");
  }
}

std::vector<NamedEndpoint> CheckListeners(const Config& config, std::string_view name,
                                          Diagnostics& diagnostics) {
  std::vector<NamedEndpoint> listeners;
  if (!config.Has(name)) return listeners;
  const Location& value_at = config.Find(name)->value_at;
  const std::optional<Location> at = config.Given(name) ? std::optional(value_at) : std::nullopt;
  const std::map<std::string, std::string> protocols = SecurityProtocols(config, diagnostics);
  for (const std::string& text : config.GetList(name)) {
    const absl::StatusOr<NamedEndpoint> listener = ParseListener(text);
    if (!listener.ok()) continue;  // reported when the value was checked
    if (FindListener(listeners, listener->name) != nullptr) {
      diagnostics.Error(fmt::format("two {} have the name {}", name, listener->name), at,
                        "names must differ: CLIENTS://host:9092,BROKERS://host:9093");
    }
    const bool shares_port =
        std::any_of(listeners.begin(), listeners.end(), [&](const NamedEndpoint& other) {
          return other.endpoint.port != 0 && other.endpoint.port == listener->endpoint.port &&
                 (other.endpoint.host == listener->endpoint.host ||
                  IsWildcard(other.endpoint.host) || IsWildcard(listener->endpoint.host));
        });
    if (shares_port) {
      diagnostics.Error(fmt::format("two {} use port {}", name, listener->endpoint.port), at,
                        "give each a port of its own");
    }
    const auto protocol = protocols.find(listener->name);
    const std::string secured_by = protocol == protocols.end() ? listener->name : protocol->second;
    if (secured_by == "SSL" || secured_by.starts_with("SASL_")) {
      diagnostics.Error(fmt::format("listener {} asks for {}", listener->name, secured_by), at,
                        "only PLAINTEXT is available so far");
    } else if (secured_by != "PLAINTEXT") {
      diagnostics.Error(
          fmt::format("listener {} has no security protocol", listener->name), at,
          fmt::format("add {}:PLAINTEXT to listener.security.protocol.map", listener->name));
    }
    listeners.push_back(*listener);
  }
  return listeners;
}

const NamedEndpoint* FindListener(const std::vector<NamedEndpoint>& listeners,
                                  std::string_view name) {
  for (const NamedEndpoint& listener : listeners) {
    if (listener.name == name) return &listener;
  }
  return nullptr;
}

}  // namespace soliton::config
