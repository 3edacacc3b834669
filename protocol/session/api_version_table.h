// What the other side speaks: for each API key the range of versions from its ApiVersions answer.
// Pure value; any thread. Source: KIP-35, KIP-511.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "absl/status/statusor.h"

namespace soliton::kafka {

struct VersionRange {
  int16_t min = 0;
  int16_t max = -1;  // below min: nothing

  friend bool operator==(const VersionRange&, const VersionRange&) = default;
};

class ApiVersionTable {
 public:
  void Set(int16_t api_key, VersionRange range) { ranges_[api_key] = range; }
  std::optional<VersionRange> Find(int16_t api_key) const;
  bool empty() const { return ranges_.empty(); }
  size_t size() const { return ranges_.size(); }

  // The newest version that lies in both ranges. kUnimplemented, with both ranges in the message,
  // when there is none.
  absl::StatusOr<int16_t> Negotiate(int16_t api_key, VersionRange ours) const;

 private:
  std::map<int16_t, VersionRange> ranges_;
};

}  // namespace soliton::kafka
