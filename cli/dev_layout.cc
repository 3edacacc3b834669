#include "cli/dev_layout.h"

#include <fmt/format.h>

#include <charconv>

#include "runtime/file/file_system.h"

namespace soliton::cli {
namespace {

// Only this machine: nobody asks who is there.
constexpr std::string_view kHost = "127.0.0.1";

// "key=123\n"; nullopt when there is no such line.
std::optional<int> NumberOf(std::string_view text, std::string_view key) {
  size_t at = text.starts_with(fmt::format("{}=", key)) ? 0 : text.find(fmt::format("\n{}=", key));
  if (at == std::string_view::npos) return std::nullopt;
  at = text.find('=', at) + 1;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::string TomlQuote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

Endpoint DevLayout::broker(int node) const {
  return {std::string(kHost), static_cast<uint16_t>(port + node - 1)};
}

Endpoint DevLayout::controller(int node) const {
  return {std::string(kHost), static_cast<uint16_t>(port + kDevControllerDistance + node - 1)};
}

std::string DevLayout::bootstrap() const {
  std::string text;
  for (int node = 1; node <= nodes; ++node) {
    text += (node > 1 ? "," : "") + broker(node).ToString();
  }
  return text;
}

std::vector<uint16_t> DevLayout::ports() const {
  std::vector<uint16_t> all;
  for (int node = 1; node <= nodes; ++node) all.push_back(broker(node).port);
  for (int node = 1; node <= voters(); ++node) all.push_back(controller(node).port);
  return all;
}

std::string DevLayout::node_directory(int node) const {
  return JoinPath(directory, fmt::format("node-{}", node));
}
std::string DevLayout::config_path(int node) const {
  return JoinPath(node_directory(node), "broker.toml");
}
std::string DevLayout::log_path(int node) const {
  return JoinPath(node_directory(node), "output.log");
}
std::string DevLayout::pid_path(int node) const { return JoinPath(node_directory(node), "pid"); }
std::string DevLayout::lock_path() const { return JoinPath(directory, "dev.lock"); }
std::string DevLayout::state_path() const { return JoinPath(directory, "dev.properties"); }

std::string DevLayout::ConfigOf(int node) const {
  const bool votes = node <= voters();
  std::string peers;
  for (int voter = 1; voter <= voters(); ++voter) {
    const std::string at = controller(voter).ToString();
    peers += fmt::format("{}\"{}\"", voter > 1 ? ", " : "",
                         votes ? fmt::format("{}@{}", voter, at) : at);
  }
  std::string text = fmt::format(
      "# Node {0} of {1}, written by soliton dev at every start. By hand:\n"
      "#   soliton broker --config {2}\n\n"
      "node.id = {0}\n",
      node, nodes, config_path(node));
  text += votes ? fmt::format(
                      "process.roles = [\"broker\", \"controller\"]\n"
                      "listeners = [\"PLAINTEXT://{}\", \"CONTROLLER://{}\"]\n"
                      "controller.quorum.voters = [{}]\n",
                      broker(node).ToString(), controller(node).ToString(), peers)
                : fmt::format(
                      "process.roles = [\"broker\"]\n"
                      "listeners = [\"PLAINTEXT://{}\"]\n"
                      "controller.quorum.bootstrap.servers = [{}]\n",
                      broker(node).ToString(), peers);
  text += fmt::format(
      "log.dirs = {}\n"
      "durability = \"flush\"\n",
      TomlQuote(JoinPath(node_directory(node), "data")));
  if (nodes > 1) {
    text += fmt::format("default.replication.factor = {}\nmin.insync.replicas = {}\n",
                        replication_factor(), min_insync_replicas());
  }
  return text;
}

std::string DevLayout::ToState() const {
  return fmt::format(
      "# soliton dev keeps here what cluster this folder holds.\nnodes={}\nport={}\n", nodes, port);
}

absl::StatusOr<DevLayout> DevLayout::FromState(std::string_view text, std::string directory) {
  const std::optional<int> nodes = NumberOf(text, "nodes");
  const std::optional<int> port = NumberOf(text, "port");
  DevLayout layout;
  layout.directory = std::move(directory);
  layout.nodes = nodes.value_or(0);
  layout.port = port.value_or(0);
  if (layout.nodes < 1 || layout.nodes > kMostDevNodes || layout.port < 1 ||
      layout.port + kDevControllerDistance + kMostDevNodes > 65535) {
    return absl::DataLossError(
        fmt::format("{} does not say which cluster this is", layout.state_path()));
  }
  return layout;
}

std::vector<std::string> DevDifferences(const DevLayout& layout) {
  std::vector<std::string> lines = {
      fmt::format("listeners on {} only, not on every address of this machine", kHost)};
  if (layout.nodes > 1) {
    lines.push_back(
        fmt::format("default.replication.factor = {} (else 1)", layout.replication_factor()));
  }
  if (layout.min_insync_replicas() > 1) {
    lines.push_back(fmt::format("min.insync.replicas = {} (else 1)", layout.min_insync_replicas()));
  }
  return lines;
}

}  // namespace soliton::cli
