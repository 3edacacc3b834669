// AlterPartitionReassignments (KIP-455): which replicas a partition is to have. A reassignment
// rests on the replicas that the partition had before any was under way: a new one changes the aim,
// none takes it back, and who was only coming goes at once. It is complete when every replica that
// stays is in sync; DecidePartition finds that. Pure.
#pragma once

#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"

namespace soliton::controller {

ControllerResult HandleAlterReassignments(const ClusterState& state, const CoreOptions& options,
                                          const pb::AlterReassignmentsRequest& request);

}  // namespace soliton::controller
