#include "controller/core/cluster_state.h"

#include <algorithm>

#include "controller/metadata/convert.h"

namespace soliton::controller {

absl::Status ClusterState::Replay(const pb::MetadataRecord& record, int64_t offset) {
  std::shared_ptr<const TopicInfo> removed;
  if (record.has_remove_topic()) {
    const auto it = image().topics_by_id.find(FromPb(record.remove_topic().id()));
    if (it != image().topics_by_id.end()) removed = it->second;
  }
  std::vector<int32_t> old_replicas;
  const bool moves =
      record.has_partition_change() && record.partition_change().state().replicas_size() > 0;
  if (moves) {
    const pb::PartitionChange& change = record.partition_change();
    const PartitionInfo* known =
        image().FindPartition(FromPb(change.topic_id()), change.partition());
    if (known != nullptr) old_replicas = known->replicas;
  }
  if (absl::Status applied = builder_.Apply(record, offset); !applied.ok()) return applied;
  if (record.has_partition()) {
    const pb::Partition& partition = record.partition();
    IndexReplicas({FromPb(partition.topic_id()), partition.partition()}, {},
                  partition.state().replicas());
  }
  if (moves) {
    const pb::PartitionChange& change = record.partition_change();
    IndexReplicas({FromPb(change.topic_id()), change.partition()}, old_replicas,
                  change.state().replicas());
  }
  if (record.has_topic()) {
    names_by_metric_name_[MetricName(record.topic().name())].insert(record.topic().name());
  }
  if (removed != nullptr) ForgetTopic(*removed);
  return absl::OkStatus();
}

void ClusterState::IndexReplicas(const TopicPartitionId& partition,
                                 const std::vector<int32_t>& before,
                                 const google::protobuf::RepeatedField<int32_t>& now) {
  for (const int32_t id : before) partitions_by_broker_[id].erase(partition);
  for (const int32_t id : now) partitions_by_broker_[id].insert(partition);
}

void ClusterState::ForgetTopic(const TopicInfo& topic) {
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    for (const int32_t id : topic.partitions[i].replicas) {
      partitions_by_broker_[id].erase({topic.id, static_cast<int32_t>(i)});
    }
  }
  const auto names = names_by_metric_name_.find(MetricName(topic.name));
  names->second.erase(topic.name);
  if (names->second.empty()) names_by_metric_name_.erase(names);
}

const std::set<TopicPartitionId>& ClusterState::PartitionsOf(int32_t broker_id) const {
  const auto it = partitions_by_broker_.find(broker_id);
  return it == partitions_by_broker_.end() ? no_partitions_ : it->second;
}

std::string ClusterState::CollidingTopic(std::string_view name) const {
  const auto names = names_by_metric_name_.find(MetricName(name));
  if (names == names_by_metric_name_.end()) return {};
  for (const std::string& other : names->second) {
    if (other != name) return other;
  }
  return {};
}

std::string MetricName(std::string_view topic) {
  std::string name(topic);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

}  // namespace soliton::controller
