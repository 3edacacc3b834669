#include "controller/core/partition_elector.h"

#include <algorithm>
#include <limits>

#include "config/units.h"
#include "config/value_check.h"

#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

bool Contains(const std::vector<int32_t>& list, int32_t id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

// Partitions that may change: those in which a leaving broker counts for something, and those
// without a leader that a coming one may lead.
std::set<TopicPartitionId> TouchedPartitions(const ClusterState& state,
                                             const BrokerTransition& transition) {
  std::set<TopicPartitionId> touched;
  std::set<int32_t> leaving = transition.deactivated;
  leaving.insert(transition.lost_data.begin(), transition.lost_data.end());
  for (const int32_t id : leaving) {
    for (const TopicPartitionId& key : state.PartitionsOf(id)) {
      const PartitionInfo* partition = state.image().FindPartition(key.first, key.second);
      if (Contains(partition->isr, id) || Contains(partition->eligible_leaders, id)) {
        touched.insert(key);
      }
    }
  }
  for (const int32_t id : transition.activated) {
    for (const TopicPartitionId& key : state.PartitionsOf(id)) {
      if (state.image().FindPartition(key.first, key.second)->leader == kNoLeader) {
        touched.insert(key);
      }
    }
  }
  return touched;
}

}  // namespace

ElectionRules ElectionRulesOf(const std::map<std::string, std::string>& configs,
                              const ElectionRules& defaults) {
  ElectionRules rules = defaults;
  if (const auto it = configs.find("min.insync.replicas"); it != configs.end()) {
    const absl::StatusOr<int64_t> value = config::ParseInteger(config::Trim(it->second));
    if (value.ok() && *value >= 1 && *value <= std::numeric_limits<int32_t>::max()) {
      rules.min_insync_replicas = static_cast<int>(*value);
    }
  }
  if (const auto it = configs.find("unclean.leader.election.enable"); it != configs.end()) {
    static const config::Setting* const kRow = config::FindSetting(it->first, config::kTopicScope);
    const absl::StatusOr<config::Value> value = config::CheckText(*kRow, it->second);
    if (value.ok()) rules.unclean_leader_election = std::get<bool>(*value);
  }
  return rules;
}

ElectionRules DefaultElectionRules(const std::map<std::string, std::string>& cluster_configs,
                                   const CoreOptions& options) {
  return ElectionRulesOf(cluster_configs,
                         {.min_insync_replicas = options.default_min_insync_replicas,
                          .unclean_leader_election = options.unclean_leader_election_enable});
}

int EffectiveMinIsr(const ElectionRules& rules, size_t replication_factor) {
  return std::clamp(rules.min_insync_replicas, 1,
                    std::max(1, static_cast<int>(replication_factor)));
}

PartitionRules RulesFrom(const ClusterState& state, const ElectionRules& election,
                         const PartitionInfo& partition, const BrokerTransition& transition) {
  PartitionRules rules;
  rules.min_isr = EffectiveMinIsr(election, partition.replication_factor());
  rules.unclean_leader_election = election.unclean_leader_election;
  rules.is_active = [&state, &transition](int32_t id) {
    if (transition.deactivated.contains(id)) return false;
    if (transition.activated.contains(id)) return true;
    const BrokerInfo* broker = state.image().FindBroker(id);
    return broker != nullptr && broker->usable();
  };
  return rules;
}

PartitionRules RulesFor(const ClusterState& state, const CoreOptions& options,
                        const TopicInfo& topic, const PartitionInfo& partition,
                        const BrokerTransition& transition) {
  const ElectionRules defaults =
      DefaultElectionRules(state.image().BrokerConfigs(kEveryBroker), options);
  return RulesFrom(state, ElectionRulesOf(topic.configs, defaults), partition, transition);
}

namespace {

void AddReplicaMove(const TopicInfo& topic, int32_t partition, const PartitionInfo& current,
                    const PartitionInfo& next, ControllerResult* result) {
  if (next.replicas == current.replicas && next.adding_replicas == current.adding_replicas &&
      next.removing_replicas == current.removing_replicas) {
    return;
  }
  result->replica_moves.push_back({.topic = topic.name,
                                   .partition = partition,
                                   .before = current.replicas,
                                   .now = next.replicas,
                                   .adding = next.adding_replicas,
                                   .removing = next.removing_replicas});
}

}  // namespace

void AddPartitionChange(const TopicInfo& topic, int32_t partition, const PartitionInfo& current,
                        const PartitionDecision& decision, ControllerResult* result) {
  pb::PartitionChange* change = result->records.emplace_back().mutable_partition_change();
  ToPb(topic.id, change->mutable_topic_id());
  change->set_partition(partition);
  ToPb(decision.next, change->mutable_state());
  if (decision.next.replicas == current.replicas) change->mutable_state()->clear_replicas();
  AddReplicaMove(topic, partition, current, decision.next, result);
  if (decision.next.leader == current.leader) return;
  result->leader_changes.push_back({.topic = topic.name,
                                    .partition = partition,
                                    .old_leader = current.leader,
                                    .new_leader = decision.next.leader,
                                    .leader_epoch = decision.next.leader_epoch,
                                    .election = decision.election});
}

void ElectPartitions(const ClusterState& state, const CoreOptions& options,
                     const BrokerTransition& transition, ControllerResult* result) {
  for (const auto& [topic_id, index] : TouchedPartitions(state, transition)) {
    PartitionEvent event;
    event.lost_data = transition.lost_data;
    if (transition.lost_replicas.contains({topic_id, index})) {
      event.lost_data.insert(transition.lost_replicas_of);
    }
    const TopicInfo& topic = *state.image().FindTopic(topic_id);
    const PartitionInfo& current = topic.partitions[static_cast<size_t>(index)];
    const PartitionRules rules = RulesFor(state, options, topic, current, transition);
    if (const auto decision = DecidePartition(current, event, rules)) {
      AddPartitionChange(topic, index, current, *decision, result);
    }
  }
}

}  // namespace soliton::controller
