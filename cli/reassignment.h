// Where replicas and leaders shall be: plans, their JSON, and checks against a cluster. Pure.
// Kafka's format: {"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2,3]}]}, as
// kafka-reassign-partitions.sh reads and writes it. The first replica is the preferred leader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/cluster_view.h"

namespace soliton::cli {

struct Assignment {
  std::string topic;
  int32_t partition = 0;
  std::vector<int32_t> replicas;

  std::string name() const;  // "orders-3"
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

// kInvalidArgument says what is wrong and in which entry. "log_dirs" are read over: each broker
// chooses.
absl::StatusOr<std::vector<Assignment>> ParsePlan(std::string_view json);
// One partition a line, so that it can be edited.
std::string PlanAsJson(const std::vector<Assignment>& plan);

// What holds now. Empty `topics` = all; kNotFound names one that is not there.
absl::StatusOr<std::vector<Assignment>> CurrentAssignments(const ClusterView& view,
                                                           const std::vector<std::string>& topics);

// kNotFound: a topic, partition or broker of the plan is not there. kInvalidArgument: no replicas,
// one twice, a partition twice.
absl::Status CheckPlan(const std::vector<Assignment>& plan, const ClusterView& view);

// Whether a broker is there and not fenced.
bool Serves(const ClusterView& view, int32_t node_id);

// One partition that a plan changes.
struct ReplicaMove {
  Assignment to;
  std::vector<int32_t> from;
  std::vector<int32_t> adding, removing;

  // "adds 4, removes 1", "order only".
  std::string ChangeText() const;
};
// Those of a checked plan that differ from what holds.
std::vector<ReplicaMove> MovesOf(const std::vector<Assignment>& plan, const ClusterView& view);

// The topics' partitions spread over `brokers`: as many replicas as before on each, racks first,
// then evenly, moving little. kInvalidArgument when the brokers are fewer than the replicas.
absl::StatusOr<std::vector<Assignment>> SpreadOver(const ClusterView& view,
                                                   const std::vector<std::string>& topics,
                                                   const std::vector<int32_t>& brokers);

// One leader that shall move. `order` differs from the replicas that hold when another one has to
// become the preferred leader first.
struct LeaderMove {
  PartitionView partition;
  int32_t to = -1;
  std::vector<int32_t> order;

  bool reorders() const { return order != partition.replicas; }
};

struct LeaderPlan {
  std::vector<LeaderMove> moves;
  std::vector<std::string> stuck;  // "orders-3: no other replica is in sync"
};

// All leaders off `node`, each to an in-sync replica that leads least by then. The node becomes the
// last choice of those partitions.
LeaderPlan PlanDrain(const ClusterView& view, int32_t node);
// The other way: leaders to `node` until it leads as many as the others do, from those that lead
// most. The node becomes the first choice of those partitions. kFailedPrecondition: it does not
// serve.
absl::StatusOr<LeaderPlan> PlanReturn(const ClusterView& view, int32_t node);
// Leaders of these partitions (empty: all of the topic) to `to`, or with -1 each to its preferred
// replica. Those that are there already are left out. kNotFound: no such topic, partition or
// broker.
absl::StatusOr<LeaderPlan> PlanLeaders(const ClusterView& view, const std::string& topic,
                                       const std::vector<int32_t>& partitions, int32_t to);

}  // namespace soliton::cli
