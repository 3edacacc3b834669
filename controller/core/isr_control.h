// AlterPartition: the leader's compare-and-set of the ISR on (leader epoch, partition epoch), with
// the broker epoch of each proposed member (KIP-497, KIP-841, KIP-903). Pure.
#pragma once

#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"

namespace soliton::controller {

// The sender's broker epoch has been checked.
ControllerResult HandleAlterPartition(const ClusterState& state, const CoreOptions& options,
                                      const pb::AlterPartitionRequest& request);

}  // namespace soliton::controller
