// DescribeTopicPartitions (75): topics and partitions in pages, with eligible leader replicas
// (KIP-966). Served 0. Topics come in the order of their names; an answer holds at most 2000
// partitions and says where the next begins.
#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/describe_partition.h"
#include "broker/server/dispatch.h"
#include "controller/metadata/topic_name.h"
#include "protocol/messages/describe_topic_partitions.h"

namespace soliton::broker {
namespace {

using controller::TopicInfo;
using kafka::DescribeTopicPartitionsRequest;
using kafka::DescribeTopicPartitionsResponse;
using kafka::ErrorCode;

constexpr int32_t kMaxPartitions = 2000;  // Kafka's max.request.partition.size.limit

std::set<std::string> WantedTopics(const controller::MetadataImage& image,
                                   const DescribeTopicPartitionsRequest& body) {
  std::set<std::string> names;
  for (const auto& topic : body.topics) names.insert(topic.name);
  if (body.topics.empty()) {
    for (const auto& [name, topic] : image.topics_by_name) names.insert(name);
  }
  if (body.cursor) names.erase(names.begin(), names.lower_bound(body.cursor->topic_name));
  return names;
}

// A cursor goes on with a topic of the list.
bool IsBadCursor(const DescribeTopicPartitionsRequest& body) {
  if (!body.cursor) return false;
  if (body.cursor->partition_index < 0) return true;
  return !body.topics.empty() &&
         std::none_of(body.topics.begin(), body.topics.end(),
                      [&](const auto& topic) { return topic.name == body.cursor->topic_name; });
}

// Adds partitions of `topic` from `first` on, at most `room`; returns the first that is left out.
int32_t AddPartitions(const controller::MetadataImage& image, const TopicInfo& topic, int32_t first,
                      int32_t room,
                      DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic& out) {
  out.topic_id = topic.id;
  out.topic_authorized_operations = kAllTopicOperations;
  const int32_t count = static_cast<int32_t>(topic.partitions.size());
  const int32_t end = count - first > room ? first + room : count;
  for (int32_t index = first; index < end; ++index) {
    const controller::PartitionInfo& info = topic.partitions[static_cast<size_t>(index)];
    auto& partition = out.partitions.emplace_back();
    DescribePartition(image, info, index, partition);
    partition.eligible_leader_replicas = info.eligible_leaders;
    partition.last_known_elr.emplace();
    if (info.last_known_leader) partition.last_known_elr->push_back(*info.last_known_leader);
  }
  return end;
}

void Handle(RequestPtr request) {
  auto body = request->Decode<DescribeTopicPartitionsRequest>();
  if (!body) return;
  const controller::MetadataImage& image = *request->home().image();
  DescribeTopicPartitionsResponse response;
  if (IsBadCursor(*body)) {
    // The message has no error of its own; each topic gets it.
    for (const auto& topic : body->topics) {
      auto& out = response.topics.emplace_back();
      out.name = topic.name;
      out.error_code = ErrorCode::INVALID_REQUEST;
    }
    return request->Reply(response);
  }
  int32_t room = std::clamp(body->response_partition_limit, 1, kMaxPartitions);
  for (const std::string& name : WantedTopics(image, *body)) {
    if (room == 0) {
      auto& next = response.next_cursor.emplace();
      next.topic_name = name;
      next.partition_index = 0;
      break;
    }
    auto& out = response.topics.emplace_back();
    out.name = name;
    const TopicInfo* topic = image.FindTopic(name);
    if (topic == nullptr) {
      out.topic_authorized_operations = kAllTopicOperations;
      out.error_code = controller::CheckTopicName(name).ok() ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                                                             : ErrorCode::INVALID_TOPIC_EXCEPTION;
      continue;
    }
    const bool resumed = body->cursor && body->cursor->topic_name == name;
    const int32_t first = resumed ? body->cursor->partition_index : 0;
    const int32_t end = AddPartitions(image, *topic, first, room, out);
    room -= static_cast<int32_t>(out.partitions.size());
    if (end < static_cast<int32_t>(topic->partitions.size())) {
      auto& next = response.next_cursor.emplace();
      next.topic_name = name;
      next.partition_index = end;
      break;
    }
  }
  request->Reply(response);
}

}  // namespace

extern const HandlerEntry kDescribeTopicPartitionsHandler;
const HandlerEntry kDescribeTopicPartitionsHandler{
    .api_key = DescribeTopicPartitionsRequest::kApiKey,
    .min_version = 0,
    .max_version = 0,
    .handle = Handle};

}  // namespace soliton::broker
