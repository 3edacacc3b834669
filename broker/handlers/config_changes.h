// What AlterConfigs and IncrementalAlterConfigs share: the controller judges and writes, each
// resource is answered by itself.
#pragma once

#include <functional>
#include <vector>

#include "broker/server/request.h"
#include "controller/client/controller_client.h"
#include "protocol/session/response_of.h"

namespace soliton::broker {

// Asks the controller; `reply` gets a result per resource, in order, on the request's shard. By
// then this broker acts on the change: its image came before the controller's answer.
void AlterConfigs(const RequestPtr& request, std::vector<controller::ResourceChangeSpec> resources,
                  bool validate_only,
                  std::function<void(const std::vector<controller::ResourceResult>&)> reply);

// Answers a `Request` of either API. `change_of` makes a change of each setting that it names;
// `replace`: other dynamic settings of the resource go.
template <typename Request, typename ChangeOf>
void AnswerConfigChanges(const RequestPtr& request, bool replace, ChangeOf change_of) {
  auto body = request->Decode<Request>();
  if (!body) return;
  std::vector<controller::ResourceChangeSpec> resources;
  for (const auto& resource : body->resources) {
    controller::ResourceChangeSpec& spec = resources.emplace_back();
    spec.type = resource.resource_type;
    spec.name = resource.resource_name;
    spec.replace = replace;
    for (const auto& config : resource.configs) spec.changes.push_back(change_of(config));
  }
  AlterConfigs(request, std::move(resources), body->validate_only, [request](const auto& results) {
    kafka::ResponseOf<Request> response;
    for (const controller::ResourceResult& result : results) {
      auto& out = response.responses.emplace_back();
      out.error_code = result.error;
      out.error_message = std::nullopt;
      if (result.error != kafka::ErrorCode::NONE) out.error_message = result.error_message;
      out.resource_type = result.type;
      out.resource_name = result.name;
    }
    request->Reply(response);
  });
}

}  // namespace soliton::broker
