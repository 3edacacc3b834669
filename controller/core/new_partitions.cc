#include "controller/core/new_partitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "controller/core/replica_placer.h"
#include "controller/core/topic_rules.h"
#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

bool IsActive(const MetadataImage& image, int32_t broker_id) {
  const BrokerInfo* broker = image.FindBroker(broker_id);
  return broker != nullptr && broker->usable();
}

}  // namespace

ReplicaLists FromPb(const google::protobuf::RepeatedPtrField<pb::ReplicaList>& lists) {
  ReplicaLists replicas;
  for (const pb::ReplicaList& list : lists) {
    replicas.emplace_back(list.replicas().begin(), list.replicas().end());
  }
  return replicas;
}

absl::Status CheckManualReplicas(const MetadataImage& image, const ReplicaLists& replicas) {
  std::set<int32_t> registered;
  for (const auto& [id, broker] : image.brokers) registered.insert(id);
  if (absl::Status valid = CheckAssignments(replicas, registered); !valid.ok()) return valid;
  for (size_t p = 0; p < replicas.size(); ++p) {
    const bool any_active = std::any_of(replicas[p].begin(), replicas[p].end(),
                                        [&](int32_t id) { return IsActive(image, id); });
    if (any_active) continue;
    return absl::InvalidArgumentError(
        fmt::format("none of the brokers assigned to partition {} is live", p));
  }
  return absl::OkStatus();
}

absl::StatusOr<ReplicaLists> PlaceAmongBrokers(const MetadataImage& image, int32_t partition_count,
                                               int32_t replication_factor, Random& random) {
  std::vector<UsableBroker> brokers;
  for (const auto& [id, broker] : image.brokers) {
    brokers.push_back(
        {.broker_id = id, .rack = broker.rack.value_or(""), .active = broker.usable()});
  }
  return PlaceReplicas(brokers, partition_count, replication_factor, random);
}

void AddNewPartition(const MetadataImage& image, const Uuid& topic_id, int32_t partition,
                     const std::vector<int32_t>& replicas, ControllerResult* result) {
  PartitionInfo info;
  info.replicas = replicas;
  std::copy_if(replicas.begin(), replicas.end(), std::back_inserter(info.isr),
               [&](int32_t replica) { return IsActive(image, replica); });
  info.leader = info.isr.front();
  info.leader_epoch = 0;
  info.partition_epoch = 0;
  pb::Partition* record = result->records.emplace_back().mutable_partition();
  ToPb(topic_id, record->mutable_topic_id());
  record->set_partition(partition);
  ToPb(info, record->mutable_state());
}

}  // namespace soliton::controller
