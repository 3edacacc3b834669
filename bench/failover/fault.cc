#include "bench/failover/fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace soliton::bench {

const std::vector<std::pair<std::string, FaultKind>>& FaultKinds() {
  static const std::vector<std::pair<std::string, FaultKind>> kKinds = {
      {"kill-leader", FaultKind::kKillLeader},
      {"term-leader", FaultKind::kTermLeader},
      {"stop-leader", FaultKind::kStopLeader},
      {"kill-controller", FaultKind::kKillController},
      {"kill-leader-controller", FaultKind::kKillLeaderController},
      {"move-leader", FaultKind::kMoveLeader},
      {"rolling-restart", FaultKind::kRollingRestart},
      {"cut-link", FaultKind::kCutLink}};
  return kKinds;
}

std::string FaultName(FaultKind kind) {
  for (const auto& [name, named] : FaultKinds()) {
    if (named == kind) return name;
  }
  return "none";
}

absl::StatusOr<Victim> ChooseVictim(FaultKind kind, const std::vector<PartitionLeaders>& topic,
                                    std::optional<int32_t> quorum_leader,
                                    std::optional<int32_t> wanted) {
  std::map<int32_t, std::vector<int32_t>> led;
  for (const PartitionLeaders& partition : topic) {
    if (partition.leader >= 0) led[partition.leader].push_back(partition.partition);
  }
  const auto victim = [&](int32_t node) {
    return Victim{node, quorum_leader == node,
                  led.contains(node) ? led[node] : std::vector<int32_t>()};
  };
  if (wanted) return victim(*wanted);
  if (kind == FaultKind::kKillController || kind == FaultKind::kKillLeaderController) {
    if (!quorum_leader) {
      return absl::FailedPreconditionError(
          "the cluster does not tell who leads its metadata quorum (DescribeQuorum): name the node "
          "with --victim");
    }
    Victim chosen = victim(*quorum_leader);
    if (kind == FaultKind::kKillLeaderController && chosen.leads.empty()) {
      return absl::FailedPreconditionError(
          fmt::format("the quorum leader, node {}, leads no partition of the topic: use "
                      "--fault kill-controller, or a topic with more partitions",
                      *quorum_leader));
    }
    return chosen;
  }
  std::optional<Victim> most;
  for (const auto& [node, partitions] : led) {
    // The quorum leader is a fault of its own.
    if (quorum_leader == node && led.size() > 1) continue;
    if (!most || partitions.size() > most->leads.size()) most = victim(node);
  }
  if (!most) return absl::FailedPreconditionError("no partition of the topic has a leader");
  return *std::move(most);
}

std::optional<std::vector<int32_t>> OrderWithoutLeaderFirst(const PartitionLeaders& partition) {
  std::vector<int32_t> order = partition.replicas;
  const auto other = std::find_if(order.begin(), order.end(), [&](int32_t replica) {
    return replica != partition.leader &&
           std::find(partition.in_sync.begin(), partition.in_sync.end(), replica) !=
               partition.in_sync.end();
  });
  if (other == order.end()) return std::nullopt;
  std::rotate(order.begin(), other, other + 1);
  return order;
}

}  // namespace soliton::bench
