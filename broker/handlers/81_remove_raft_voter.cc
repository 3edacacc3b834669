// RemoveRaftVoter (81): a controller, or one of its former disks, loses its vote (KIP-853); the
// quorum's leader decides, about itself too. Served 0.
#include "broker/handlers/voter_changes.h"
#include "protocol/messages/remove_raft_voter.h"

namespace soliton::broker {
namespace {

using kafka::RemoveRaftVoterRequest;
using kafka::RemoveRaftVoterResponse;

// The request names none.
constexpr Duration kTimeout = seconds(30);

void Handle(RequestPtr request) {
  auto body = request->Decode<RemoveRaftVoterRequest>();
  if (!body) return;
  ChangeVoter<RemoveRaftVoterResponse>(
      request, body->cluster_id,
      {.add = false, .node_id = body->voter_id, .directory_id = body->voter_directory_id},
      kTimeout);
}

}  // namespace

extern const HandlerEntry kRemoveRaftVoterHandler;
const HandlerEntry kRemoveRaftVoterHandler{.api_key = RemoveRaftVoterRequest::kApiKey,
                                           .min_version = 0,
                                           .max_version = 0,
                                           .handle = Handle};

}  // namespace soliton::broker
