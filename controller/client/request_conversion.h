// Between the client's plain types and the control-plane messages. Answers come from outside: their
// shape is checked against what was asked. Pure.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/client/controller_client.h"
#include "controller/metadata/control.pb.h"

namespace soliton::controller {

pb::ControlRequest ToRegister(const ControllerClientOptions& options,
                              const std::string& cluster_id);
pb::ControlRequest ToAlterPartition(int32_t broker_id, int64_t broker_epoch,
                                    const std::vector<IsrChangeRequest>& changes);
pb::ControlRequest ToCreateTopics(const std::vector<CreateTopicSpec>& topics, bool validate_only);
pb::ControlRequest ToDeleteTopics(const std::vector<DeleteTopicSpec>& topics);
pb::ControlRequest ToCreatePartitions(const std::vector<MorePartitionsSpec>& topics,
                                      bool validate_only);
pb::ControlRequest ToAlterConfigs(const std::vector<ResourceChangeSpec>& resources,
                                  bool validate_only);
pb::ControlRequest ToElectLeaders(const ElectionSpec& election);
pb::ControlRequest ToAlterReassignments(const std::vector<ReassignmentSpec>& partitions,
                                        bool keep_replication_factor);
pb::ControlRequest ToChangeVoters(const VoterChange& change);
pb::ControlRequest ToAllocateProducerIds(int32_t broker_id, int64_t broker_epoch);

// `count` results are expected. An error of the whole request is kUnavailable: nothing was done.
absl::StatusOr<std::vector<IsrChangeResult>> FromAlterPartition(
    const absl::StatusOr<pb::ControlResponse>& response, size_t count);
absl::StatusOr<std::vector<TopicResult>> FromTopics(
    const absl::StatusOr<pb::ControlResponse>& response, size_t count);
absl::StatusOr<std::vector<ResourceResult>> FromAlterConfigs(
    const absl::StatusOr<pb::ControlResponse>& response, size_t count);
// `count`: unset, any number.
absl::StatusOr<std::vector<PartitionResult>> FromPartitions(
    const absl::StatusOr<pb::ControlResponse>& response, std::optional<size_t> count);
// The error of the whole request is the result; only NOT_CONTROLLER is kUnavailable.
absl::StatusOr<WholeResult> FromWhole(const absl::StatusOr<pb::ControlResponse>& response);
absl::StatusOr<QuorumDescription> FromDescribeQuorum(
    const absl::StatusOr<pb::ControlResponse>& response);
absl::StatusOr<ProducerIdBlock> FromAllocateProducerIds(
    const absl::StatusOr<pb::ControlResponse>& response);

}  // namespace soliton::controller
