// What AddRaftVoter and RemoveRaftVoter (KIP-853) lead to. Pure; asked of the quorum's leader.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "controller/core/core_types.h"
#include "controller/quorum/quorum_core.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

// `endpoints`: where controllers are reached, by node id. `connected_at`: where the one in question
// is, with this disk; nullopt: nowhere.
//
// Whoever is added follows the log already and has nearly all of it, so that the larger quorum can
// go on at once. A node that is a voter with another disk is removed first: two changes, so that
// any two majorities that follow each other share a voter.
ControllerResult DecideVoterChange(const QuorumCore& quorum, std::map<int32_t, Endpoint> endpoints,
                                   const pb::ChangeVotersRequest& request,
                                   const std::optional<Endpoint>& connected_at);

}  // namespace soliton::controller
