// Elections that nobody's death asks for: on demand (ElectLeaders, KIP-183 and KIP-460), and those
// that bring leaderships back to the preferred replica, the first of the list. Pure.
#pragma once

#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"

namespace soliton::controller {

inline constexpr int32_t kPreferredElection = 0;  // Kafka's codes
inline constexpr int32_t kUncleanElection = 1;

ControllerResult HandleElectLeaders(const ClusterState& state, const CoreOptions& options,
                                    const pb::ElectLeadersRequest& request);

// For each broker that lacks more than `leader_imbalance_percentage` of the leaderships that it is
// preferred for: gives it those that it can take, at most `limit` in all. The preferred replica
// takes over in sync, so nothing is lost but a moment.
ControllerResult BalanceLeaders(const ClusterState& state, const CoreOptions& options,
                                size_t limit);

}  // namespace soliton::controller
