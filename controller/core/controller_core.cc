#include "controller/core/controller_core.h"

#include <fmt/format.h>

#include "controller/core/isr_control.h"
#include "controller/core/leader_control.h"
#include "controller/core/producer_id_control.h"
#include "controller/core/reassignment_control.h"
#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

// Bounds one batch of the metadata log, and how much changes at once.
constexpr size_t kMaxBalancedAtOnce = 1000;

}  // namespace

ControllerCore::ControllerCore(CoreOptions options, Random& random)
    : options_(std::move(options)),
      brokers_(state_, options_),
      topics_(state_, options_, random),
      partitions_(state_, options_, random),
      configs_(state_, options_) {}

absl::Status ControllerCore::Replay(const pb::MetadataRecord& record, int64_t offset) {
  return state_.Replay(record, offset);
}

ControllerResult ControllerCore::Activate(const RequestContext& context, int32_t controller_epoch,
                                          const std::string& new_cluster_id) {
  ControllerResult result;
  if (image().cluster_id.empty()) {
    result.records.emplace_back().mutable_cluster()->set_cluster_id(new_cluster_id);
  }
  pb::ControllerChange* change = result.records.emplace_back().mutable_controller_change();
  change->set_controller_id(options_.node_id);
  change->set_controller_epoch(controller_epoch);
  brokers_.Activate(context.now);
  return result;
}

ControllerResult ControllerCore::BalanceLeaders() const {
  return soliton::controller::BalanceLeaders(state_, options_, kMaxBalancedAtOnce);
}

ControllerResult ControllerCore::Handle(const pb::ControlRequest& request,
                                        const RequestContext& context) {
  ControllerResult result = Dispatch(request, context);
  result.response.set_correlation_id(request.correlation_id());
  return result;
}

ControllerResult ControllerCore::Dispatch(const pb::ControlRequest& request,
                                          const RequestContext& context) {
  using Kind = pb::ControlRequest::KindCase;
  const auto with_epoch = [&](const auto& body, auto handle) {
    const kafka::ErrorCode stale = brokers_.CheckEpoch(body.broker_id(), body.broker_epoch());
    if (stale == kafka::ErrorCode::NONE) return handle();
    return Refusal(stale, fmt::format("broker {} epoch {}", body.broker_id(), body.broker_epoch()));
  };
  switch (request.kind_case()) {
    case Kind::kRegisterBroker:
      return brokers_.HandleRegister(request.register_broker(), context);
    case Kind::kHeartbeat:
      return brokers_.HandleHeartbeat(request.heartbeat(), context);
    case Kind::kAlterPartition:
      return with_epoch(request.alter_partition(), [&] {
        return HandleAlterPartition(state_, options_, request.alter_partition());
      });
    case Kind::kCreateTopics:
      return topics_.HandleCreate(request.create_topics());
    case Kind::kDeleteTopics:
      return topics_.HandleDelete(request.delete_topics());
    case Kind::kCreatePartitions:
      return partitions_.HandleCreate(request.create_partitions());
    case Kind::kAlterConfigs:
      return configs_.HandleAlter(request.alter_configs());
    case Kind::kElectLeaders:
      return HandleElectLeaders(state_, options_, request.elect_leaders());
    case Kind::kUnregisterBroker:
      return brokers_.HandleUnregister(request.unregister_broker());
    case Kind::kAlterReassignments:
      return HandleAlterReassignments(state_, options_, request.alter_reassignments());
    case Kind::kAllocateProducerIds:
      return with_epoch(request.allocate_producer_ids(), [&] {
        return HandleAllocateProducerIds(state_, request.allocate_producer_ids());
      });
    case Kind::kSubscribe:
    case Kind::kQuorum:
    case Kind::kPing:
    case Kind::kChangeVoters:
    case Kind::kDescribeQuorum:
    case Kind::KIND_NOT_SET:
      break;
  }
  return Refusal(kafka::ErrorCode::UNSUPPORTED_VERSION,
                 "the controller does not know this request");
}

}  // namespace soliton::controller
