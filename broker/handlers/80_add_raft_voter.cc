// AddRaftVoter (80): a controller that follows the metadata gets a vote (KIP-853); the quorum's
// leader decides. Served 0-1; v1+ may be answered before that is committed (KIP-1186).
#include "broker/handlers/voter_changes.h"
#include "protocol/messages/add_raft_voter.h"

namespace soliton::broker {
namespace {

using kafka::AddRaftVoterRequest;
using kafka::AddRaftVoterResponse;

void Handle(RequestPtr request) {
  auto body = request->Decode<AddRaftVoterRequest>();
  if (!body) return;
  controller::VoterChange change{.add = true,
                                 .node_id = body->voter_id,
                                 .directory_id = body->voter_directory_id,
                                 .without_commit = !body->ack_when_committed};
  // Controllers have one listener here.
  if (!body->listeners.empty()) {
    change.endpoint = {body->listeners[0].host, body->listeners[0].port};
  }
  ChangeVoter<AddRaftVoterResponse>(request, body->cluster_id, change,
                                    ControllerCallTimeout(body->timeout_ms));
}

}  // namespace

extern const HandlerEntry kAddRaftVoterHandler;
const HandlerEntry kAddRaftVoterHandler{
    .api_key = AddRaftVoterRequest::kApiKey, .min_version = 0, .max_version = 1, .handle = Handle};

}  // namespace soliton::broker
