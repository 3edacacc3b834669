#include "controller/core/reassignment_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "controller/core/partition_elector.h"
#include "controller/core/topic_rules.h"
#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using Ids = std::vector<int32_t>;

// A request that would make a larger batch of the metadata log is refused.
constexpr int kMaxPartitionsPerRequest = 10000;

struct Problem {
  ErrorCode error = ErrorCode::NONE;
  std::string message;
};

bool Contains(const Ids& list, int32_t id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

Ids Without(const Ids& list, const Ids& gone) {
  Ids kept;
  for (const int32_t id : list) {
    if (!Contains(gone, id)) kept.push_back(id);
  }
  return kept;
}

// What the partition had, and has again when the reassignment is taken back.
Ids Original(const PartitionInfo& partition) {
  return Without(partition.replicas, partition.adding_replicas);
}

ReplicaAssignment Towards(const PartitionInfo& current, const Ids& target) {
  const Ids original = Original(current);
  ReplicaAssignment assignment;
  assignment.adding = Without(target, original);
  assignment.removing = Without(original, target);
  assignment.replicas = target;
  assignment.replicas.insert(assignment.replicas.end(), assignment.removing.begin(),
                             assignment.removing.end());
  return assignment;
}

// Whether somebody is left who has all that is committed, and can lead if somebody leads now.
bool SomebodyIsLeft(const PartitionInfo& current, const Ids& replicas,
                    const PartitionRules& rules) {
  const Ids gone = Without(current.replicas, replicas);
  if (gone.empty()) return true;
  const auto any_active = [&](const Ids& ids) {
    return std::any_of(ids.begin(), ids.end(), rules.is_active);
  };
  const Ids in_sync = Without(current.isr, gone);
  if (current.leader == kNoLeader ? !in_sync.empty() : any_active(in_sync)) return true;
  if (any_active(Without(current.eligible_leaders, gone))) return true;
  return rules.unclean_leader_election && any_active(replicas);
}

Problem CheckTarget(const MetadataImage& image, const PartitionInfo& current, const Ids& target,
                    bool keep_replication_factor) {
  std::set<int32_t> registered;
  for (const auto& [id, broker] : image.brokers) registered.insert(id);
  if (const absl::Status valid = CheckAssignments({target}, registered); !valid.ok()) {
    return {ErrorCode::INVALID_REPLICA_ASSIGNMENT, std::string(valid.message())};
  }
  if (keep_replication_factor && target.size() != Original(current).size()) {
    return {ErrorCode::INVALID_REPLICATION_FACTOR,
            fmt::format("{} replicas are given, the partition has {}, and the request does not "
                        "allow a change of the replication factor",
                        target.size(), Original(current).size())};
  }
  return {};
}

class Reassigner {
 public:
  Reassigner(const ClusterState& state, const CoreOptions& options,
             const pb::AlterReassignmentsRequest& request)
      : state_(state), options_(options), request_(request) {
    for (const pb::Reassignment& asked : request.partitions()) {
      ++times_named_[{asked.topic(), asked.partition()}];
    }
  }

  Problem Alter(const pb::Reassignment& asked, ControllerResult* result) const {
    if (times_named_.at({asked.topic(), asked.partition()}) > 1) {
      return {ErrorCode::INVALID_REQUEST, "the request names the partition more than once"};
    }
    if (result->records.size() >= kMaxPartitionsPerRequest) {
      return {ErrorCode::POLICY_VIOLATION,
              fmt::format("one request may move at most {} partitions", kMaxPartitionsPerRequest)};
    }
    const TopicInfo* topic = state_.image().FindTopic(asked.topic());
    if (topic == nullptr) {
      return {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "there is no topic of that name"};
    }
    const PartitionInfo* current = state_.image().FindPartition(topic->id, asked.partition());
    if (current == nullptr) {
      return {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
              fmt::format("topic {} has no partition {}", topic->name, asked.partition())};
    }
    PartitionEvent event;
    if (asked.has_replicas()) {
      const Ids target(asked.replicas().replicas().begin(), asked.replicas().replicas().end());
      Problem problem =
          CheckTarget(state_.image(), *current, target, request_.keep_replication_factor());
      if (problem.error != ErrorCode::NONE) return problem;
      event.assignment = Towards(*current, target);
    } else if (current->reassigning()) {
      event.assignment = {.replicas = Original(*current), .adding = {}, .removing = {}};
    } else {
      return {ErrorCode::NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress."};
    }
    return Decide(*topic, asked.partition(), *current, event, result);
  }

 private:
  Problem Decide(const TopicInfo& topic, int32_t partition, const PartitionInfo& current,
                 const PartitionEvent& event, ControllerResult* result) const {
    const BrokerTransition nobody_moves;
    const PartitionRules rules = RulesFor(state_, options_, topic, current, nobody_moves);
    if (!SomebodyIsLeft(current, event.assignment->replicas, rules)) {
      return {ErrorCode::INVALID_REPLICA_ASSIGNMENT,
              fmt::format("nobody but replicas that came with the reassignment under way is in "
                          "sync: without them partition {} of topic {} would need an unclean "
                          "leader election",
                          partition, topic.name)};
    }
    if (const auto decision = DecidePartition(current, event, rules)) {
      AddPartitionChange(topic, partition, current, *decision, result);
    }
    return {};
  }

  const ClusterState& state_;
  const CoreOptions& options_;
  const pb::AlterReassignmentsRequest& request_;
  std::map<std::pair<std::string, int32_t>, int> times_named_;
};

}  // namespace

ControllerResult HandleAlterReassignments(const ClusterState& state, const CoreOptions& options,
                                          const pb::AlterReassignmentsRequest& request) {
  ControllerResult result;
  result.cause = "a reassignment was asked for";
  auto* answers = result.response.mutable_partitions()->mutable_results();
  const Reassigner reassigner(state, options, request);
  for (const pb::Reassignment& asked : request.partitions()) {
    Problem problem = reassigner.Alter(asked, &result);
    pb::PartitionResult* answer = answers->Add();
    answer->set_topic(asked.topic());
    answer->set_partition(asked.partition());
    answer->set_error(ToPb(problem.error));
    answer->set_error_message(std::move(problem.message));
  }
  return result;
}

}  // namespace soliton::controller
