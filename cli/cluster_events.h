// What happened to a cluster between two looks at it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/cluster_view.h"

namespace soliton::cli {

// `kind` is one of: quorum-leader, quorum-silent, node-joined, node-gone, node-fenced,
// node-unfenced, topic-created, topic-deleted, leader, unclean-leader, no-leader, in-sync,
// replicas.
struct ClusterEvent {
  std::string kind;
  std::string where;  // "orders-0, orders-3 and 4 more", "node 2", "quorum"
  std::string what;   // "leader 1 -> 2"
  std::optional<int64_t> node;
  std::vector<std::string> partitions;

  friend bool operator==(const ClusterEvent&, const ClusterEvent&) = default;
};

// In the order in which causes precede effects: quorum, nodes, topics, partitions. Partitions to
// which the same happened are one event. What came and went between the looks is not seen, but the
// leader epoch tells that a leader came back.
std::vector<ClusterEvent> EventsBetween(const ClusterView& before, const ClusterView& after);

}  // namespace soliton::cli
