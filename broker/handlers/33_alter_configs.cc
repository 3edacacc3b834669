// AlterConfigs (33): replaces all dynamic settings of a resource by those named. Served 0-2.
// Deprecated in Kafka for IncrementalAlterConfigs, because two clients that change different
// settings undo each other.
#include "broker/handlers/config_changes.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/alter_configs.h"

namespace soliton::broker {
namespace {

using controller::ResourceChangeSpec;
using kafka::AlterConfigsRequest;
using kafka::AlterConfigsResponse;

void Handle(RequestPtr request) {
  auto body = request->Decode<AlterConfigsRequest>();
  if (!body) return;
  std::vector<ResourceChangeSpec> resources;
  for (const auto& resource : body->resources) {
    ResourceChangeSpec& spec = resources.emplace_back();
    spec.type = resource.resource_type;
    spec.name = resource.resource_name;
    spec.replace = true;
    for (const auto& config : resource.configs) {
      spec.changes.push_back({.name = config.name, .value = config.value});
    }
  }
  AlterConfigs(request, std::move(resources), body->validate_only, [request](const auto& results) {
    request->Reply(ToConfigResponse<AlterConfigsResponse>(results));
  });
}

}  // namespace

extern const HandlerEntry kAlterConfigsHandler;
const HandlerEntry kAlterConfigsHandler{
    .api_key = AlterConfigsRequest::kApiKey, .min_version = 0, .max_version = 2, .handle = Handle};

}  // namespace soliton::broker
