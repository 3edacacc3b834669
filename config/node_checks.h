// Checks that need more than one setting, shared by broker_config and controller_config. Findings
// go to `diagnostics`, at the place where the setting was given. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/listener.h"

namespace soliton::config {

// Where `name` was given; nullopt for a default.
std::optional<Location> GivenAt(const Config& config, std::string_view name);

// node.id; -1 after an error when it is missing.
int32_t CheckNodeId(const Config& config, Diagnostics& diagnostics);
// What process.roles says; neither when it is not given.
struct Roles {
  bool broker = false;
  bool controller = false;
  bool combined() const { return broker && controller; }
};
Roles RolesOf(const Config& config);
// process.roles must be unset or just `role`.
void CheckRoles(const Config& config, std::string_view role, Diagnostics& diagnostics);
// Settings that were given and that a process of `scope` does not read: a warning each.
void CheckScopes(const Config& config, Scope scope, Diagnostics& diagnostics);
// log.dirs has exactly one entry so far.
void CheckLogDirs(const Config& config, Diagnostics& diagnostics);
// num.partitions, replication factor and min.insync.replicas go together.
void CheckReplication(const Config& config, Diagnostics& diagnostics);

// `name` (listeners, advertised.listeners) parsed, without entries that are malformed. Names and
// ports must differ, and every name must be plain text by listener.security.protocol.map.
std::vector<NamedEndpoint> CheckListeners(const Config& config, std::string_view name,
                                          Diagnostics& diagnostics);
// The one of `listeners` with this name; null when there is none.
const NamedEndpoint* FindListener(const std::vector<NamedEndpoint>& listeners,
                                  std::string_view name);

}  // namespace soliton::config
