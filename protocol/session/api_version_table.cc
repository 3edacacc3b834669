#include "protocol/session/api_version_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::kafka {

std::optional<VersionRange> ApiVersionTable::Find(int16_t api_key) const {
  const auto it = ranges_.find(api_key);
  if (it == ranges_.end()) return std::nullopt;
  return it->second;
}

absl::StatusOr<int16_t> ApiVersionTable::Negotiate(int16_t api_key, VersionRange ours) const {
  const std::optional<VersionRange> theirs = Find(api_key);
  if (!theirs.has_value()) {
    return absl::UnimplementedError(fmt::format("the broker does not offer API key {}", api_key));
  }
  const int16_t version = std::min(ours.max, theirs->max);
  if (version < std::max(ours.min, theirs->min)) {
    return absl::UnimplementedError(
        fmt::format("no common version of API key {}: the broker speaks {}-{}, this client {}-{}",
                    api_key, theirs->min, theirs->max, ours.min, ours.max));
  }
  return version;
}

}  // namespace soliton::kafka
