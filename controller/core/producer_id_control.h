// Hands out blocks of producer ids. A block is given to one broker once, even if the answer is
// lost. Pure.
#pragma once

#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"

namespace soliton::controller {

inline constexpr int32_t kProducerIdBlockSize = 1000;

// The sender's broker epoch has been checked.
ControllerResult HandleAllocateProducerIds(const ClusterState& state,
                                           const pb::AllocateProducerIdsRequest& request);

}  // namespace soliton::controller
