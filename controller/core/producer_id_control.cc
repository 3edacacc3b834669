#include "controller/core/producer_id_control.h"

#include <limits>

#include "controller/metadata/convert.h"

namespace soliton::controller {

ControllerResult HandleAllocateProducerIds(const ClusterState& state,
                                           const pb::AllocateProducerIdsRequest& request) {
  ControllerResult result;
  const int64_t first = state.image().next_producer_id;
  if (first > std::numeric_limits<int64_t>::max() - kProducerIdBlockSize) {
    result.response.set_error(ToPb(kafka::ErrorCode::UNKNOWN_SERVER_ERROR));
    result.response.set_error_message("all producer ids have been handed out");
    return result;
  }
  pb::ProducerIds* record = result.records.emplace_back().mutable_producer_ids();
  record->set_broker_id(request.broker_id());
  record->set_broker_epoch(request.broker_epoch());
  record->set_next_producer_id(first + kProducerIdBlockSize);
  pb::AllocateProducerIdsResponse* response = result.response.mutable_allocate_producer_ids();
  response->set_first(first);
  response->set_count(kProducerIdBlockSize);
  return result;
}

}  // namespace soliton::controller
