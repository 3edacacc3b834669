#include "cli/cluster_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace soliton::cli {
namespace {

std::string NodeText(int32_t node_id) { return node_id < 0 ? "none" : fmt::format("{}", node_id); }

std::string Joined(std::vector<int32_t> ids) {
  std::sort(ids.begin(), ids.end());
  return ids.empty() ? "none" : fmt::format("{}", fmt::join(ids, ","));
}

std::string InOrder(const std::vector<int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ","));
}

void AddQuorumEvents(const ClusterView& before, const ClusterView& after,
                     std::vector<ClusterEvent>* events) {
  if (!after.quorum.ok()) {
    if (before.quorum.ok()) {
      events->push_back({"quorum-silent",
                         "quorum",
                         std::string(after.quorum.status().message()),
                         std::nullopt,
                         {}});
    }
    return;
  }
  const int32_t from = before.quorum.ok() ? before.quorum->leader_id : -1;
  const int32_t epoch = before.quorum.ok() ? before.quorum->epoch : -1;
  if (from == after.quorum->leader_id && epoch == after.quorum->epoch) return;
  events->push_back({"quorum-leader",
                     "quorum",
                     fmt::format("leader {} -> {}, epoch {}", NodeText(from),
                                 NodeText(after.quorum->leader_id), after.quorum->epoch),
                     after.quorum->leader_id,
                     {}});
}

void AddNodeEvents(const ClusterView& before, const ClusterView& after,
                   std::vector<ClusterEvent>* events) {
  std::set<int32_t> ids;
  for (const auto& [node_id, node] : before.nodes) ids.insert(node_id);
  for (const auto& [node_id, node] : after.nodes) ids.insert(node_id);
  static const NodeView kNone;
  for (const int32_t node_id : ids) {
    const auto old = before.nodes.find(node_id);
    const auto now = after.nodes.find(node_id);
    const NodeView& was = old == before.nodes.end() ? kNone : old->second;
    const NodeView& is = now == after.nodes.end() ? kNone : now->second;
    const auto add = [&](const char* kind, std::string what) {
      events->push_back({kind, fmt::format("node {}", node_id), std::move(what), node_id, {}});
    };
    if (was.broker != is.broker) {
      add(is.broker ? "node-joined" : "node-gone", (is.broker ? is : was).address);
    } else if (was.fenced != is.fenced) {
      add(is.fenced ? "node-fenced" : "node-unfenced",
          is.fenced ? "the controller hears nothing from it" : "serves again at " + is.address);
    }
  }
}

class PartitionEvents {
 public:
  void Compare(const PartitionView& was, const PartitionView& is) {
    if (was.unclean_epoch < is.unclean_epoch) {
      Add("unclean-leader",
          fmt::format("leader {} -> {} was NOT in sync: acknowledged records may be lost",
                      NodeText(was.leader_id), NodeText(is.leader_id)),
          is.leader_id, is.name);
    } else if (was.leader_id != is.leader_id || was.leader_epoch != is.leader_epoch) {
      Add(is.leader_id < 0 ? "no-leader" : "leader",
          was.leader_id == is.leader_id
              ? fmt::format("leader {} in a new epoch", NodeText(is.leader_id))
              : fmt::format("leader {} -> {}", NodeText(was.leader_id), NodeText(is.leader_id)),
          is.leader_id, is.name);
    }
    if (was.replicas != is.replicas) {
      Add("replicas", fmt::format("replicas {} -> {}", InOrder(was.replicas), InOrder(is.replicas)),
          -1, is.name);
    }
    if (Joined(was.isr) != Joined(is.isr)) {
      Add("in-sync", fmt::format("in sync {} -> {}", Joined(was.isr), Joined(is.isr)), -1, is.name);
    }
  }

  void MoveTo(std::vector<ClusterEvent>* events) {
    for (auto& [what, event] : by_what_) {
      event.where = FirstOf(event.partitions);
      events->push_back(std::move(event));
    }
  }

 private:
  void Add(const char* kind, std::string what, int32_t node, const std::string& partition) {
    // Leaders before what follows from them.
    const int rank = std::string_view(kind) == "in-sync" ? 2 : *kind == 'r' ? 1 : 0;
    ClusterEvent& event = by_what_[{rank, what}];
    event.kind = kind;
    event.what = std::move(what);
    if (node >= 0) event.node = node;
    event.partitions.push_back(partition);
  }

  std::map<std::pair<int, std::string>, ClusterEvent> by_what_;
};

}  // namespace

std::vector<ClusterEvent> EventsBetween(const ClusterView& before, const ClusterView& after) {
  std::vector<ClusterEvent> events;
  AddQuorumEvents(before, after, &events);
  AddNodeEvents(before, after, &events);
  std::map<std::string, const PartitionView*> was;
  std::map<std::string, int> topics;  // 1: before, 2: after, 3: both
  for (const PartitionView& each : before.partitions) {
    was[each.name] = &each;
    topics[each.topic] |= 1;
  }
  for (const PartitionView& each : after.partitions) topics[each.topic] |= 2;
  for (const auto& [topic, when] : topics) {
    if (when == 3) continue;
    events.push_back({when == 2 ? "topic-created" : "topic-deleted", topic, "", std::nullopt, {}});
  }
  PartitionEvents partitions;
  for (const PartitionView& each : after.partitions) {
    const auto found = was.find(each.name);
    if (found != was.end()) {
      partitions.Compare(*found->second, each);
    } else {
      // Made just now: from no leader to its first one.
      PartitionView none = each;
      none.leader_id = none.leader_epoch = none.unclean_epoch = -1;
      partitions.Compare(none, each);
    }
  }
  partitions.MoveTo(&events);
  return events;
}

}  // namespace soliton::cli
