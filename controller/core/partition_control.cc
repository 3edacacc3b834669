#include "controller/core/partition_control.h"

#include <fmt/format.h>

#include <map>

#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;

}  // namespace

PartitionControl::Problem PartitionControl::CheckManual(const TopicInfo& topic, size_t wanted,
                                                        const ReplicaLists& replicas) const {
  if (replicas.size() != wanted) {
    return {
        ErrorCode::INVALID_REPLICA_ASSIGNMENT,
        fmt::format("{} partitions are to be added, but {} are assigned", wanted, replicas.size())};
  }
  const absl::Status valid = CheckManualReplicas(state_.image(), replicas);
  if (!valid.ok()) return {ErrorCode::INVALID_REPLICA_ASSIGNMENT, std::string(valid.message())};
  const size_t replication_factor = topic.partitions[0].replication_factor();
  if (replicas[0].size() != replication_factor) {
    return {ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            fmt::format("a partition with {} replicas is assigned, the others of topic {} have {}",
                        replicas[0].size(), topic.name, replication_factor)};
  }
  return {};
}

PartitionControl::Problem PartitionControl::Choose(const pb::MorePartitions& request, int64_t room,
                                                   ReplicaLists* added) {
  const TopicInfo* topic = state_.image().FindTopic(request.name());
  if (topic == nullptr) {
    // The name itself is not repeated: it may hold anything.
    return {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "there is no topic of that name"};
  }
  const auto present = static_cast<int64_t>(topic->partitions.size());
  if (request.count() == present) {
    return {ErrorCode::INVALID_PARTITIONS,
            fmt::format("Topic already has {} partition(s).", present)};
  }
  if (request.count() < present) {
    return {ErrorCode::INVALID_PARTITIONS,
            fmt::format("The topic {} currently has {} partition(s); {} would not be an increase.",
                        topic->name, present, request.count())};
  }
  const int64_t wanted = request.count() - present;
  if (wanted > room) {
    return {ErrorCode::POLICY_VIOLATION, fmt::format("one request may create at most {} partitions",
                                                     options_.max_partitions_per_request)};
  }
  if (request.manual()) {
    *added = FromPb(request.assignments());
    return CheckManual(*topic, static_cast<size_t>(wanted), *added);
  }
  const auto replication_factor = static_cast<int32_t>(topic->partitions[0].replication_factor());
  absl::StatusOr<ReplicaLists> placed =
      PlaceAmongBrokers(state_.image(), static_cast<int32_t>(wanted), replication_factor, random_);
  if (!placed.ok()) {
    return {ErrorCode::INVALID_REPLICATION_FACTOR, std::string(placed.status().message())};
  }
  *added = *std::move(placed);
  return {};
}

ControllerResult PartitionControl::HandleCreate(const pb::CreatePartitionsRequest& request) {
  ControllerResult result;
  std::map<std::string, int> times_named;
  for (const pb::MorePartitions& topic : request.topics()) ++times_named[topic.name()];
  auto* answers = result.response.mutable_topics()->mutable_results();
  int64_t room = options_.max_partitions_per_request;
  for (const pb::MorePartitions& topic : request.topics()) {
    pb::TopicResult* answer = answers->Add();
    answer->set_name(topic.name());
    answer->set_partition_count(-1);
    answer->set_replication_factor(-1);
    ReplicaLists added;
    const Problem problem = times_named.at(topic.name()) > 1
                                ? Problem{ErrorCode::INVALID_REQUEST, "Duplicate topic name."}
                                : Choose(topic, room, &added);
    if (problem.error != ErrorCode::NONE) {
      answer->set_error(ToPb(problem.error));
      answer->set_error_message(problem.message);
      continue;
    }
    room -= static_cast<int64_t>(added.size());
    const TopicInfo& present = *state_.image().FindTopic(topic.name());
    ToPb(present.id, answer->mutable_topic_id());
    answer->set_partition_count(topic.count());
    answer->set_replication_factor(static_cast<int32_t>(added[0].size()));
    if (request.validate_only()) continue;
    auto next = static_cast<int32_t>(present.partitions.size());
    for (const std::vector<int32_t>& replicas : added) {
      AddNewPartition(state_.image(), present.id, next++, replicas, &result);
    }
  }
  return result;
}

}  // namespace soliton::controller
