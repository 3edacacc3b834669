// DescribeCluster (60): the brokers of the cluster, from this shard's image (KIP-700). Served 0-2.
// v1+ names the kind of endpoint (KIP-919): only brokers can be asked here; v2+ shows fenced
// brokers on demand (KIP-1073).
#include "broker/handlers/authorized_operations.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/describe_cluster.h"

namespace soliton::broker {
namespace {

using kafka::DescribeClusterRequest;
using kafka::DescribeClusterResponse;
using kafka::ErrorCode;

constexpr int8_t kBrokers = 1, kControllers = 2;

void Handle(RequestPtr request) {
  auto body = request->Decode<DescribeClusterRequest>();
  if (!body) return;
  const controller::MetadataImage& image = *request->home().image();
  DescribeClusterResponse response;
  if (body->endpoint_type != kBrokers) {
    const bool known = body->endpoint_type == kControllers;
    response.error_code =
        known ? ErrorCode::MISMATCHED_ENDPOINT_TYPE : ErrorCode::UNSUPPORTED_ENDPOINT_TYPE;
    response.error_message = known
                                 ? "this listener is a broker's; controllers are not described here"
                                 : fmt::format("there is no endpoint type {}", body->endpoint_type);
    return request->Reply(response);
  }
  response.cluster_id = image.cluster_id;
  response.controller_id = -1;
  for (const auto& [id, broker] : image.brokers) {
    if (!broker.fenced && response.controller_id < 0) response.controller_id = id;
    if (broker.fenced && !body->include_fenced_brokers) continue;
    auto& out = response.brokers.emplace_back();
    out.broker_id = id;
    out.host = broker.endpoint.host;
    out.port = broker.endpoint.port;
    out.rack = broker.rack;
    out.is_fenced = broker.fenced;
  }
  if (body->include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kAllClusterOperations;
  }
  request->Reply(response);
}

}  // namespace

extern const HandlerEntry kDescribeClusterHandler;
const HandlerEntry kDescribeClusterHandler{.api_key = DescribeClusterRequest::kApiKey,
                                           .min_version = 0,
                                           .max_version = 2,
                                           .handle = Handle};

}  // namespace soliton::broker
