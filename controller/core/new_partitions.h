// What creating a topic and adding partitions to one share: where replicas may go, and the record
// of a partition that comes into being. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/core/core_types.h"
#include "runtime/base/random.h"

namespace soliton::controller {

using ReplicaLists = std::vector<std::vector<int32_t>>;  // by partition

ReplicaLists FromPb(const google::protobuf::RepeatedPtrField<pb::ReplicaList>& lists);

// Replicas chosen by hand: as CheckAssignments, and each partition has a live one.
absl::Status CheckManualReplicas(const MetadataImage& image, const ReplicaLists& replicas);
// Chosen by PlaceReplicas among all registered brokers.
absl::StatusOr<ReplicaLists> PlaceAmongBrokers(const MetadataImage& image, int32_t partition_count,
                                               int32_t replication_factor, Random& random);

// Adds the record of a new partition, led by its first live replica (there must be one).
void AddNewPartition(const MetadataImage& image, const Uuid& topic_id, int32_t partition,
                     const std::vector<int32_t>& replicas, ControllerResult* result);

}  // namespace soliton::controller
