// ListPartitionReassignments (46): which partitions are being moved (KIP-455), from this shard's
// image. Served 0. What is not being moved, or does not exist, is not in the answer.
#include "broker/server/dispatch.h"
#include "protocol/messages/list_partition_reassignments.h"

namespace soliton::broker {
namespace {

using controller::PartitionInfo;
using controller::TopicInfo;
using kafka::ListPartitionReassignmentsRequest;
using kafka::ListPartitionReassignmentsResponse;
using OngoingTopic = ListPartitionReassignmentsResponse::OngoingTopicReassignment;

void AddPartition(const TopicInfo& topic, int32_t index, OngoingTopic& out) {
  if (index < 0 || static_cast<size_t>(index) >= topic.partitions.size()) return;
  const PartitionInfo& info = topic.partitions[static_cast<size_t>(index)];
  if (!info.reassigning()) return;
  auto& partition = out.partitions.emplace_back();
  partition.partition_index = index;
  partition.replicas = info.replicas;
  partition.adding_replicas = info.adding_replicas;
  partition.removing_replicas = info.removing_replicas;
}

void AddTopic(OngoingTopic topic, ListPartitionReassignmentsResponse& response) {
  if (!topic.partitions.empty()) response.topics.push_back(std::move(topic));
}

void Handle(RequestPtr request) {
  auto body = request->Decode<ListPartitionReassignmentsRequest>();
  if (!body) return;
  const controller::MetadataImage& image = *request->home().image();
  ListPartitionReassignmentsResponse response;
  response.error_message = std::nullopt;
  if (body->topics) {
    for (const auto& wanted : *body->topics) {
      const TopicInfo* topic = image.FindTopic(wanted.name);
      if (topic == nullptr) continue;
      OngoingTopic out;
      out.name = topic->name;
      for (const int32_t index : wanted.partition_indexes) AddPartition(*topic, index, out);
      AddTopic(std::move(out), response);
    }
    return request->Reply(response);
  }
  for (const auto& [name, topic] : image.topics_by_name) {
    OngoingTopic out;
    out.name = name;
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      AddPartition(*topic, static_cast<int32_t>(i), out);
    }
    AddTopic(std::move(out), response);
  }
  request->Reply(response);
}

}  // namespace

extern const HandlerEntry kListPartitionReassignmentsHandler;
const HandlerEntry kListPartitionReassignmentsHandler{
    .api_key = ListPartitionReassignmentsRequest::kApiKey,
    .min_version = 0,
    .max_version = 0,
    .handle = Handle};

}  // namespace soliton::broker
