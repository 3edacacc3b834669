// Which brokers a client command talks to, and how a failure to reach them is told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "runtime/net/transport.h"

namespace soliton::cli {

// Filled by AddConnectionOptions. Empty = not given.
struct ConnectionFlags {
  std::optional<std::string> bootstrap_server;
};

// Declares -b/--bootstrap-server (and --brokers, the same).
void AddConnectionOptions(OptionSet& options, ConnectionFlags* target);

struct Bootstrap {
  std::vector<Endpoint> servers;  // never empty
  std::string text;               // as given
  std::string origin;             // "--bootstrap-server", "SOLITON_BROKERS" or "the default"
};

// -b, else SOLITON_BROKERS, else localhost:9092. Comma separated; the port defaults to 9092. The
// error's message says which of them is malformed.
absl::StatusOr<Bootstrap> ResolveBootstrap(const ConnectionFlags& flags, const Context& context);

// "cannot connect to any broker", naming the addresses, where they came from, and the order that is
// tried.
CliError CannotConnect(const Bootstrap& bootstrap, std::string cause);

}  // namespace soliton::cli
