// IncrementalAlterConfigs (44): sets, deletes, appends to and subtracts from dynamic settings of
// topics and brokers (KIP-339). Served 0-1.
#include "broker/handlers/config_changes.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/incremental_alter_configs.h"

namespace soliton::broker {
namespace {

using kafka::IncrementalAlterConfigsRequest;

void Handle(RequestPtr request) {
  AnswerConfigChanges<IncrementalAlterConfigsRequest>(request, false, [](const auto& config) {
    return controller::SettingChangeSpec{
        .name = config.name,
        .operation = static_cast<controller::SettingOperation>(config.config_operation),
        .value = config.value};
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
