// What AlterConfigs and IncrementalAlterConfigs share: the controller judges and writes, each
// resource is answered by itself.
#pragma once

#include <functional>
#include <vector>

#include "broker/server/request.h"
#include "controller/client/controller_client.h"

namespace soliton::broker {

// Asks the controller; `reply` gets a result per resource, in order, on the request's shard. By
// then this broker acts on the change: its image came before the controller's answer.
void AlterConfigs(const RequestPtr& request, std::vector<controller::ResourceChangeSpec> resources,
                  bool validate_only,
                  std::function<void(const std::vector<controller::ResourceResult>&)> reply);

// `Response` is that of either API.
template <typename Response>
Response ToConfigResponse(const std::vector<controller::ResourceResult>& results) {
  Response response;
  for (const controller::ResourceResult& result : results) {
    auto& out = response.responses.emplace_back();
    out.error_code = result.error;
    out.error_message = std::nullopt;
    if (result.error != kafka::ErrorCode::NONE) out.error_message = result.error_message;
    out.resource_type = result.type;
    out.resource_name = result.name;
  }
  return response;
}

}  // namespace soliton::broker
