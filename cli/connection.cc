#include "cli/connection.h"

#include <fmt/format.h>

#include "config/units.h"

namespace soliton::cli {
namespace {

constexpr std::string_view kDefaultServers = "localhost:9092";
constexpr uint16_t kDefaultPort = 9092;

}  // namespace

void AddConnectionOptions(OptionSet& options, ConnectionFlags* target) {
  options.Value("-b,--bootstrap-server,--brokers", "HOST:PORT,...", &target->bootstrap_server,
                "brokers to connect to first (else SOLITON_BROKERS, else localhost:9092)");
}

absl::StatusOr<Bootstrap> ResolveBootstrap(const ConnectionFlags& flags, const Context& context) {
  Bootstrap bootstrap{{}, std::string(kDefaultServers), "the default"};
  if (flags.bootstrap_server.has_value()) {
    bootstrap = {{}, *flags.bootstrap_server, "--bootstrap-server"};
  } else if (std::optional<std::string> value = context.Environment("SOLITON_BROKERS");
             value.has_value() && !value->empty()) {
    bootstrap = {{}, *std::move(value), "SOLITON_BROKERS"};
  }
  std::string_view rest = bootstrap.text;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view one = config::Trim(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (one.empty()) continue;
    absl::StatusOr<Endpoint> endpoint = ParseEndpoint(one, kDefaultPort);
    if (!endpoint.ok()) {
      return absl::InvalidArgumentError(fmt::format("bad broker address '{}' in {}: {}", one,
                                                    bootstrap.origin,
                                                    std::string(endpoint.status().message())));
    }
    bootstrap.servers.push_back(*std::move(endpoint));
  }
  if (bootstrap.servers.empty()) {
    return absl::InvalidArgumentError(fmt::format("no broker address in {}", bootstrap.origin));
  }
  return bootstrap;
}

CliError CannotConnect(const Bootstrap& bootstrap, std::string cause) {
  return {
      ExitCode::kCannotConnect, "cannot connect to any broker",
      fmt::format("{} (from {})", bootstrap.text, bootstrap.origin), std::move(cause),
      "name the brokers with -b HOST:PORT or SOLITON_BROKERS; without them it is localhost:9092"};
}

}  // namespace soliton::cli
