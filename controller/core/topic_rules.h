// Kafka's rules for how replicas may be assigned by hand. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "controller/metadata/topic_name.h"

namespace soliton::controller {

// `assignments[p]` are the replicas of partition p. Each list: not empty, no broker twice, all
// registered, all lists of one length.
absl::Status CheckAssignments(const std::vector<std::vector<int32_t>>& assignments,
                              const std::set<int32_t>& registered);

}  // namespace soliton::controller
