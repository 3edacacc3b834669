#include "protocol/session/metadata_cache.h"

#include <utility>

namespace soliton::kafka {

void MetadataCache::Apply(const MetadataResponse& response,
                          const std::optional<std::set<std::string>>& asked_for) {
  ++generation_;
  // An answer without brokers comes from one that has just started: keep the addresses we have.
  if (!response.brokers.empty()) brokers_.clear();
  for (const auto& broker : response.brokers) {
    brokers_[broker.node_id] = {
        broker.node_id, {broker.host, static_cast<uint16_t>(broker.port)}, broker.rack};
  }
  if (response.cluster_id.has_value()) cluster_id_ = response.cluster_id;
  controller_id_ = response.controller_id;

  std::set<std::string> mentioned;
  for (const auto& topic : response.topics) {
    if (!topic.name.has_value()) continue;
    mentioned.insert(*topic.name);
    Merge(topic);
  }
  std::erase_if(topics_, [&](const auto& entry) {
    if (mentioned.contains(entry.first)) return false;
    const bool asked = !asked_for.has_value() || asked_for->contains(entry.first);
    if (asked) names_by_id_.erase(entry.second.id);
    return asked;
  });
}

void MetadataCache::Merge(const MetadataResponse::MetadataResponseTopic& from) {
  TopicState& topic = topics_[*from.name];
  const ErrorCode error = static_cast<ErrorCode>(from.error_code);
  topic.name = *from.name;
  topic.error = error;
  topic.is_internal = from.is_internal;
  if (error != ErrorCode::NONE && from.partitions.empty()) {
    // The known partitions stay while the topic is only unavailable for a moment.
    if (!IsRetriable(error) || error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) {
      names_by_id_.erase(topic.id);
      topic.partitions.clear();
      topic.id = Uuid{};
    }
    return;
  }
  if (topic.id != from.topic_id) {
    names_by_id_.erase(topic.id);
    topic.partitions.clear();
    topic.id = from.topic_id;
  }
  if (!topic.id.is_zero()) names_by_id_[topic.id] = topic.name;

  std::map<int32_t, PartitionState> merged;
  for (const auto& partition : from.partitions) {
    PartitionState next{static_cast<ErrorCode>(partition.error_code),
                        {partition.leader_id, partition.leader_epoch},
                        partition.replica_nodes,
                        partition.isr_nodes,
                        partition.offline_replicas};
    const auto known = topic.partitions.find(partition.partition_index);
    if (known != topic.partitions.end() && next.leader.leader_epoch >= 0 &&
        next.leader.leader_epoch < known->second.leader.leader_epoch) {
      next = known->second;
    }
    merged[partition.partition_index] = std::move(next);
  }
  topic.partitions = std::move(merged);
}

bool MetadataCache::UpdateLeader(const std::string& topic, int32_t partition,
                                 PartitionLeader leader) {
  if (leader.leader_id < 0) return false;
  const auto it = topics_.find(topic);
  if (it == topics_.end()) return false;
  const auto known = it->second.partitions.find(partition);
  if (known == it->second.partitions.end()) return false;
  if (leader.leader_epoch <= known->second.leader.leader_epoch) return false;
  known->second.leader = leader;
  known->second.error = ErrorCode::NONE;
  return true;
}

const TopicState* MetadataCache::Find(const std::string& topic) const {
  const auto it = topics_.find(topic);
  return it == topics_.end() ? nullptr : &it->second;
}

const TopicState* MetadataCache::FindById(const Uuid& id) const {
  const auto it = names_by_id_.find(id);
  return it == names_by_id_.end() ? nullptr : Find(it->second);
}

const PartitionState* MetadataCache::FindPartition(const std::string& topic,
                                                   int32_t partition) const {
  const TopicState* found = Find(topic);
  if (found == nullptr) return nullptr;
  const auto it = found->partitions.find(partition);
  return it == found->partitions.end() ? nullptr : &it->second;
}

PartitionLeader MetadataCache::LeaderOf(const std::string& topic, int32_t partition) const {
  const PartitionState* found = FindPartition(topic, partition);
  return found == nullptr ? PartitionLeader{} : found->leader;
}

const BrokerInfo* MetadataCache::FindBroker(int32_t node_id) const {
  const auto it = brokers_.find(node_id);
  return it == brokers_.end() ? nullptr : &it->second;
}

}  // namespace soliton::kafka
