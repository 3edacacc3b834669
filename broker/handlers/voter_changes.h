// What AddRaftVoter and RemoveRaftVoter share.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "broker/broker_shard.h"
#include "broker/handlers/controller_call.h"
#include "broker/server/dispatch.h"

namespace soliton::broker {

// What is wrong with it already here; NONE: nothing. `of`: the cluster that is meant, or whichever
// it is.
inline controller::WholeResult CheckVoterChange(const std::optional<std::string>& of,
                                                const std::string& cluster_id,
                                                const controller::VoterChange& change) {
  if (of && *of != cluster_id) {
    return {kafka::ErrorCode::INCONSISTENT_CLUSTER_ID,
            fmt::format("this is cluster {}, not {}", cluster_id, *of)};
  }
  if (change.node_id < 0 || change.directory_id.is_zero()) {
    return {kafka::ErrorCode::INVALID_REQUEST,
            "a voter is a node id (0 or larger) and the id of its metadata directory"};
  }
  return {};
}

// Lets the controller decide, and replies.
template <typename Response>
void ChangeVoter(const RequestPtr& request, const std::optional<std::string>& of,
                 const controller::VoterChange& change, Duration timeout) {
  const auto wrong = CheckVoterChange(of, request->home().image()->cluster_id, change);
  if (wrong.error != kafka::ErrorCode::NONE) return request->Reply(WholeResponse<Response>(wrong));
  request->home().AskController([request, change, timeout](controller::ControllerClient& client) {
    client.ChangeVoter(change, timeout, [request](absl::StatusOr<controller::WholeResult> result) {
      request->home().shard().Post([request, result = std::move(result)] {
        request->Reply(WholeResponse<Response>(result));
      });
    });
  });
}

}  // namespace soliton::broker
