#include "controller/core/topic_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::controller {

absl::Status CheckTopicName(std::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("the topic name is empty");
  if (name == "." || name == "..") {
    return absl::InvalidArgumentError("a topic cannot be called \".\" or \"..\"");
  }
  if (name.size() > kMaxTopicNameLength) {
    return absl::InvalidArgumentError(
        fmt::format("the topic name has {} characters, at most {} are allowed", name.size(),
                    kMaxTopicNameLength));
  }
  const bool legal = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (legal) return absl::OkStatus();
  // The name itself is not repeated: it may hold anything.
  return absl::InvalidArgumentError(
      "the topic name has a character other than ASCII letters and digits, '.', '_' and '-'");
}

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
