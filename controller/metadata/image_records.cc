#include "controller/metadata/image_records.h"

#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

using Emit = std::function<void(const pb::MetadataRecord&)>;

void EmitVoters(const std::map<int32_t, Endpoint>& voters, const Emit& emit) {
  if (voters.empty()) return;
  pb::MetadataRecord record;
  for (const auto& [id, endpoint] : voters) {
    pb::Voter* out = record.mutable_voters()->add_voters();
    out->set_node_id(id);
    out->set_host(endpoint.host);
    out->set_port(endpoint.port);
  }
  emit(record);
}

void EmitBroker(const BrokerInfo& broker, const Emit& emit) {
  pb::MetadataRecord record;
  pb::RegisterBroker* out = record.mutable_register_broker();
  out->set_broker_id(broker.broker_id);
  out->set_broker_epoch(broker.broker_epoch);
  out->set_confirmed_epoch(broker.confirmed_epoch);
  out->set_life(broker.life);
  ToPb(broker.incarnation_id, out->mutable_incarnation_id());
  ToPb(broker.directory_id, out->mutable_directory_id());
  out->set_host(broker.endpoint.host);
  out->set_port(broker.endpoint.port);
  if (broker.rack) out->set_rack(*broker.rack);
  out->set_fenced(broker.fenced);
  out->set_shutting_down(broker.shutting_down);
  emit(record);
}

void EmitTopic(const TopicInfo& topic, const Emit& emit) {
  pb::MetadataRecord record;
  record.mutable_topic()->set_name(topic.name);
  ToPb(topic.id, record.mutable_topic()->mutable_id());
  emit(record);
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    pb::MetadataRecord partition;
    pb::Partition* out = partition.mutable_partition();
    ToPb(topic.id, out->mutable_topic_id());
    out->set_partition(static_cast<int32_t>(i));
    ToPb(topic.partitions[i], out->mutable_state());
    emit(partition);
  }
  for (const auto& [name, value] : topic.configs) {
    pb::MetadataRecord config;
    pb::TopicConfig* out = config.mutable_topic_config();
    ToPb(topic.id, out->mutable_topic_id());
    out->set_name(name);
    out->set_value(value);
    emit(config);
  }
}

void EmitBrokerConfigs(int32_t broker_id, const std::map<std::string, std::string>& configs,
                       const Emit& emit) {
  for (const auto& [name, value] : configs) {
    pb::MetadataRecord record;
    record.mutable_broker_config()->set_broker_id(broker_id);
    record.mutable_broker_config()->set_name(name);
    record.mutable_broker_config()->set_value(value);
    emit(record);
  }
}

}  // namespace

void ImageToRecords(const MetadataImage& image, const Emit& emit) {
  pb::MetadataRecord record;
  if (!image.cluster_id.empty()) {
    record.mutable_cluster()->set_cluster_id(image.cluster_id);
    emit(record);
  }
  // Epochs are not part of the image; the id alone rebuilds it.
  record.mutable_controller_change()->set_controller_id(image.controller_id);
  emit(record);
  record.mutable_producer_ids()->set_broker_id(-1);
  record.mutable_producer_ids()->set_broker_epoch(-1);
  record.mutable_producer_ids()->set_next_producer_id(image.next_producer_id);
  emit(record);
  EmitVoters(image.voters, emit);
  for (const auto& [id, broker] : image.brokers) EmitBroker(broker, emit);
  for (const auto& [id, configs] : image.broker_configs) EmitBrokerConfigs(id, configs, emit);
  for (const auto& [id, topic] : image.topics_by_id) EmitTopic(*topic, emit);
}

}  // namespace soliton::controller
