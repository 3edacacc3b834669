// KIP-951: an error that says "not here" also says where: the leader that this broker knows and its
// address.
#pragma once

#include <algorithm>

#include "broker/broker_shard.h"

namespace soliton::broker {

inline bool WantsLeaderHint(kafka::ErrorCode error) {
  return error == kafka::ErrorCode::NOT_LEADER_OR_FOLLOWER ||
         error == kafka::ErrorCode::FENCED_LEADER_EPOCH;
}

// Fills `partition.current_leader` and adds the leader's endpoint to `response.node_endpoints`
// once. Response is a Produce or Fetch response.
template <typename Response, typename PartitionResponse>
void AddLeaderHint(const controller::MetadataImage& image, const TopicPartition& id,
                   Response& response, PartitionResponse& partition) {
  const controller::PartitionInfo* info = image.FindPartition(id.topic_id, id.partition);
  if (info == nullptr || info->leader < 0) return;
  partition.current_leader.leader_id = info->leader;
  partition.current_leader.leader_epoch = info->leader_epoch;
  const controller::BrokerInfo* broker = image.FindBroker(info->leader);
  if (broker == nullptr || broker->fenced) return;
  auto& endpoints = response.node_endpoints;
  if (std::any_of(endpoints.begin(), endpoints.end(),
                  [&](const auto& node) { return node.node_id == info->leader; })) {
    return;
  }
  auto& node = endpoints.emplace_back();
  node.node_id = info->leader;
  node.host = broker->endpoint.host;
  node.port = broker->endpoint.port;
  node.rack = broker->rack;
}

}  // namespace soliton::broker
