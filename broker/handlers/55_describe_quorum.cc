// DescribeQuorum (55): who votes on the cluster's metadata, and how far each has it (KIP-595,
// KIP-836, KIP-853); the leader of the quorum says it. Served 0-2. There is one topic to ask for.
#include "broker/handlers/controller_call.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/describe_quorum.h"

namespace soliton::broker {
namespace {

using controller::QuorumDescription;
using kafka::DescribeQuorumRequest;
using kafka::DescribeQuorumResponse;
using kafka::ErrorCode;
using PartitionData = DescribeQuorumResponse::PartitionData;

constexpr std::string_view kMetadataTopic = "__cluster_metadata";
constexpr std::string_view kListenerName = "CONTROLLER";

bool AsksForMetadata(const DescribeQuorumRequest& body) {
  return body.topics.size() == 1 && body.topics[0].topic_name == kMetadataTopic &&
         body.topics[0].partitions.size() == 1 && body.topics[0].partitions[0].partition_index == 0;
}

// What was asked for, each with the error.
DescribeQuorumResponse UnknownPartitions(const DescribeQuorumRequest& body) {
  DescribeQuorumResponse response;
  response.error_message = std::nullopt;
  for (const auto& topic : body.topics) {
    auto& out_topic = response.topics.emplace_back();
    out_topic.topic_name = topic.topic_name;
    for (const auto& partition : topic.partitions) {
      PartitionData& out = out_topic.partitions.emplace_back();
      out.partition_index = partition.partition_index;
      out.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
      out.error_message = fmt::format("only {}-0 can be described", kMetadataTopic);
    }
  }
  return response;
}

void AddReplicas(const std::vector<QuorumDescription::Replica>& replicas,
                 std::vector<DescribeQuorumResponse::ReplicaState>& out) {
  for (const QuorumDescription::Replica& replica : replicas) {
    auto& state = out.emplace_back();
    state.replica_id = replica.node_id;
    state.replica_directory_id = replica.directory_id;
    state.log_end_offset = replica.log_end_offset;
    state.last_fetch_timestamp = replica.last_fetch_ms;
    state.last_caught_up_timestamp = replica.last_caught_up_ms;
  }
}

DescribeQuorumResponse ToResponse(const absl::StatusOr<QuorumDescription>& quorum) {
  DescribeQuorumResponse response;
  response.error_message = std::nullopt;
  if (!quorum.ok()) {
    response.error_code = ControllerCallError(quorum.status());
    response.error_message = std::string(quorum.status().message());
    return response;
  }
  auto& topic = response.topics.emplace_back();
  topic.topic_name = kMetadataTopic;
  PartitionData& partition = topic.partitions.emplace_back();
  partition.error_message = std::nullopt;
  partition.leader_id = quorum->leader_id;
  partition.leader_epoch = quorum->leader_epoch;
  partition.high_watermark = quorum->high_watermark;
  AddReplicas(quorum->voters, partition.current_voters);
  AddReplicas(quorum->observers, partition.observers);
  for (const QuorumDescription::Node& node : quorum->nodes) {
    auto& out = response.nodes.emplace_back();
    out.node_id = node.node_id;
    auto& listener = out.listeners.emplace_back();
    listener.name = kListenerName;
    listener.host = node.endpoint.host;
    listener.port = node.endpoint.port;
  }
  return response;
}

void Handle(RequestPtr request) {
  auto body = request->Decode<DescribeQuorumRequest>();
  if (!body) return;
  if (!AsksForMetadata(*body)) return request->Reply(UnknownPartitions(*body));
  request->home().AskController([request](controller::ControllerClient& client) {
    client.DescribeQuorum([request](absl::StatusOr<QuorumDescription> quorum) {
      request->home().shard().Post(
          [request, quorum = std::move(quorum)] { request->Reply(ToResponse(quorum)); });
    });
  });
}

}  // namespace

extern const HandlerEntry kDescribeQuorumHandler;
const HandlerEntry kDescribeQuorumHandler{.api_key = DescribeQuorumRequest::kApiKey,
                                          .min_version = 0,
                                          .max_version = 2,
                                          .handle = Handle};

}  // namespace soliton::broker
