#include <fmt/format.h>

#include <charconv>

#include "runtime/net/transport.h"

namespace soliton {
namespace {

absl::Status Malformed(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(
      fmt::format("'{}' is not an address: {} (expected HOST:PORT or [IPV6]:PORT)", text, why));
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

// Inside brackets: hexadecimal groups, an embedded IPv4 address, a zone ("%eth0").
bool IsBracketedCharacter(char c) { return IsHostCharacter(c) || c == ':' || c == '%'; }

// What stands before and after the colon of the port; `port` is nullopt when there is no colon.
struct Parts {
  std::string_view host;
  std::optional<std::string_view> port;
};

absl::StatusOr<Parts> SplitBracketed(std::string_view text) {
  const size_t close = text.find(']');
  if (close == std::string_view::npos) return Malformed(text, "']' is missing");
  Parts parts{text.substr(1, close - 1), std::nullopt};
  const std::string_view rest = text.substr(close + 1);
  if (rest.empty()) return parts;
  if (rest[0] != ':') return Malformed(text, "only a port may follow ']'");
  parts.port = rest.substr(1);
  return parts;
}

absl::StatusOr<Parts> Split(std::string_view text) {
  if (text.starts_with('[')) return SplitBracketed(text);
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return Parts{text, std::nullopt};
  if (text.find(':', colon + 1) != std::string_view::npos) {
    return Malformed(text, "more than one ':'; an IPv6 address goes in brackets");
  }
  return Parts{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

std::string Endpoint::ToString() const {
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

absl::StatusOr<Endpoint> ParseEndpoint(std::string_view text, uint16_t default_port) {
  absl::StatusOr<Parts> parts = Split(text);
  if (!parts.ok()) return parts.status();
  if (parts->host.empty()) return Malformed(text, "the host is empty");
  const bool bracketed = text.starts_with('[');
  for (char c : parts->host) {
    if (bracketed ? !IsBracketedCharacter(c) : !IsHostCharacter(c)) {
      return Malformed(text, fmt::format("'{}' does not belong in a host name", c));
    }
  }
  Endpoint endpoint{std::string(parts->host), default_port};
  if (!parts->port.has_value()) {
    if (default_port == 0) return Malformed(text, "the port is missing");
    return endpoint;
  }
  const char* begin = parts->port->data();
  const char* end = begin + parts->port->size();
  const auto [stop, error] = std::from_chars(begin, end, endpoint.port);
  if (begin == end || stop != end || error != std::errc()) {
    return Malformed(text, fmt::format("port '{}' is not a number from 0 to 65535", *parts->port));
  }
  return endpoint;
}

}  // namespace soliton
