#include "tests/sim/operator_process.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/messages/add_raft_voter.h"
#include "protocol/messages/remove_raft_voter.h"
#include "protocol/session/response_of.h"
#include "tests/sim/workload.h"

namespace soliton::sim {
namespace {

constexpr Duration kPatience = milliseconds(1500);

}  // namespace

OperatorProcess::OperatorProcess(Workload& workload, SimNode& node)
    : workload_(workload), ports_(node.ports()), shard_(ports_.shards->shard(0)) {
  node.Post([this] { Again(); });
}

void OperatorProcess::Again() {
  shard_.ScheduleAfter(milliseconds(shard_.random().Between(100, 2000)), [this] { Act(); });
}

void OperatorProcess::Act() {
  SimCluster& cluster = workload_.cluster();
  const int leader = cluster.LeadingController();
  if (leader == 0) return Again();
  const std::optional<Change> change = Choose(cluster.ControllerApp(leader)->quorum().voters());
  if (!change) return Again();
  Ask(*change);
}

std::optional<OperatorProcess::Change> OperatorProcess::Choose(const controller::VoterSet& voters) {
  SimCluster& cluster = workload_.cluster();
  std::vector<Change> lost;
  std::vector<Change> missing;
  for (int number = 1; number <= cluster.controller_count(); ++number) {
    controller::ControllerNode* app = cluster.ControllerApp(number);
    if (app == nullptr) continue;
    const controller::Voter& present = app->quorum().self();
    for (const controller::Voter& voter : voters.voters()) {
      if (voter.node_id == present.node_id && voter != present) lost.push_back({false, voter, {}});
    }
    if (!voters.Contains(present)) {
      missing.push_back({true, present, cluster.ControllerEndpoint(number)});
    }
  }
  if (!lost.empty()) return lost[shard_.random().Below(lost.size())];
  const bool may_remove =
      !workload_.calm() && static_cast<int>(voters.size()) > workload_.plan().controllers;
  if (may_remove && (missing.empty() || shard_.random().Chance(1, 2))) {
    return Change{false, voters.voters()[shard_.random().Below(voters.size())], {}};
  }
  if (missing.empty()) return std::nullopt;
  return missing[shard_.random().Below(missing.size())];
}

template <typename Request>
void OperatorProcess::Send(Request request) {
  const std::vector<Endpoint> brokers = workload_.cluster().BootstrapServers();
  channel_ = std::make_unique<kafka::ClientChannel>(
      shard_, *ports_.transport, brokers[shard_.random().Below(brokers.size())],
      kafka::ChannelOptions{.connect_timeout = milliseconds(500)});
  // Whatever comes of it, the next look shows it.
  channel_->Send(std::move(request), kPatience,
                 [this](const absl::StatusOr<kafka::ResponseOf<Request>>&) { Again(); });
}

void OperatorProcess::Ask(const Change& change) {
  if (!change.add) {
    kafka::RemoveRaftVoterRequest request;
    request.cluster_id.reset();
    request.voter_id = change.voter.node_id;
    request.voter_directory_id = change.voter.directory_id;
    return Send(std::move(request));
  }
  kafka::AddRaftVoterRequest request;
  request.cluster_id.reset();
  request.timeout_ms = 1000;
  request.voter_id = change.voter.node_id;
  request.voter_directory_id = change.voter.directory_id;
  request.listeners.push_back({.name = "CONTROLLER",
                               .host = change.endpoint.host,
                               .port = change.endpoint.port,
                               .unknown_tagged_fields = {}});
  Send(std::move(request));
}

}  // namespace soliton::sim
