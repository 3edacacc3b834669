#include "controller/voter_change.h"

#include <fmt/format.h>

#include <utility>

#include "config/listener.h"
#include "controller/metadata/convert.h"
#include "controller/quorum/quorum_batches.h"
#include "controller/quorum/quorum_wire.h"
#include "runtime/base/reach.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;

// Of the log: what a new voter may lack.
constexpr int64_t kMaxLagRecords = 1000;

const Voter* OfNode(const VoterSet& voters, int32_t node_id) {
  for (const Voter& voter : voters.voters()) {
    if (voter.node_id == node_id) return &voter;
  }
  return nullptr;
}

std::optional<ControllerResult> RefuseAdding(const QuorumCore& quorum, const Voter& voter,
                                             const pb::ChangeVotersRequest& request,
                                             const std::optional<Endpoint>& connected_at) {
  if (const Voter* known = OfNode(quorum.voters(), voter.node_id)) {
    return Refusal(ErrorCode::DUPLICATE_VOTER,
                   *known == voter
                       ? fmt::format("controller {} is a voter already", voter.node_id)
                       : fmt::format("controller {} is a voter with another disk ({}): remove that "
                                     "one first",
                                     voter.node_id, known->directory_id.ToString()));
  }
  const Endpoint named{request.voter().host(), static_cast<uint16_t>(request.voter().port())};
  if (config::IsWildcard(named.host) || named.port == 0 || request.voter().port() > 65535) {
    return Refusal(
        ErrorCode::INVALID_REQUEST,
        fmt::format("no address is named at which others reach controller {}", voter.node_id));
  }
  if (!connected_at) {
    return Refusal(
        ErrorCode::REQUEST_TIMED_OUT,
        fmt::format("controller {} with disk {} is not connected to the leader: start it "
                    "with this cluster's controller.quorum.voters first",
                    voter.node_id, voter.directory_id.ToString()));
  }
  if (connected_at->port != named.port) {
    return Refusal(ErrorCode::INVALID_REQUEST,
                   fmt::format("controller {} is reached at {}, not at {}", voter.node_id,
                               connected_at->ToString(), named.ToString()));
  }
  const int64_t lag = quorum.committed_end() - quorum.FlushedBy(voter);
  if (lag > kMaxLagRecords) {
    return Refusal(
        ErrorCode::REQUEST_TIMED_OUT,
        fmt::format("controller {} still lacks {} records of the metadata log: try again "
                    "in a moment",
                    voter.node_id, lag));
  }
  return std::nullopt;
}

}  // namespace

ControllerResult DecideVoterChange(const QuorumCore& quorum, std::map<int32_t, Endpoint> endpoints,
                                   const pb::ChangeVotersRequest& request,
                                   const std::optional<Endpoint>& connected_at) {
  const Voter voter = FromPb(request.voter());
  std::vector<Voter> next = quorum.voters().voters();
  if (request.add()) {
    if (auto refusal = RefuseAdding(quorum, voter, request, connected_at)) return *refusal;
    next.push_back(voter);
    endpoints[voter.node_id] = {request.voter().host(),
                                static_cast<uint16_t>(request.voter().port())};
  } else if (std::erase(next, voter) == 0) {
    const Voter* known = OfNode(quorum.voters(), voter.node_id);
    return Refusal(ErrorCode::VOTER_NOT_FOUND,
                   known == nullptr ? fmt::format("controller {} is no voter", voter.node_id)
                                    : fmt::format("controller {} votes with disk {}, not with {}",
                                                  voter.node_id, known->directory_id.ToString(),
                                                  voter.directory_id.ToString()));
  }
  if (next.empty()) {
    return Refusal(ErrorCode::INVALID_REQUEST, "the last voter cannot be removed");
  }
  const VoterSet voters(std::move(next));
  if (absl::Status may = quorum.MayChangeVoters(voters); !may.ok()) {
    return Refusal(
        absl::IsUnavailable(may) ? ErrorCode::REQUEST_TIMED_OUT : ErrorCode::INVALID_REQUEST,
        std::string(may.message()));
  }
  // It would never be committed, and nothing after it.
  if (!voters.HasMajority([&](const Voter& each) { return quorum.IsHeard(each); })) {
    return Refusal(ErrorCode::REQUEST_TIMED_OUT,
                   fmt::format("no majority of the {} voters that would be left follows: start "
                               "those that are down, or remove them first",
                               voters.size()));
  }
  ControllerResult result;
  if (request.add()) SOMETIMES("a voter was added");
  if (!request.add()) SOMETIMES("a voter was removed");
  if (!request.add() && voter == quorum.self()) SOMETIMES("the leader removed itself");
  result.records.push_back(VotersRecord(voters, endpoints));
  result.cause = fmt::format("{} voter {}", request.add() ? "added" : "removed", voter.ToString());
  return result;
}

}  // namespace soliton::controller
