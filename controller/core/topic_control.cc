#include "controller/core/topic_control.h"

#include <fmt/format.h>

#include "config/topic_config.h"
#include "controller/core/topic_rules.h"
#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;

void SetProblem(ErrorCode error, std::string message, pb::TopicResult* answer) {
  answer->set_error(ToPb(error));
  answer->set_error_message(std::move(message));
}

}  // namespace

TopicControl::Problem TopicControl::CheckConfigs(const pb::NewTopic& topic) const {
  const absl::Status valid = config::ValidateTopicConfigs(FromPb(topic.configs()));
  if (valid.ok()) return {};
  return {ErrorCode::INVALID_CONFIG, std::string(valid.message())};
}

TopicControl::Problem TopicControl::CheckManual(const pb::NewTopic& topic) const {
  if (topic.partition_count() != -1 || topic.replication_factor() != -1) {
    return {ErrorCode::INVALID_REQUEST,
            "partition count and replication factor must be -1 when replicas are assigned"};
  }
  const absl::Status valid = CheckManualReplicas(state_.image(), FromPb(topic.assignments()));
  if (valid.ok()) return {};
  return {ErrorCode::INVALID_REPLICA_ASSIGNMENT, std::string(valid.message())};
}

TopicControl::Problem TopicControl::CheckNew(const pb::NewTopic& topic,
                                             const std::map<std::string, int>& times_named) const {
  if (times_named.at(topic.name()) > 1) {
    return {ErrorCode::INVALID_REQUEST, "the request names the topic more than once"};
  }
  if (const absl::Status valid = CheckTopicName(topic.name()); !valid.ok()) {
    return {ErrorCode::INVALID_TOPIC_EXCEPTION, std::string(valid.message())};
  }
  if (state_.image().FindTopic(topic.name()) != nullptr) {
    return {ErrorCode::TOPIC_ALREADY_EXISTS, fmt::format("topic {} exists", topic.name())};
  }
  if (const std::string other = state_.CollidingTopic(topic.name()); !other.empty()) {
    return {ErrorCode::INVALID_TOPIC_EXCEPTION,
            fmt::format("topic {} collides with {}: they differ only in '.' and '_'", topic.name(),
                        other)};
  }
  if (const Problem problem = CheckConfigs(topic); problem.error != ErrorCode::NONE) {
    return problem;
  }
  if (topic.assignments_size() > 0) return CheckManual(topic);
  if (topic.partition_count() == 0 || topic.partition_count() < -1) {
    return {ErrorCode::INVALID_PARTITIONS,
            fmt::format("the number of partitions is {}, it must be at least 1",
                        topic.partition_count())};
  }
  if (topic.replication_factor() == 0 || topic.replication_factor() < -1) {
    return {ErrorCode::INVALID_REPLICATION_FACTOR,
            fmt::format("the replication factor is {}, it must be at least 1",
                        topic.replication_factor())};
  }
  return {};
}

TopicControl::Problem TopicControl::Place(const pb::NewTopic& topic, ReplicaLists* replicas) {
  if (topic.assignments_size() > 0) {
    *replicas = FromPb(topic.assignments());
    return {};
  }
  const int32_t partition_count =
      topic.partition_count() == -1 ? options_.default_partitions : topic.partition_count();
  const int32_t replication_factor = topic.replication_factor() == -1
                                         ? options_.default_replication_factor
                                         : topic.replication_factor();
  absl::StatusOr<ReplicaLists> placed =
      PlaceAmongBrokers(state_.image(), partition_count, replication_factor, random_);
  if (!placed.ok()) {
    return {ErrorCode::INVALID_REPLICATION_FACTOR, std::string(placed.status().message())};
  }
  *replicas = *std::move(placed);
  return {};
}

void TopicControl::AddTopic(const pb::NewTopic& topic, const Uuid& id, const ReplicaLists& replicas,
                            ControllerResult* result) const {
  pb::Topic* created = result->records.emplace_back().mutable_topic();
  created->set_name(topic.name());
  ToPb(id, created->mutable_id());
  // Settings before partitions: whoever applies record by record knows min.insync.replicas in time.
  for (const auto& [name, value] : FromPb(topic.configs())) {
    pb::TopicConfig* config = result->records.emplace_back().mutable_topic_config();
    ToPb(id, config->mutable_topic_id());
    config->set_name(name);
    config->set_value(value);
  }
  for (size_t p = 0; p < replicas.size(); ++p) {
    AddNewPartition(state_.image(), id, static_cast<int32_t>(p), replicas[p], result);
  }
}

ControllerResult TopicControl::HandleCreate(const pb::CreateTopicsRequest& request) {
  ControllerResult result;
  std::map<std::string, int> times_named;
  for (const pb::NewTopic& topic : request.topics()) ++times_named[topic.name()];

  auto* answers = result.response.mutable_topics()->mutable_results();
  std::map<std::string, std::string> created_metric_names;
  int64_t partitions = 0;
  for (const pb::NewTopic& topic : request.topics()) {
    pb::TopicResult* answer = answers->Add();
    answer->set_name(topic.name());
    answer->set_partition_count(-1);
    answer->set_replication_factor(-1);
    Problem problem = CheckNew(topic, times_named);
    const auto twin = created_metric_names.find(MetricName(topic.name()));
    if (problem.error == ErrorCode::NONE && twin != created_metric_names.end()) {
      problem = {ErrorCode::INVALID_TOPIC_EXCEPTION,
                 fmt::format("topic {} collides with {}: they differ only in '.' and '_'",
                             topic.name(), twin->second)};
    }
    const int64_t asked_for = topic.assignments_size() > 0    ? topic.assignments_size()
                              : topic.partition_count() == -1 ? options_.default_partitions
                                                              : topic.partition_count();
    if (problem.error == ErrorCode::NONE &&
        partitions + asked_for > options_.max_partitions_per_request) {
      problem = {ErrorCode::POLICY_VIOLATION,
                 fmt::format("one request may create at most {} partitions",
                             options_.max_partitions_per_request)};
    }
    ReplicaLists replicas;
    if (problem.error == ErrorCode::NONE) problem = Place(topic, &replicas);
    if (problem.error != ErrorCode::NONE) {
      SetProblem(problem.error, std::move(problem.message), answer);
      continue;
    }
    partitions += asked_for;
    created_metric_names[MetricName(topic.name())] = topic.name();
    answer->set_partition_count(static_cast<int32_t>(replicas.size()));
    answer->set_replication_factor(static_cast<int32_t>(replicas[0].size()));
    *answer->mutable_configs() = topic.configs();
    if (request.validate_only()) continue;
    const Uuid id = Uuid::Generate(random_);
    ToPb(id, answer->mutable_topic_id());
    AddTopic(topic, id, replicas, &result);
  }
  return result;
}

ControllerResult TopicControl::HandleDelete(const pb::DeleteTopicsRequest& request) {
  ControllerResult result;
  auto* answers = result.response.mutable_topics()->mutable_results();
  std::set<Uuid> deleted;
  // Whoever names a topic twice may mean two: neither is deleted.
  std::map<std::string, int> times_asked;
  for (const pb::TopicToDelete& asked : request.topics()) ++times_asked[asked.SerializeAsString()];
  for (const pb::TopicToDelete& asked : request.topics()) {
    pb::TopicResult* answer = answers->Add();
    const Uuid asked_id = FromPb(asked.topic_id());
    answer->set_name(asked.name());
    ToPb(asked_id, answer->mutable_topic_id());
    const bool by_id = !asked_id.is_zero();
    if (times_asked.at(asked.SerializeAsString()) > 1) {
      SetProblem(ErrorCode::INVALID_REQUEST, "the request names the topic more than once", answer);
      continue;
    }
    if (by_id != asked.name().empty()) {
      SetProblem(ErrorCode::INVALID_REQUEST, "name a topic either by its name or by its id",
                 answer);
      continue;
    }
    const TopicInfo* topic =
        by_id ? state_.image().FindTopic(asked_id) : state_.image().FindTopic(asked.name());
    if (topic == nullptr) {
      SetProblem(by_id ? ErrorCode::UNKNOWN_TOPIC_ID : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                 "there is no such topic", answer);
      continue;
    }
    if (!deleted.insert(topic->id).second) {
      SetProblem(ErrorCode::INVALID_REQUEST, "the request names the topic more than once", answer);
      continue;
    }
    answer->set_name(topic->name);
    ToPb(topic->id, answer->mutable_topic_id());
    ToPb(topic->id, result.records.emplace_back().mutable_remove_topic()->mutable_id());
  }
  return result;
}

}  // namespace soliton::controller
