// A client's view of the cluster: brokers, topics, and who leads which partition. Pure; one owner.
//
// Invariants:
// - Within one topic id a partition's leader epoch never goes back: an answer from a broker that
//   lags behind does not undo what a newer one said (KIP-320).
// - A topic that was deleted and made again has a new id; its epochs start afresh.
// Sources: Metadata API, KIP-320 (leader epochs), KIP-516 (topic ids), KIP-951 (leader hints).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/messages/metadata.h"
#include "protocol/wire/error_code.h"
#include "runtime/base/uuid.h"
#include "runtime/net/transport.h"

namespace soliton::kafka {

struct BrokerInfo {
  int32_t node_id = -1;
  Endpoint endpoint;
  std::optional<std::string> rack;
};

struct PartitionLeader {
  int32_t leader_id = -1;  // -1 = none
  int32_t leader_epoch = -1;

  friend bool operator==(const PartitionLeader&, const PartitionLeader&) = default;
};

struct PartitionState {
  ErrorCode error = ErrorCode::NONE;
  PartitionLeader leader;
  std::vector<int32_t> replicas;
  std::vector<int32_t> isr;
  std::vector<int32_t> offline_replicas;
};

struct TopicState {
  std::string name;
  Uuid id;  // zero when the brokers are too old for topic ids
  bool is_internal = false;
  // LEADER_NOT_AVAILABLE while a topic is being made, UNKNOWN_TOPIC_OR_PARTITION, ...
  ErrorCode error = ErrorCode::NONE;
  std::map<int32_t, PartitionState> partitions;

  int32_t partition_count() const { return static_cast<int32_t>(partitions.size()); }
};

class MetadataCache {
 public:
  // `asked_for`: the topics that the request named (nullopt = all topics). Those that the answer
  // leaves out are gone.
  void Apply(const MetadataResponse& response,
             const std::optional<std::set<std::string>>& asked_for);

  // A hint from a produce or fetch error. False when it is not newer than what is known.
  bool UpdateLeader(const std::string& topic, int32_t partition, PartitionLeader leader);
  void UpdateBroker(const BrokerInfo& broker) { brokers_[broker.node_id] = broker; }

  // Null when it was never mentioned. A topic that does not exist has an entry with an error.
  const TopicState* Find(const std::string& topic) const;
  const TopicState* FindById(const Uuid& id) const;
  const PartitionState* FindPartition(const std::string& topic, int32_t partition) const;
  // Leader -1 when unknown.
  PartitionLeader LeaderOf(const std::string& topic, int32_t partition) const;
  const BrokerInfo* FindBroker(int32_t node_id) const;

  const std::map<int32_t, BrokerInfo>& brokers() const { return brokers_; }
  const std::map<std::string, TopicState>& topics() const { return topics_; }
  const std::optional<std::string>& cluster_id() const { return cluster_id_; }
  int32_t controller_id() const { return controller_id_; }
  // Raised by every Apply: 0 = nothing is known yet.
  uint64_t generation() const { return generation_; }

 private:
  void Merge(const MetadataResponse::MetadataResponseTopic& from);

  std::map<int32_t, BrokerInfo> brokers_;
  std::map<std::string, TopicState> topics_;
  std::map<Uuid, std::string> names_by_id_;
  std::optional<std::string> cluster_id_;
  int32_t controller_id_ = -1;
  uint64_t generation_ = 0;
};

}  // namespace soliton::kafka
