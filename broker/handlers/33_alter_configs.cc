// AlterConfigs (33): replaces all dynamic settings of a resource by those named. Served 0-2.
// Deprecated in Kafka for IncrementalAlterConfigs, because two clients that change different
// settings undo each other.
#include "broker/handlers/config_changes.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/alter_configs.h"

namespace soliton::broker {
namespace {

using kafka::AlterConfigsRequest;

void Handle(RequestPtr request) {
  AnswerConfigChanges<AlterConfigsRequest>(request, true, [](const auto& config) {
    return controller::SettingChangeSpec{.name = config.name, .value = config.value};
  });
}

}  // namespace

extern const HandlerEntry kAlterConfigsHandler;
const HandlerEntry kAlterConfigsHandler{
    .api_key = AlterConfigsRequest::kApiKey, .min_version = 0, .max_version = 2, .handle = Handle};

}  // namespace soliton::broker
