// ElectLeaders (43): gives partitions to their preferred replicas (KIP-183), or, on an operator's
// word, to whoever is left (KIP-460); the controller decides. Served 0-2. Version 0 knows preferred
// elections only.
#include "broker/handlers/controller_call.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/elect_leaders.h"

namespace soliton::broker {
namespace {

using controller::ElectionSpec;
using controller::PartitionResult;
using kafka::ElectLeadersRequest;
using kafka::ElectLeadersResponse;
using kafka::ErrorCode;

ElectionSpec ToSpec(const ElectLeadersRequest& body, int16_t version) {
  ElectionSpec spec;
  spec.type = version == 0 ? int8_t{0} : body.election_type;
  if (!body.topic_partitions) return spec;
  auto& partitions = spec.partitions.emplace();
  for (const auto& topic : *body.topic_partitions) {
    for (const int32_t partition : topic.partitions) partitions.push_back({topic.topic, partition});
  }
  return spec;
}

// Consecutive results of one topic are one entry, as the request had them.
void AddResult(const PartitionResult& result, ElectLeadersResponse& response) {
  auto& topics = response.replica_election_results;
  if (topics.empty() || topics.back().topic != result.topic) {
    topics.emplace_back().topic = result.topic;
  }
  auto& out = topics.back().partition_result.emplace_back();
  out.partition_id = result.partition;
  out.error_code = result.error;
  out.error_message = std::nullopt;
  if (result.error != ErrorCode::NONE) out.error_message = result.error_message;
}

// The same error for the whole request and for each partition that it names.
ElectLeadersResponse Refusal(const ElectionSpec& spec, ErrorCode error,
                             const std::string& message) {
  ElectLeadersResponse response;
  response.error_code = error;
  if (!spec.partitions) return response;
  for (const controller::PartitionSpec& partition : *spec.partitions) {
    AddResult({.topic = partition.topic,
               .partition = partition.partition,
               .error = error,
               .error_message = message},
              response);
  }
  return response;
}

ElectLeadersResponse ToResponse(const ElectionSpec& spec,
                                const absl::StatusOr<std::vector<PartitionResult>>& results) {
  if (!results.ok()) {
    return Refusal(spec, ControllerCallError(results.status()),
                   std::string(results.status().message()));
  }
  ElectLeadersResponse response;
  for (const PartitionResult& result : *results) AddResult(result, response);
  return response;
}

void Handle(RequestPtr request) {
  auto body = request->Decode<ElectLeadersRequest>();
  if (!body) return;
  const ElectionSpec spec = ToSpec(*body, request->version());
  if (spec.type != 0 && spec.type != 1) {
    return request->Reply(Refusal(spec, ErrorCode::INVALID_REQUEST,
                                  fmt::format("Unknown election type {}", spec.type)));
  }
  const Duration timeout = ControllerCallTimeout(body->timeout_ms);
  request->home().AskController([request, spec, timeout](controller::ControllerClient& client) {
    client.ElectLeaders(spec, timeout, [request, spec](auto results) {
      request->home().shard().Post([request, spec, results = std::move(results)] {
        request->Reply(ToResponse(spec, results));
      });
    });
  });
}

}  // namespace

extern const HandlerEntry kElectLeadersHandler;
const HandlerEntry kElectLeadersHandler{
    .api_key = ElectLeadersRequest::kApiKey, .min_version = 0, .max_version = 2, .handle = Handle};

}  // namespace soliton::broker
