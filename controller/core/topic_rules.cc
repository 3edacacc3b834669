#include "controller/core/topic_rules.h"

#include <fmt/format.h>

namespace soliton::controller {

absl::Status CheckAssignments(const std::vector<std::vector<int32_t>>& assignments,
                              const std::set<int32_t>& registered) {
  for (size_t p = 0; p < assignments.size(); ++p) {
    const std::vector<int32_t>& replicas = assignments[p];
    if (replicas.empty()) {
      return absl::InvalidArgumentError(fmt::format("partition {} has no replicas", p));
    }
    if (replicas.size() != assignments[0].size()) {
      return absl::InvalidArgumentError(
          fmt::format("partition {} has {} replicas, partition 0 has {}", p, replicas.size(),
                      assignments[0].size()));
    }
    std::set<int32_t> seen;
    for (const int32_t id : replicas) {
      if (!registered.contains(id)) {
        return absl::InvalidArgumentError(
            fmt::format("partition {} names broker {}, which is not registered", p, id));
      }
      if (!seen.insert(id).second) {
        return absl::InvalidArgumentError(fmt::format("partition {} names broker {} twice", p, id));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace soliton::controller
