// Applies DecidePartition to every partition that brokers' comings and goings touch, and turns the
// decisions into records. Pure.
#pragma once

#include <cstdint>
#include <set>

#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"

namespace soliton::controller {

// How brokers will be once the records in the making are applied, where that differs from the
// state.
struct BrokerTransition {
  std::set<int32_t> deactivated;  // fenced, shutting down, or replaced by a new incarnation
  std::set<int32_t> activated;
  std::set<int32_t> lost_data;
};

// Adds the changes of all partitions that `transition` touches to `result`, in the order of topic
// id and partition.
void ElectPartitions(const ClusterState& state, const CoreOptions& options,
                     const BrokerTransition& transition, ControllerResult* result);

// Adds one decision to `result` as a record (and a leader change).
void AddPartitionChange(const TopicInfo& topic, int32_t partition, const PartitionInfo& current,
                        const PartitionDecision& decision, ControllerResult* result);

PartitionRules RulesFor(const ClusterState& state, const CoreOptions& options,
                        const TopicInfo& topic, const PartitionInfo& partition,
                        const BrokerTransition& transition);

}  // namespace soliton::controller
