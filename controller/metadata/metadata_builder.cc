#include "controller/metadata/metadata_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

template <typename... Args>
absl::Status Contradiction(fmt::format_string<Args...> format, Args&&... args) {
  return absl::DataLossError("metadata record contradicts the state before it: " +
                             fmt::format(format, std::forward<Args>(args)...));
}

bool AmongReplicas(const PartitionInfo& partition, const std::vector<int32_t>& ids) {
  return std::all_of(ids.begin(), ids.end(), [&](int32_t id) {
    return std::find(partition.replicas.begin(), partition.replicas.end(), id) !=
           partition.replicas.end();
  });
}

}  // namespace

absl::Status MetadataBuilder::Apply(const pb::MetadataRecord& record, int64_t offset) {
  if (offset < image_.offset) {
    return Contradiction("offset {} after {}", offset, image_.offset);
  }
  absl::Status applied = ApplyKind(record);
  if (applied.ok()) image_.offset = offset;
  return applied;
}

absl::Status MetadataBuilder::ApplyKind(const pb::MetadataRecord& record) {
  using Kind = pb::MetadataRecord::KindCase;
  switch (record.kind_case()) {
    case Kind::kNoOp:
      return absl::OkStatus();
    case Kind::kVoters:
      image_.voters.clear();
      for (const pb::Voter& voter : record.voters().voters()) {
        image_.voters[voter.node_id()] = {voter.host(), static_cast<uint16_t>(voter.port())};
      }
      return absl::OkStatus();
    case Kind::kCluster:
      if (!image_.cluster_id.empty()) return Contradiction("second cluster id");
      image_.cluster_id = record.cluster().cluster_id();
      return absl::OkStatus();
    case Kind::kControllerChange:
      image_.controller_id = record.controller_change().controller_id();
      return absl::OkStatus();
    case Kind::kRegisterBroker:
      return ApplyRegisterBroker(record.register_broker());
    case Kind::kBrokerChange:
      return ApplyBrokerChange(record.broker_change());
    case Kind::kUnregisterBroker:
      return ApplyUnregisterBroker(record.unregister_broker());
    case Kind::kTopic:
      return ApplyTopic(record.topic());
    case Kind::kPartition:
      return ApplyPartition(record.partition());
    case Kind::kPartitionChange:
      return ApplyPartitionChange(record.partition_change());
    case Kind::kRemoveTopic:
      return ApplyRemoveTopic(record.remove_topic());
    case Kind::kTopicConfig:
      return ApplyTopicConfig(record.topic_config());
    case Kind::kBrokerConfig:
      return ApplyBrokerConfig(record.broker_config());
    case Kind::kProducerIds:
      return ApplyProducerIds(record.producer_ids());
    case Kind::kSnapshotHeader:
    case Kind::KIND_NOT_SET:
      break;
  }
  // A kind from a newer version: guessing that it may be skipped would let images diverge.
  return absl::DataLossError("metadata record of a kind this version does not know");
}

absl::Status MetadataBuilder::ApplyRegisterBroker(const pb::RegisterBroker& record) {
  const auto known = image_.brokers.find(record.broker_id());
  if (known != image_.brokers.end() && known->second.broker_epoch >= record.broker_epoch()) {
    return Contradiction("broker {} registered with epoch {} after epoch {}", record.broker_id(),
                         record.broker_epoch(), known->second.broker_epoch);
  }
  BrokerInfo broker;
  broker.broker_id = record.broker_id();
  broker.broker_epoch = record.broker_epoch();
  broker.confirmed_epoch =
      record.has_confirmed_epoch() ? record.confirmed_epoch() : record.broker_epoch();
  broker.life = record.life();
  broker.incarnation_id = FromPb(record.incarnation_id());
  broker.directory_id = FromPb(record.directory_id());
  broker.endpoint = Endpoint{record.host(), static_cast<uint16_t>(record.port())};
  if (record.has_rack()) broker.rack = record.rack();
  broker.fenced = record.fenced();
  broker.shutting_down = record.shutting_down();
  image_.brokers[record.broker_id()] = std::move(broker);
  delta_.brokers_changed = true;
  return absl::OkStatus();
}

absl::Status MetadataBuilder::ApplyBrokerChange(const pb::BrokerChange& record) {
  const auto known = image_.brokers.find(record.broker_id());
  if (known == image_.brokers.end() || known->second.broker_epoch != record.broker_epoch()) {
    return Contradiction("change of broker {} at epoch {}, which is not registered",
                         record.broker_id(), record.broker_epoch());
  }
  if (record.has_fenced()) {
    known->second.fenced = record.fenced();
    if (!record.fenced()) known->second.confirmed_epoch = record.broker_epoch();
  }
  known->second.life = std::max(known->second.life, record.life());
  if (record.has_shutting_down()) known->second.shutting_down = record.shutting_down();
  delta_.brokers_changed = true;
  return absl::OkStatus();
}

absl::Status MetadataBuilder::ApplyUnregisterBroker(const pb::UnregisterBroker& record) {
  const auto known = image_.brokers.find(record.broker_id());
  if (known == image_.brokers.end() || known->second.broker_epoch != record.broker_epoch()) {
    return Contradiction("broker {} at epoch {} leaves, which is not registered",
                         record.broker_id(), record.broker_epoch());
  }
  image_.brokers.erase(known);
  delta_.brokers_changed = true;
  return absl::OkStatus();
}

absl::Status MetadataBuilder::ApplyTopic(const pb::Topic& record) {
  const Uuid id = FromPb(record.id());
  if (image_.FindTopic(id) != nullptr || image_.FindTopic(record.name()) != nullptr) {
    return Contradiction("topic {} ({}) exists", record.name(), id.ToString());
  }
  auto topic = std::make_shared<TopicInfo>();
  topic->name = record.name();
  topic->id = id;
  image_.topics_by_name[topic->name] = topic;
  image_.topics_by_id[id] = topic;
  owned_topics_[id] = std::move(topic);
  delta_.deleted_topics.erase(id);
  delta_.changed_topics.insert(id);
  return absl::OkStatus();
}

absl::Status MetadataBuilder::ApplyPartition(const pb::Partition& record) {
  const Uuid id = FromPb(record.topic_id());
  const TopicInfo* topic = image_.FindTopic(id);
  if (topic == nullptr || static_cast<size_t>(record.partition()) != topic->partitions.size()) {
    return Contradiction("partition {} of topic id {} is not the next one", record.partition(),
                         id.ToString());
  }
  MutableTopic(id)->partitions.push_back(FromPb(record.state()));
  NotePartition(id, record.partition());
  return absl::OkStatus();
}

absl::Status MetadataBuilder::ApplyPartitionChange(const pb::PartitionChange& record) {
  const Uuid id = FromPb(record.topic_id());
  const PartitionInfo* known = image_.FindPartition(id, record.partition());
  if (known == nullptr) {
    return Contradiction("change of partition {} of topic id {}, which does not exist",
                         record.partition(), id.ToString());
  }
  PartitionInfo next = FromPb(record.state());
  if (next.partition_epoch != known->partition_epoch + 1 ||
      next.leader_epoch < known->leader_epoch || next.isr.empty()) {
    return Contradiction(
        "partition {} of topic id {} goes from leader epoch {}, partition epoch {} to {}, {}",
        record.partition(), id.ToString(), known->leader_epoch, known->partition_epoch,
        next.leader_epoch, next.partition_epoch);
  }
  if (next.replicas.empty()) next.replicas = known->replicas;
  if (!AmongReplicas(next, next.isr) || !AmongReplicas(next, next.adding_replicas) ||
      !AmongReplicas(next, next.removing_replicas)) {
    return Contradiction("partition {} of topic id {} names strangers among its replicas",
                         record.partition(), id.ToString());
  }
  MutableTopic(id)->partitions[static_cast<size_t>(record.partition())] = std::move(next);
  NotePartition(id, record.partition());
  return absl::OkStatus();
}

absl::Status MetadataBuilder::ApplyRemoveTopic(const pb::RemoveTopic& record) {
  const Uuid id = FromPb(record.id());
  const TopicInfo* topic = image_.FindTopic(id);
  if (topic == nullptr) return Contradiction("topic id {} does not exist", id.ToString());
  image_.topics_by_name.erase(image_.topics_by_name.find(topic->name));
  image_.topics_by_id.erase(id);
  owned_topics_.erase(id);
  delta_.changed_topics.erase(id);
  delta_.changed_partitions.erase(id);
  delta_.deleted_topics.insert(id);
  return absl::OkStatus();
}

absl::Status MetadataBuilder::ApplyTopicConfig(const pb::TopicConfig& record) {
  const Uuid id = FromPb(record.topic_id());
  TopicInfo* topic = MutableTopic(id);
  if (topic == nullptr) return Contradiction("setting {} of no topic", record.name());
  delta_.changed_topics.insert(id);
  delta_.changed_partitions.erase(id);
  if (record.has_value()) {
    topic->configs[record.name()] = record.value();
  } else {
    topic->configs.erase(record.name());
  }
  return absl::OkStatus();
}

absl::Status MetadataBuilder::ApplyBrokerConfig(const pb::BrokerConfig& record) {
  auto& configs = image_.broker_configs[record.broker_id()];
  if (record.has_value()) {
    configs[record.name()] = record.value();
  } else {
    configs.erase(record.name());
  }
  if (configs.empty()) image_.broker_configs.erase(record.broker_id());
  delta_.broker_configs_changed = true;
  return absl::OkStatus();
}

absl::Status MetadataBuilder::ApplyProducerIds(const pb::ProducerIds& record) {
  if (record.next_producer_id() < image_.next_producer_id) {
    return Contradiction("next producer id {} after {}", record.next_producer_id(),
                         image_.next_producer_id);
  }
  image_.next_producer_id = record.next_producer_id();
  return absl::OkStatus();
}

TopicInfo* MetadataBuilder::MutableTopic(const Uuid& id) {
  const auto shared = image_.topics_by_id.find(id);
  if (shared == image_.topics_by_id.end()) return nullptr;
  auto& owned = owned_topics_[id];
  if (owned == nullptr) {
    owned = std::make_shared<TopicInfo>(*shared->second);
    shared->second = owned;
    image_.topics_by_name.find(owned->name)->second = owned;
  }
  return owned.get();
}

void MetadataBuilder::NotePartition(const Uuid& topic_id, int32_t partition) {
  if (delta_.changed_topics.contains(topic_id)) return;
  delta_.changed_partitions[topic_id].insert(partition);
}

MetadataImagePtr MetadataBuilder::Build(MetadataDelta* delta) {
  *delta = std::exchange(delta_, {});
  owned_topics_.clear();
  return std::make_shared<const MetadataImage>(image_);
}

MetadataDelta DiffImages(const MetadataImage& from, const MetadataImage& to) {
  MetadataDelta delta;
  for (const auto& [id, topic] : from.topics_by_id) {
    if (!to.topics_by_id.contains(id)) delta.deleted_topics.insert(id);
  }
  for (const auto& [id, topic] : to.topics_by_id) {
    const TopicInfo* before = from.FindTopic(id);
    if (before == topic.get()) continue;
    if (before == nullptr || before->name != topic->name || before->configs != topic->configs ||
        before->partitions.size() > topic->partitions.size()) {
      delta.changed_topics.insert(id);
      continue;
    }
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      if (i < before->partitions.size() && before->partitions[i] == topic->partitions[i]) continue;
      delta.changed_partitions[id].insert(static_cast<int32_t>(i));
    }
  }
  delta.brokers_changed = from.brokers != to.brokers;
  delta.broker_configs_changed = from.broker_configs != to.broker_configs;
  return delta;
}

bool SameImages(const MetadataImage& a, const MetadataImage& b) {
  const MetadataDelta delta = DiffImages(a, b);
  return a.offset == b.offset && a.cluster_id == b.cluster_id &&
         a.controller_id == b.controller_id && a.next_producer_id == b.next_producer_id &&
         a.voters == b.voters && !delta.brokers_changed && !delta.broker_configs_changed &&
         delta.changed_topics.empty() && delta.changed_partitions.empty() &&
         delta.deleted_topics.empty() && a.topics_by_name.size() == b.topics_by_name.size();
}

}  // namespace soliton::controller
