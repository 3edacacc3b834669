#include "controller/core/isr_control.h"

#include <algorithm>
#include <set>

#include "controller/core/partition_elector.h"
#include "controller/metadata/convert.h"
#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;

// The checks, in the order in which their answers help the leader most: is it still the leader, is
// its view of the partition the newest, does the proposal make sense, may each member be in sync.
ErrorCode CheckChange(const ClusterState& state, int32_t sender, const PartitionInfo& current,
                      const pb::IsrChange& change) {
  if (change.leader_epoch() > current.leader_epoch ||
      change.partition_epoch() > current.partition_epoch) {
    return ErrorCode::NOT_CONTROLLER;  // it has seen what this controller has not
  }
  if (!SOLITON_MUTANT("isr_change_of_old_leader_epoch") &&
      change.leader_epoch() < current.leader_epoch) {
    SOMETIMES("an ISR change of an old leader epoch was refused");
    return ErrorCode::FENCED_LEADER_EPOCH;
  }
  if (sender != current.leader) return ErrorCode::INVALID_REQUEST;
  if (!SOLITON_MUTANT("kip966_partition_epoch") &&
      change.partition_epoch() < current.partition_epoch) {
    SOMETIMES("an ISR change of an old partition epoch was refused");
    return ErrorCode::INVALID_UPDATE_VERSION;
  }

  std::set<int32_t> members;
  for (const pb::IsrMember& member : change.new_isr()) {
    const bool is_replica = std::find(current.replicas.begin(), current.replicas.end(),
                                      member.broker_id()) != current.replicas.end();
    if (!is_replica || !members.insert(member.broker_id()).second) {
      return ErrorCode::INVALID_REQUEST;
    }
  }
  if (!members.contains(current.leader)) return ErrorCode::INVALID_REQUEST;

  for (const pb::IsrMember& member : change.new_isr()) {
    const BrokerInfo* broker = state.image().FindBroker(member.broker_id());
    const bool same_incarnation =
        SOLITON_MUTANT("kip966_member_broker_epoch") ||
        (broker != nullptr && broker->broker_epoch == member.broker_epoch());
    if (broker == nullptr || !broker->usable() || !same_incarnation) {
      SOMETIMES("an ISR change named a broker that may not be in sync");
      return ErrorCode::INELIGIBLE_REPLICA;
    }
  }
  return ErrorCode::NONE;
}

std::vector<int32_t> ProposedIsr(const pb::IsrChange& change) {
  std::vector<int32_t> isr;
  for (const pb::IsrMember& member : change.new_isr()) isr.push_back(member.broker_id());
  return isr;
}

}  // namespace

ControllerResult HandleAlterPartition(const ClusterState& state, const CoreOptions& options,
                                      const pb::AlterPartitionRequest& request) {
  ControllerResult result;
  auto* results = result.response.mutable_alter_partition()->mutable_results();
  std::set<TopicPartitionId> seen;
  const BrokerTransition nobody_moves;
  for (const pb::IsrChange& change : request.changes()) {
    pb::IsrChangeResult* answer = results->Add();
    const Uuid topic_id = FromPb(change.topic_id());
    const TopicInfo* topic = state.image().FindTopic(topic_id);
    const PartitionInfo* current = state.image().FindPartition(topic_id, change.partition());
    ErrorCode error = ErrorCode::NONE;
    if (topic == nullptr) {
      error = ErrorCode::UNKNOWN_TOPIC_ID;
    } else if (current == nullptr) {
      error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    } else if (!seen.emplace(topic_id, change.partition()).second) {
      error = ErrorCode::INVALID_REQUEST;  // the second one would be judged on the state before the
                                           // first
    } else {
      error = CheckChange(state, request.broker_id(), *current, change);
    }
    answer->set_error(ToPb(error));
    if (error != ErrorCode::NONE) continue;

    PartitionEvent event;
    event.new_isr = ProposedIsr(change);
    const auto decision =
        DecidePartition(*current, event, RulesFor(state, options, *topic, *current, nobody_moves));
    if (decision) AddPartitionChange(*topic, change.partition(), *current, *decision, &result);
    ToPb(decision ? decision->next : *current, answer->mutable_state());
  }
  return result;
}

}  // namespace soliton::controller
