// Kafka's rules for what a topic may be called and how replicas may be assigned by hand. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace soliton::controller {

inline constexpr size_t kMaxTopicNameLength = 249;  // so that "<name>-<partition>" fits a file name

absl::Status CheckTopicName(std::string_view name);

// `assignments[p]` are the replicas of partition p. Each list: not empty, no broker twice, all
// registered, all lists of one length.
absl::Status CheckAssignments(const std::vector<std::vector<int32_t>>& assignments,
                              const std::set<int32_t>& registered);

}  // namespace soliton::controller
