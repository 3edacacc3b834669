// The cluster's brain: a function from (state, request) to (records, response). Replicated state
// changes only in Replay, in the order of the log; whoever calls Handle appends the records of its
// result as one batch, replays them at once, and sends the response when they are committed.
// Between Handle and Replay nothing else may be handled. One owner; no clock, no I/O, no logging;
// random choices come from the injected Random.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "controller/core/broker_registry.h"
#include "controller/core/cluster_state.h"
#include "controller/core/config_control.h"
#include "controller/core/core_types.h"
#include "controller/core/partition_control.h"
#include "controller/core/topic_control.h"
#include "runtime/base/random.h"

namespace soliton::controller {

class ControllerCore {
 public:
  ControllerCore(CoreOptions options, Random& random);
  ControllerCore(const ControllerCore&) = delete;
  ControllerCore& operator=(const ControllerCore&) = delete;

  // An error means that log and state contradict each other: the controller must stop.
  absl::Status Replay(const pb::MetadataRecord& record, int64_t offset);

  // The log is replayed and this node is in charge, in this epoch of the quorum. Records to append
  // first: the cluster id when there is none yet (`new_cluster_id`), and that the controller
  // changed.
  ControllerResult Activate(const RequestContext& context, int32_t controller_epoch,
                            const std::string& new_cluster_id);

  // Every kind of request except subscribe and describe_quorum, which are the shell's. The
  // correlation id is copied.
  ControllerResult Handle(const pb::ControlRequest& request, const RequestContext& context);

  ControllerResult FenceExpired(MonotonicTime now) { return brokers_.FenceExpired(now); }
  // Leaderships that preferred replicas lack, a batch of them: call again as long as it does
  // something.
  ControllerResult BalanceLeaders() const;
  ControllerResult FenceUnreachable(const BrokerIncarnation& broker) {
    return brokers_.FenceUnreachable(broker);
  }
  std::vector<BrokerIncarnation> SilentBrokers(MonotonicTime now) const {
    return brokers_.Silent(now);
  }
  ControllerResult FenceSilent(const BrokerIncarnation& broker, MonotonicTime asked_at) {
    return brokers_.FenceSilent(broker, asked_at);
  }
  std::optional<BrokerIncarnation> Disconnected(ConnectionId connection) {
    return brokers_.Disconnected(connection);
  }
  std::vector<BrokerIncarnation> UnconnectedBrokers() const { return brokers_.Unconnected(); }
  std::vector<BrokerProgress> Followers() const { return brokers_.Followers(); }

  const MetadataImage& image() const { return state_.image(); }
  const ClusterState& state() const { return state_; }

 private:
  ControllerResult Dispatch(const pb::ControlRequest& request, const RequestContext& context);

  const CoreOptions options_;
  ClusterState state_;
  BrokerRegistry brokers_;
  TopicControl topics_;
  PartitionControl partitions_;
  ConfigControl configs_;
};

}  // namespace soliton::controller
