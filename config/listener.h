// Addresses as settings write them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/net/transport.h"

namespace soliton::config {

// "NAME://host:port". An empty host (all interfaces) is kept empty.
struct NamedEndpoint {
  std::string name;
  Endpoint endpoint;

  std::string ToString() const;
  friend bool operator==(const NamedEndpoint&, const NamedEndpoint&) = default;
};

// The name may be left out: "host:port" is PLAINTEXT. Port 0 picks a free one.
absl::StatusOr<NamedEndpoint> ParseListener(std::string_view text);

// "100@host:port", an entry of controller.quorum.voters.
struct Voter {
  int32_t node_id = -1;
  Endpoint endpoint;
};
absl::StatusOr<Voter> ParseVoter(std::string_view text);

// Whether the address means every interface: "", "0.0.0.0", "::".
bool IsWildcard(std::string_view host);
bool IsLoopback(std::string_view host);

// Parts between commas, without blanks around them; empty parts are dropped.
std::vector<std::string> SplitList(std::string_view text);

}  // namespace soliton::config
