// FindCoordinator (10): served 0-6. Groups and transactions have no coordinators yet: every key is
// answered with COORDINATOR_NOT_AVAILABLE, which clients retry.
#include "broker/server/dispatch.h"
#include "protocol/messages/find_coordinator.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using kafka::FindCoordinatorRequest;
using kafka::FindCoordinatorResponse;

constexpr std::string_view kWhy = "consumer groups and transactions are not available yet";
constexpr int16_t kBatchVersion = 4;

void Handle(RequestPtr request) {
  auto body = request->Decode<FindCoordinatorRequest>();
  if (!body) return;
  FindCoordinatorResponse response;
  if (request->version() >= kBatchVersion) {
    for (const std::string& key : body->coordinator_keys) {
      auto& coordinator = response.coordinators.emplace_back();
      coordinator.key = key;
      coordinator.node_id = -1;
      coordinator.port = -1;
      coordinator.error_code = ErrorCode::COORDINATOR_NOT_AVAILABLE;
      coordinator.error_message = kWhy;
    }
  } else {
    response.node_id = -1;
    response.port = -1;
    response.error_code = ErrorCode::COORDINATOR_NOT_AVAILABLE;
    response.error_message = kWhy;
  }
  request->Reply(response);
}

}  // namespace

extern const HandlerEntry kFindCoordinatorHandler;
const HandlerEntry kFindCoordinatorHandler{.api_key = FindCoordinatorRequest::kApiKey,
                                           .min_version = 0,
                                           .max_version = 6,
                                           .handle = Handle};

}  // namespace soliton::broker
