// UnregisterBroker (64): forgets a broker that is gone for good (KIP-500); the controller decides.
// Served 0.
#include "broker/handlers/controller_call.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/unregister_broker.h"

namespace soliton::broker {
namespace {

using controller::WholeResult;
using kafka::UnregisterBrokerRequest;
using kafka::UnregisterBrokerResponse;

void Handle(RequestPtr request) {
  auto body = request->Decode<UnregisterBrokerRequest>();
  if (!body) return;
  request->home().AskController(
      [request, id = body->broker_id](controller::ControllerClient& client) {
        client.UnregisterBroker(id, [request](absl::StatusOr<WholeResult> result) {
          request->home().shard().Post([request, result = std::move(result)] {
            request->Reply(WholeResponse<UnregisterBrokerResponse>(result));
          });
        });
      });
}

}  // namespace

extern const HandlerEntry kUnregisterBrokerHandler;
const HandlerEntry kUnregisterBrokerHandler{.api_key = UnregisterBrokerRequest::kApiKey,
                                            .min_version = 0,
                                            .max_version = 0,
                                            .handle = Handle};

}  // namespace soliton::broker
