#include "cli/cluster_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/errors.h"
#include "cli/output.h"
#include "runtime/net/transport.h"

namespace soliton::cli {
namespace {

// A voter asks again as soon as it has an answer, and an answer is held back half a second at most:
// after this many milliseconds it is in trouble, and about to want an election.
constexpr int64_t kVoterSilenceMs = 3000;
// How long a voter may be behind while it fetches.
constexpr int64_t kVoterBehindMs = 10000;

bool Contains(const std::vector<int32_t>& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

std::string Milliseconds(int64_t ms) { return HumanDuration(milliseconds(ms)); }

std::string TroubleOf(const QuorumMember& member) {
  if (member.leads) return "";
  if (member.log_end_offset < 0) return "has not fetched from this leader yet";
  if (member.fetched_ago_ms.has_value() && *member.fetched_ago_ms > kVoterSilenceMs) {
    return fmt::format("has not fetched for {}, {} entries behind",
                       Milliseconds(*member.fetched_ago_ms), member.lag);
  }
  if (member.lag > 0 && member.caught_up_ago_ms.has_value() &&
      *member.caught_up_ago_ms > kVoterBehindMs) {
    return fmt::format("{} entries behind for {}", member.lag,
                       Milliseconds(*member.caught_up_ago_ms));
  }
  return "";
}

using ReplicaState = kafka::DescribeQuorumResponse::ReplicaState;
using PartitionData = kafka::DescribeQuorumResponse::PartitionData;

const ReplicaState* LeaderOf(const PartitionData& partition) {
  for (const ReplicaState& state : partition.current_voters) {
    if (state.replica_id == partition.leader_id) return &state;
  }
  return nullptr;
}

std::optional<int64_t> Ago(int64_t now_ms, int64_t then_ms) {
  if (now_ms < 0 || then_ms < 0) return std::nullopt;
  return std::max<int64_t>(0, now_ms - then_ms);
}

QuorumMember MemberFrom(const ReplicaState& state, const PartitionData& partition, bool voter) {
  const ReplicaState* leader = LeaderOf(partition);
  const int64_t now_ms = leader == nullptr ? -1 : leader->last_fetch_timestamp;
  QuorumMember member;
  member.node_id = state.replica_id;
  member.directory_id = state.replica_directory_id;
  member.log_end_offset = state.log_end_offset;
  member.leads = voter && state.replica_id == partition.leader_id;
  member.voter = voter;
  if (leader != nullptr && state.log_end_offset >= 0) {
    member.lag = std::max<int64_t>(0, leader->log_end_offset - state.log_end_offset);
  }
  member.fetched_ago_ms = Ago(now_ms, state.last_fetch_timestamp);
  member.caught_up_ago_ms = Ago(now_ms, state.last_caught_up_timestamp);
  if (voter) member.trouble = TroubleOf(member);
  return member;
}

absl::Status ErrorOf(kafka::ErrorCode code, const std::optional<std::string>& message) {
  const std::string more = message.value_or("").empty() ? "" : ": " + *message;
  return absl::FailedPreconditionError(CauseOf(code) + more);
}

void AddPartitions(const kafka::MetadataResponse& metadata, const SyncRules& rules,
                   ClusterView* view) {
  for (const auto& topic : metadata.topics) {
    ++view->topics;
    for (const auto& each : topic.partitions) {
      PartitionView partition{fmt::format("{}-{}", topic.name.value_or("?"), each.partition_index),
                              topic.name.value_or("?"),
                              each.partition_index,
                              each.leader_id,
                              each.leader_epoch,
                              each.replica_nodes,
                              each.isr_nodes,
                              each.unclean_leader_epoch,
                              std::nullopt};
      if (const auto found = rules.min_isr.find(partition.topic); found != rules.min_isr.end()) {
        const auto adding = rules.adding.find(partition.name);
        const auto wanted = static_cast<int64_t>(partition.replicas.size()) -
                            (adding == rules.adding.end() ? 0 : adding->second);
        partition.min_isr = std::min(found->second, wanted);
      }
      if (partition.leader_id >= 0) ++view->nodes[partition.leader_id].leads;
      for (const int32_t replica : partition.replicas) {
        NodeView& node = view->nodes[replica];
        ++node.replicas;
        if (!Contains(partition.isr, replica)) node.out_of_sync.push_back(partition.name);
      }
      view->partitions.push_back(std::move(partition));
    }
  }
}

// Why a replica cannot lead or follow; empty when its node serves.
std::string StateOf(int32_t node_id, const ClusterView& view) {
  const auto found = view.nodes.find(node_id);
  if (found == view.nodes.end() || !found->second.broker) {
    return fmt::format("node {} is not there", node_id);
  }
  if (found->second.fenced) return fmt::format("node {} is fenced", node_id);
  if (!found->second.unreachable.empty()) return fmt::format("node {} does not answer", node_id);
  return "";
}

void FindQuorumProblems(const ClusterView& view, std::vector<Problem>* problems) {
  if (!view.quorum.ok()) {
    if (absl::IsUnimplemented(view.quorum.status())) return;
    problems->push_back({"quorum-unknown",
                         "quorum",
                         fmt::format("no quorum leader has answered: {}",
                                     std::string(view.quorum.status().message())),
                         std::nullopt,
                         {}});
    return;
  }
  if (view.quorum->leader_id < 0) {
    problems->push_back({"no-quorum-leader",
                         "quorum",
                         fmt::format("the metadata quorum has no leader in epoch {}: a majority of "
                                     "its {} voters must run and reach each other",
                                     view.quorum->epoch, view.quorum->voters()),
                         std::nullopt,
                         {}});
  }
  for (const QuorumMember& member : view.quorum->members) {
    if (member.trouble.empty()) continue;
    problems->push_back({"voter-behind",
                         fmt::format("node {}", member.node_id),
                         fmt::format("voter of the metadata quorum {}", member.trouble),
                         member.node_id,
                         {}});
  }
}

void FindNodeProblems(const ClusterView& view, std::vector<Problem>* problems) {
  for (const auto& [node_id, node] : view.nodes) {
    const std::string where = fmt::format("node {}", node_id);
    if (!node.broker) {
      if (node.replicas == 0) continue;  // a voter alone
      problems->push_back({"node-unknown",
                           where,
                           fmt::format("{} partitions have a replica on it, but no such broker "
                                       "is alive",
                                       node.replicas),
                           node_id,
                           {}});
    } else if (node.fenced) {
      problems->push_back({"node-fenced",
                           where,
                           fmt::format("registered at {}, but the controller hears nothing from "
                                       "it: it is stopped or cut off",
                                       node.address),
                           node_id,
                           {}});
    } else if (!node.unreachable.empty()) {
      problems->push_back(
          {"node-unreachable",
           where,
           fmt::format("cannot be reached from here at {}: {}", node.address, node.unreachable),
           node_id,
           {}});
    }
  }
}

// Those that lack a leader for the same reason are one problem.
void FindLeaderless(const ClusterView& view, std::vector<Problem>* problems) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const PartitionView& partition : view.partitions) {
    if (partition.leader_id >= 0) continue;
    std::string what =
        fmt::format("no leader; replicas {}, in sync {}", fmt::join(partition.replicas, ","),
                    partition.isr.empty() ? std::string("none")
                                          : fmt::format("{}", fmt::join(partition.isr, ",")));
    for (const int32_t replica : partition.replicas) {
      const std::string state = StateOf(replica, view);
      if (!state.empty()) what += ", " + state;
    }
    by_reason[what].push_back(partition.name);
  }
  for (auto& [what, names] : by_reason) {
    problems->push_back({"no-leader", FirstOf(names), what, std::nullopt, std::move(names)});
  }
}

// Those that lack as much are one problem.
void FindBelowMinIsr(const ClusterView& view, std::vector<Problem>* problems) {
  std::map<std::string, std::vector<std::string>> by_lack;
  for (const PartitionView& partition : view.partitions) {
    if (!partition.below_min_isr()) continue;
    by_lack[fmt::format("{} of {} replicas in sync and min.insync.replicas is {}: writes with "
                        "acks=all are refused",
                        partition.isr.size(), partition.replicas.size(), *partition.min_isr)]
        .push_back(partition.name);
  }
  for (auto& [what, names] : by_lack) {
    problems->push_back({"below-min-isr", FirstOf(names), what, std::nullopt, std::move(names)});
  }
}

}  // namespace

int QuorumView::voters() const {
  return static_cast<int>(
      std::count_if(members.begin(), members.end(), [](const auto& each) { return each.voter; }));
}

int QuorumView::following() const {
  return static_cast<int>(std::count_if(members.begin(), members.end(), [](const auto& each) {
    return each.voter && each.trouble.empty();
  }));
}

int64_t ClusterView::leaderless() const {
  return std::count_if(partitions.begin(), partitions.end(),
                       [](const PartitionView& each) { return each.leader_id < 0; });
}

int64_t ClusterView::under_replicated() const {
  return std::count_if(partitions.begin(), partitions.end(), [](const PartitionView& each) {
    return each.isr.size() < each.replicas.size();
  });
}

int64_t ClusterView::below_min_isr() const {
  return std::count_if(partitions.begin(), partitions.end(),
                       [](const PartitionView& each) { return each.below_min_isr(); });
}

std::vector<std::string> ClusterView::elected_uncleanly() const {
  std::vector<std::string> names;
  for (const PartitionView& each : partitions) {
    if (each.unclean_epoch >= 0) names.push_back(each.name);
  }
  return names;
}

absl::StatusOr<QuorumView> MakeQuorumView(
    const absl::StatusOr<kafka::DescribeQuorumResponse>& response) {
  if (!response.ok()) return response.status();
  if (response->error_code != kafka::ErrorCode::NONE) {
    return ErrorOf(response->error_code, response->error_message);
  }
  if (response->topics.empty() || response->topics[0].partitions.empty()) {
    return absl::FailedPreconditionError("the answer names no metadata partition");
  }
  const PartitionData& partition = response->topics[0].partitions[0];
  if (partition.error_code != kafka::ErrorCode::NONE) {
    return ErrorOf(partition.error_code, partition.error_message);
  }
  QuorumView view{partition.leader_id, partition.leader_epoch, partition.high_watermark, {}};
  for (const ReplicaState& state : partition.current_voters) {
    view.members.push_back(MemberFrom(state, partition, true));
  }
  for (const ReplicaState& state : partition.observers) {
    view.members.push_back(MemberFrom(state, partition, false));
  }
  for (const auto& node : response->nodes) {
    if (node.listeners.empty()) continue;
    for (QuorumMember& member : view.members) {
      if (member.node_id != node.node_id) continue;
      member.endpoint = {node.listeners[0].host, node.listeners[0].port};
    }
  }
  std::sort(view.members.begin(), view.members.end(), [](const auto& a, const auto& b) {
    return std::pair(!a.voter, a.node_id) < std::pair(!b.voter, b.node_id);
  });
  return view;
}

ClusterView MakeClusterView(const kafka::DescribeClusterResponse& cluster,
                            const kafka::MetadataResponse& metadata,
                            const absl::StatusOr<kafka::DescribeQuorumResponse>& quorum,
                            const std::map<int32_t, std::string>& unreachable,
                            const SyncRules& rules) {
  ClusterView view;
  view.cluster_id = cluster.cluster_id;
  for (const auto& broker : cluster.brokers) {
    NodeView& node = view.nodes[broker.broker_id];
    node.address = Endpoint{broker.host, static_cast<uint16_t>(broker.port)}.ToString();
    node.rack = broker.rack;
    node.broker = true;
    node.fenced = broker.is_fenced;
    if (const auto found = unreachable.find(broker.broker_id); found != unreachable.end()) {
      node.unreachable = found->second;
    }
  }
  view.quorum = MakeQuorumView(quorum);
  if (view.quorum.ok()) {
    for (const QuorumMember& member : view.quorum->members) {
      if (!member.voter) continue;
      NodeView& node = view.nodes[member.node_id];
      node.voter = true;
      node.leads_quorum = member.leads;
    }
  }
  AddPartitions(metadata, rules, &view);
  return view;
}

std::vector<Problem> FindProblems(const ClusterView& view) {
  std::vector<Problem> problems;
  FindQuorumProblems(view, &problems);
  FindNodeProblems(view, &problems);
  FindLeaderless(view, &problems);
  FindBelowMinIsr(view, &problems);
  for (const auto& [node_id, node] : view.nodes) {
    if (node.out_of_sync.empty()) continue;
    problems.push_back(
        {"not-in-sync", fmt::format("node {}", node_id),
         fmt::format("not in sync on {} of its {} partitions: {}", node.out_of_sync.size(),
                     node.replicas, FirstOf(node.out_of_sync)),
         node_id, node.out_of_sync});
  }
  return problems;
}

std::string FirstOf(const std::vector<std::string>& names, size_t most) {
  if (names.size() <= most + 1) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + most, ", "),
                     names.size() - most);
}

}  // namespace soliton::cli
