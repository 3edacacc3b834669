#include "controller/client/request_conversion.h"

#include <fmt/format.h>

#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

// The response when it answers the request as a whole.
absl::Status CheckWhole(const absl::StatusOr<pb::ControlResponse>& response) {
  if (!response.ok()) return response.status();
  if (response->error() == 0) return absl::OkStatus();
  return absl::UnavailableError(fmt::format(
      "{}: {}", kafka::ErrorName(ErrorFromPb(response->error())), response->error_message()));
}

absl::Status WrongShape() {
  return absl::DeadlineExceededError("the controller's answer does not fit the request");
}

TopicResult FromResult(const pb::TopicResult& from) {
  TopicResult result;
  result.name = from.name();
  result.topic_id = FromPb(from.topic_id());
  result.error = ErrorFromPb(from.error());
  result.error_message = from.error_message();
  result.partition_count = from.partition_count();
  result.replication_factor = from.replication_factor();
  result.configs = FromPb(from.configs());
  return result;
}

QuorumDescription::Replica FromReplica(const pb::QuorumReplicaState& from) {
  return {.node_id = from.node_id(),
          .directory_id = FromPb(from.directory_id()),
          .log_end_offset = from.log_end_offset(),
          .last_fetch_ms = from.last_fetch_ms(),
          .last_caught_up_ms = from.last_caught_up_ms()};
}

}  // namespace

pb::ControlRequest ToRegister(const ControllerClientOptions& options,
                              const std::string& cluster_id) {
  pb::ControlRequest request;
  pb::RegisterBrokerRequest* out = request.mutable_register_broker();
  out->set_cluster_id(cluster_id);
  out->set_broker_id(options.broker_id);
  ToPb(options.incarnation_id, out->mutable_incarnation_id());
  ToPb(options.directory_id, out->mutable_directory_id());
  out->set_host(options.advertised.host);
  out->set_port(options.advertised.port);
  if (options.rack) out->set_rack(*options.rack);
  out->set_previous_broker_epoch(options.previous_broker_epoch);
  out->set_first_life(options.first_life);
  for (const auto& [topic_id, partition] : options.lost_replicas) {
    pb::LostReplica* lost = out->add_lost_replicas();
    ToPb(topic_id, lost->mutable_topic_id());
    lost->set_partition(partition);
  }
  return request;
}

pb::ControlRequest ToAlterPartition(int32_t broker_id, int64_t broker_epoch,
                                    const std::vector<IsrChangeRequest>& changes) {
  pb::ControlRequest request;
  pb::AlterPartitionRequest* out = request.mutable_alter_partition();
  out->set_broker_id(broker_id);
  out->set_broker_epoch(broker_epoch);
  for (const IsrChangeRequest& change : changes) {
    pb::IsrChange* entry = out->add_changes();
    ToPb(change.topic_id, entry->mutable_topic_id());
    entry->set_partition(change.partition);
    entry->set_leader_epoch(change.leader_epoch);
    entry->set_partition_epoch(change.partition_epoch);
    for (const IsrChangeRequest::Member& member : change.new_isr) {
      pb::IsrMember* isr = entry->add_new_isr();
      isr->set_broker_id(member.broker_id);
      isr->set_broker_epoch(member.broker_epoch);
    }
  }
  return request;
}

pb::ControlRequest ToCreateTopics(const std::vector<CreateTopicSpec>& topics, bool validate_only) {
  pb::ControlRequest request;
  pb::CreateTopicsRequest* out = request.mutable_create_topics();
  out->set_validate_only(validate_only);
  for (const CreateTopicSpec& topic : topics) {
    pb::NewTopic* entry = out->add_topics();
    entry->set_name(topic.name);
    entry->set_partition_count(topic.partition_count);
    entry->set_replication_factor(topic.replication_factor);
    for (const std::vector<int32_t>& replicas : topic.assignments) {
      entry->add_assignments()->mutable_replicas()->Add(replicas.begin(), replicas.end());
    }
    ToPb(topic.configs, entry->mutable_configs());
  }
  return request;
}

pb::ControlRequest ToDeleteTopics(const std::vector<DeleteTopicSpec>& topics) {
  pb::ControlRequest request;
  pb::DeleteTopicsRequest* out = request.mutable_delete_topics();
  for (const DeleteTopicSpec& topic : topics) {
    pb::TopicToDelete* entry = out->add_topics();
    entry->set_name(topic.name);
    ToPb(topic.topic_id, entry->mutable_topic_id());
  }
  return request;
}

pb::ControlRequest ToCreatePartitions(const std::vector<MorePartitionsSpec>& topics,
                                      bool validate_only) {
  pb::ControlRequest request;
  pb::CreatePartitionsRequest* out = request.mutable_create_partitions();
  out->set_validate_only(validate_only);
  for (const MorePartitionsSpec& topic : topics) {
    pb::MorePartitions* entry = out->add_topics();
    entry->set_name(topic.name);
    entry->set_count(topic.count);
    if (!topic.assignments) continue;
    entry->set_manual(true);
    for (const std::vector<int32_t>& replicas : *topic.assignments) {
      entry->add_assignments()->mutable_replicas()->Add(replicas.begin(), replicas.end());
    }
  }
  return request;
}

pb::ControlRequest ToAlterConfigs(const std::vector<ResourceChangeSpec>& resources,
                                  bool validate_only) {
  pb::ControlRequest request;
  pb::AlterConfigsRequest* out = request.mutable_alter_configs();
  out->set_validate_only(validate_only);
  for (const ResourceChangeSpec& resource : resources) {
    pb::ResourceChange* entry = out->add_resources();
    entry->set_type(resource.type);
    entry->set_name(resource.name);
    entry->set_replace(resource.replace);
    for (const SettingChangeSpec& change : resource.changes) {
      pb::SettingChange* setting = entry->add_changes();
      setting->set_name(change.name);
      setting->set_operation(static_cast<int32_t>(change.operation));
      if (change.value) setting->set_value(*change.value);
    }
  }
  return request;
}

pb::ControlRequest ToElectLeaders(const ElectionSpec& election) {
  pb::ControlRequest request;
  pb::ElectLeadersRequest* out = request.mutable_elect_leaders();
  out->set_election_type(election.type);
  out->set_all(!election.partitions);
  if (!election.partitions) return request;
  for (const PartitionSpec& partition : *election.partitions) {
    pb::TopicPartitionName* entry = out->add_partitions();
    entry->set_topic(partition.topic);
    entry->set_partition(partition.partition);
  }
  return request;
}

pb::ControlRequest ToAlterReassignments(const std::vector<ReassignmentSpec>& partitions,
                                        bool keep_replication_factor) {
  pb::ControlRequest request;
  pb::AlterReassignmentsRequest* out = request.mutable_alter_reassignments();
  out->set_keep_replication_factor(keep_replication_factor);
  for (const ReassignmentSpec& partition : partitions) {
    pb::Reassignment* entry = out->add_partitions();
    entry->set_topic(partition.topic);
    entry->set_partition(partition.partition);
    if (!partition.replicas) continue;
    entry->mutable_replicas()->mutable_replicas()->Add(partition.replicas->begin(),
                                                       partition.replicas->end());
  }
  return request;
}

pb::ControlRequest ToChangeVoters(const VoterChange& change) {
  pb::ControlRequest request;
  pb::ChangeVotersRequest* out = request.mutable_change_voters();
  out->set_add(change.add);
  out->set_without_commit(change.without_commit);
  pb::Voter* voter = out->mutable_voter();
  voter->set_node_id(change.node_id);
  ToPb(change.directory_id, voter->mutable_directory_id());
  voter->set_host(change.endpoint.host);
  voter->set_port(change.endpoint.port);
  return request;
}

pb::ControlRequest ToAllocateProducerIds(int32_t broker_id, int64_t broker_epoch) {
  pb::ControlRequest request;
  request.mutable_allocate_producer_ids()->set_broker_id(broker_id);
  request.mutable_allocate_producer_ids()->set_broker_epoch(broker_epoch);
  return request;
}

absl::StatusOr<std::vector<IsrChangeResult>> FromAlterPartition(
    const absl::StatusOr<pb::ControlResponse>& response, size_t count) {
  if (absl::Status whole = CheckWhole(response); !whole.ok()) return whole;
  const auto& from = response->alter_partition().results();
  if (static_cast<size_t>(from.size()) != count) return WrongShape();
  std::vector<IsrChangeResult> results;
  for (const pb::IsrChangeResult& entry : from) {
    results.push_back({.error = ErrorFromPb(entry.error()), .partition = FromPb(entry.state())});
  }
  return results;
}

absl::StatusOr<std::vector<TopicResult>> FromTopics(
    const absl::StatusOr<pb::ControlResponse>& response, size_t count) {
  if (absl::Status whole = CheckWhole(response); !whole.ok()) return whole;
  const auto& from = response->topics().results();
  if (static_cast<size_t>(from.size()) != count) return WrongShape();
  std::vector<TopicResult> results;
  for (const pb::TopicResult& entry : from) results.push_back(FromResult(entry));
  return results;
}

absl::StatusOr<std::vector<ResourceResult>> FromAlterConfigs(
    const absl::StatusOr<pb::ControlResponse>& response, size_t count) {
  if (absl::Status whole = CheckWhole(response); !whole.ok()) return whole;
  const auto& from = response->alter_configs().results();
  if (static_cast<size_t>(from.size()) != count) return WrongShape();
  std::vector<ResourceResult> results;
  for (const pb::ResourceResult& entry : from) {
    results.push_back({.type = static_cast<int8_t>(entry.type()),
                       .name = entry.name(),
                       .error = ErrorFromPb(entry.error()),
                       .error_message = entry.error_message()});
  }
  return results;
}

absl::StatusOr<std::vector<PartitionResult>> FromPartitions(
    const absl::StatusOr<pb::ControlResponse>& response, std::optional<size_t> count) {
  if (absl::Status whole = CheckWhole(response); !whole.ok()) return whole;
  const auto& from = response->partitions().results();
  if (count && static_cast<size_t>(from.size()) != *count) return WrongShape();
  std::vector<PartitionResult> results;
  for (const pb::PartitionResult& entry : from) {
    results.push_back({.topic = entry.topic(),
                       .partition = entry.partition(),
                       .error = ErrorFromPb(entry.error()),
                       .error_message = entry.error_message()});
  }
  return results;
}

absl::StatusOr<WholeResult> FromWhole(const absl::StatusOr<pb::ControlResponse>& response) {
  if (!response.ok()) return response.status();
  const kafka::ErrorCode error = ErrorFromPb(response->error());
  if (error == kafka::ErrorCode::NOT_CONTROLLER) return CheckWhole(response);
  return WholeResult{.error = error, .error_message = response->error_message()};
}

absl::StatusOr<QuorumDescription> FromDescribeQuorum(
    const absl::StatusOr<pb::ControlResponse>& response) {
  if (absl::Status whole = CheckWhole(response); !whole.ok()) return whole;
  if (!response->has_describe_quorum()) return WrongShape();
  const pb::DescribeQuorumResponse& from = response->describe_quorum();
  QuorumDescription quorum{.leader_id = from.leader_id(),
                           .leader_epoch = from.leader_epoch(),
                           .high_watermark = from.high_watermark(),
                           .voters = {},
                           .observers = {},
                           .nodes = {}};
  for (const auto& voter : from.voters()) quorum.voters.push_back(FromReplica(voter));
  for (const auto& observer : from.observers()) quorum.observers.push_back(FromReplica(observer));
  for (const pb::QuorumNode& node : from.nodes()) {
    quorum.nodes.push_back(
        {.node_id = node.node_id(), .endpoint = {node.host(), static_cast<uint16_t>(node.port())}});
  }
  return quorum;
}

absl::StatusOr<ProducerIdBlock> FromAllocateProducerIds(
    const absl::StatusOr<pb::ControlResponse>& response) {
  if (absl::Status whole = CheckWhole(response); !whole.ok()) return whole;
  const pb::AllocateProducerIdsResponse& block = response->allocate_producer_ids();
  if (block.first() < 0 || block.count() <= 0) return WrongShape();
  return ProducerIdBlock{.first = block.first(), .count = block.count()};
}

}  // namespace soliton::controller
