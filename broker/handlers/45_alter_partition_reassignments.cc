// AlterPartitionReassignments (45): which replicas partitions are to have (KIP-455); the controller
// decides. Served 0-1; since 1 a request may insist on the replication factor (KIP-860).
#include "broker/handlers/controller_call.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/alter_partition_reassignments.h"

namespace soliton::broker {
namespace {

using controller::PartitionResult;
using controller::ReassignmentSpec;
using kafka::AlterPartitionReassignmentsRequest;
using kafka::AlterPartitionReassignmentsResponse;
using kafka::ErrorCode;

std::vector<ReassignmentSpec> ToSpecs(const AlterPartitionReassignmentsRequest& body) {
  std::vector<ReassignmentSpec> specs;
  for (const auto& topic : body.topics) {
    for (const auto& partition : topic.partitions) {
      specs.push_back({.topic = topic.name,
                       .partition = partition.partition_index,
                       .replicas = partition.replicas});
    }
  }
  return specs;
}

AlterPartitionReassignmentsResponse ToResponse(
    const AlterPartitionReassignmentsRequest& body,
    const absl::StatusOr<std::vector<PartitionResult>>& results) {
  AlterPartitionReassignmentsResponse response;
  response.allow_replication_factor_change = body.allow_replication_factor_change;
  response.error_message = std::nullopt;
  if (!results.ok()) {
    response.error_code = ControllerCallError(results.status());
    response.error_message = std::string(results.status().message());
  }
  size_t next = 0;
  for (const auto& topic : body.topics) {
    auto& out_topic = response.responses.emplace_back();
    out_topic.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& out = out_topic.partitions.emplace_back();
      out.partition_index = partition.partition_index;
      out.error_code = response.error_code;
      out.error_message = response.error_message;
      if (!results.ok()) continue;
      const PartitionResult& result = (*results)[next++];
      out.error_code = result.error;
      if (result.error != ErrorCode::NONE) out.error_message = result.error_message;
    }
  }
  return response;
}

void Handle(RequestPtr request) {
  auto body = request->Decode<AlterPartitionReassignmentsRequest>();
  if (!body) return;
  const Duration timeout = ControllerCallTimeout(body->timeout_ms);
  const bool keep = request->version() >= 1 && !body->allow_replication_factor_change;
  request->home().AskController(
      [request, body = *std::move(body), timeout, keep](controller::ControllerClient& client) {
        client.AlterReassignments(ToSpecs(body), keep, timeout, [request, body](auto results) {
          request->home().shard().Post([request, body, results = std::move(results)] {
            request->Reply(ToResponse(body, results));
          });
        });
      });
}

}  // namespace

extern const HandlerEntry kAlterPartitionReassignmentsHandler;
const HandlerEntry kAlterPartitionReassignmentsHandler{
    .api_key = AlterPartitionReassignmentsRequest::kApiKey,
    .min_version = 0,
    .max_version = 1,
    .handle = Handle};

}  // namespace soliton::broker
