#include "controller/metadata/metadata_image.h"

namespace soliton::controller {

const TopicInfo* MetadataImage::FindTopic(std::string_view name) const {
  const auto it = topics_by_name.find(name);
  return it == topics_by_name.end() ? nullptr : it->second.get();
}

const TopicInfo* MetadataImage::FindTopic(const Uuid& id) const {
  const auto it = topics_by_id.find(id);
  return it == topics_by_id.end() ? nullptr : it->second.get();
}

const BrokerInfo* MetadataImage::FindBroker(int32_t broker_id) const {
  const auto it = brokers.find(broker_id);
  return it == brokers.end() ? nullptr : &it->second;
}

const std::map<std::string, std::string>& MetadataImage::BrokerConfigs(int32_t broker_id) const {
  static const std::map<std::string, std::string> kNone;
  const auto it = broker_configs.find(broker_id);
  return it == broker_configs.end() ? kNone : it->second;
}

const PartitionInfo* MetadataImage::FindPartition(const Uuid& topic_id, int32_t partition) const {
  const TopicInfo* topic = FindTopic(topic_id);
  if (topic == nullptr || partition < 0) return nullptr;
  const auto index = static_cast<size_t>(partition);
  return index < topic->partitions.size() ? &topic->partitions[index] : nullptr;
}

}  // namespace soliton::controller
