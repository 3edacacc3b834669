// InitProducerId (22): a producer id for an idempotent producer, from a block that the controller
// granted. Served 0-5. Transactional ids need the transaction coordinator, which does not exist
// yet: COORDINATOR_NOT_AVAILABLE.
#include "broker/producer_ids.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/init_producer_id.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using kafka::InitProducerIdRequest;
using kafka::InitProducerIdResponse;

void Handle(RequestPtr request) {
  auto body = request->Decode<InitProducerIdRequest>();
  if (!body) return;
  // A producer that has an id has an epoch (KIP-360).
  const bool half_known = (body->producer_id == -1) != (body->producer_epoch == -1);
  if (body->transactional_id || half_known) {
    InitProducerIdResponse response;
    const bool bad = half_known || body->transactional_id->empty();
    response.error_code = bad ? ErrorCode::INVALID_REQUEST : ErrorCode::COORDINATOR_NOT_AVAILABLE;
    response.producer_id = -1;
    response.producer_epoch = -1;
    request->Reply(response);
    return;
  }
  request->home().NextProducerId([request](absl::StatusOr<int64_t> producer_id) {
    InitProducerIdResponse response;
    response.error_code =
        producer_id.ok() ? ErrorCode::NONE : ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    response.producer_id = producer_id.value_or(-1);
    response.producer_epoch = producer_id.ok() ? 0 : -1;
    request->Reply(response);
  });
}

}  // namespace

extern const HandlerEntry kInitProducerIdHandler;
const HandlerEntry kInitProducerIdHandler{.api_key = InitProducerIdRequest::kApiKey,
                                          .min_version = 0,
                                          .max_version = 5,
                                          .handle = Handle};

}  // namespace soliton::broker
