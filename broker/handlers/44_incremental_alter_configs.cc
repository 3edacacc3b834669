// IncrementalAlterConfigs (44): sets, deletes, appends to and subtracts from dynamic settings of
// topics and brokers (KIP-339). Served 0-1.
#include "broker/handlers/config_changes.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/incremental_alter_configs.h"

namespace soliton::broker {
namespace {

using controller::ResourceChangeSpec;
using kafka::IncrementalAlterConfigsRequest;
using kafka::IncrementalAlterConfigsResponse;

void Handle(RequestPtr request) {
  auto body = request->Decode<IncrementalAlterConfigsRequest>();
  if (!body) return;
  std::vector<ResourceChangeSpec> resources;
  for (const auto& resource : body->resources) {
    ResourceChangeSpec& spec = resources.emplace_back();
    spec.type = resource.resource_type;
    spec.name = resource.resource_name;
    for (const auto& config : resource.configs) {
      spec.changes.push_back(
          {.name = config.name,
           .operation = static_cast<controller::SettingOperation>(config.config_operation),
           .value = config.value});
    }
  }
  AlterConfigs(request, std::move(resources), body->validate_only, [request](const auto& results) {
    request->Reply(ToConfigResponse<IncrementalAlterConfigsResponse>(results));
  });
}

}  // namespace

extern const HandlerEntry kIncrementalAlterConfigsHandler;
const HandlerEntry kIncrementalAlterConfigsHandler{
    .api_key = IncrementalAlterConfigsRequest::kApiKey,
    .min_version = 0,
    .max_version = 1,
    .handle = Handle};

}  // namespace soliton::broker
