// What AddRaftVoter and RemoveRaftVoter (KIP-853) lead to. Pure; asked of the quorum's leader.
#pragma once

#include "controller/core/core_types.h"
#include "controller/quorum/quorum_core.h"

namespace soliton::controller {

// `present`: the committed voters with where they are reached. `is_connected`: whether the one in
// question is.
//
// Whoever is added follows the log already and has nearly all of it, so that the larger quorum can
// go on at once. A node that is a voter with another disk is removed first: two changes, so that
// any two majorities that follow each other share a voter.
ControllerResult DecideVoterChange(const QuorumCore& quorum, const pb::Voters& present,
                                   const pb::ChangeVotersRequest& request, bool is_connected);

}  // namespace soliton::controller
