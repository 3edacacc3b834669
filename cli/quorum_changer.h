// Carries out a QuorumChange on a cluster: AddRaftVoter and RemoveRaftVoter. Shard of the loop.
#pragma once

#include <functional>

#include "cli/client_loop.h"
#include "cli/quorum_change.h"

namespace soliton::cli {

// `done` gets the quorum before the change and after it, which is committed. What does not work, or
// not within `patience`, ends the command.
void ChangeQuorum(ClientLoop& loop, kafka::ClusterClient& cluster, const QuorumChange& change,
                  Duration patience,
                  std::function<void(const QuorumView& before, const QuorumView& after)> done);

}  // namespace soliton::cli
