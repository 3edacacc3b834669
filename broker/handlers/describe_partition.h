// A partition as Metadata and DescribeTopicPartitions show it.
#pragma once

#include <cstdint>

#include "controller/metadata/metadata_image.h"
#include "protocol/wire/error_code.h"

namespace soliton::broker {

template <typename Partition>
void DescribePartition(const controller::MetadataImage& image,
                       const controller::PartitionInfo& info, int32_t index, Partition& out) {
  out.partition_index = index;
  out.leader_id = info.leader;
  out.leader_epoch = info.leader_epoch;
  out.replica_nodes = info.replicas;
  out.isr_nodes = info.isr;
  out.unclean_leader_epoch = info.unclean_epoch;
  if (info.leader < 0) out.error_code = kafka::ErrorCode::LEADER_NOT_AVAILABLE;
  for (int32_t id : info.replicas) {
    const controller::BrokerInfo* broker = image.FindBroker(id);
    if (broker == nullptr || broker->fenced) out.offline_replicas.push_back(id);
  }
}

}  // namespace soliton::broker
