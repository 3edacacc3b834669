#include "config/listener.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "config/units.h"

namespace soliton::config {
namespace {

constexpr std::string_view kScheme = "://";

absl::Status Expected(std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("expected {}", what));
}

}  // namespace

std::string NamedEndpoint::ToString() const {
  return fmt::format(
      "{}://{}", name,
      endpoint.host.empty() ? fmt::format(":{}", endpoint.port) : endpoint.ToString());
}

absl::StatusOr<NamedEndpoint> ParseListener(std::string_view text) {
  NamedEndpoint listener;
  listener.name = "PLAINTEXT";
  if (const size_t scheme = text.find(kScheme); scheme != std::string_view::npos) {
    listener.name = text.substr(0, scheme);
    text.remove_prefix(scheme + kScheme.size());
  }
  const bool name_ok =
      !listener.name.empty() && std::all_of(listener.name.begin(), listener.name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
      });
  if (!name_ok) return Expected("NAME://host:port");
  for (char& c : listener.name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (text.starts_with(':')) {
    const absl::StatusOr<int64_t> port = ParseInteger(text.substr(1));
    if (!port.ok() || *port < 0 || *port > std::numeric_limits<uint16_t>::max()) {
      return Expected("a port from 0 to 65535");
    }
    listener.endpoint = {"", static_cast<uint16_t>(*port)};
    return listener;
  }
  // Port 0 is for ParseEndpoint the same as none; here it means any.
  const bool any_port = text.ends_with(":0");
  absl::StatusOr<Endpoint> endpoint = ParseEndpoint(
      any_port ? std::string(text.substr(0, text.size() - 1)) + "1" : std::string(text));
  if (!endpoint.ok()) return endpoint.status();
  listener.endpoint = *std::move(endpoint);
  if (any_port) listener.endpoint.port = 0;
  return listener;
}

absl::StatusOr<Voter> ParseVoter(std::string_view text) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos) return Expected("id@host:port");
  const absl::StatusOr<int64_t> id = ParseInteger(text.substr(0, at));
  if (!id.ok() || *id < 0 || *id > std::numeric_limits<int32_t>::max()) {
    return Expected("id@host:port with a node number before the @");
  }
  absl::StatusOr<Endpoint> endpoint = ParseEndpoint(text.substr(at + 1));
  if (!endpoint.ok()) return endpoint.status();
  return Voter{static_cast<int32_t>(*id), *std::move(endpoint)};
}

bool IsWildcard(std::string_view host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = Trim(text.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

}  // namespace soliton::config
