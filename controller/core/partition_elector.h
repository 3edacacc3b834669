// Applies DecidePartition to every partition that brokers' comings and goings touch, and turns the
// decisions into records. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"

namespace soliton::controller {

// How brokers will be once the records in the making are applied, where that differs from the
// state.
struct BrokerTransition {
  std::set<int32_t> deactivated;  // fenced, shutting down, or replaced by a new incarnation
  std::set<int32_t> activated;
  std::set<int32_t> lost_data;
  // Single replicas whose data is lost, of one broker that goes.
  std::set<TopicPartitionId> lost_replicas;
  int32_t lost_replicas_of = -1;
};

// The settings of a topic that decisions about its partitions rest on.
struct ElectionRules {
  int min_insync_replicas = 1;
  bool unclean_leader_election = false;
  friend bool operator==(const ElectionRules&, const ElectionRules&) = default;
};

// What holds for topics that say nothing themselves: the dynamic settings of all brokers, else what
// this node was started with.
ElectionRules DefaultElectionRules(const std::map<std::string, std::string>& cluster_configs,
                                   const CoreOptions& options);
// What holds for a topic with these overrides. Nonsense, which no checked record holds, counts as
// not given.
ElectionRules ElectionRulesOf(const std::map<std::string, std::string>& configs,
                              const ElectionRules& defaults);
// min(min.insync.replicas, replication factor).
int EffectiveMinIsr(const ElectionRules& rules, size_t replication_factor);

// Adds the changes of all partitions that `transition` touches to `result`, in the order of topic
// id and partition.
void ElectPartitions(const ClusterState& state, const CoreOptions& options,
                     const BrokerTransition& transition, ControllerResult* result);

// Adds one decision to `result` as a record (and a leader change).
void AddPartitionChange(const TopicInfo& topic, int32_t partition, const PartitionInfo& current,
                        const PartitionDecision& decision, ControllerResult* result);

PartitionRules RulesFrom(const ClusterState& state, const ElectionRules& rules,
                         const PartitionInfo& partition, const BrokerTransition& transition);
PartitionRules RulesFor(const ClusterState& state, const CoreOptions& options,
                        const TopicInfo& topic, const PartitionInfo& partition,
                        const BrokerTransition& transition);

}  // namespace soliton::controller
