// The cluster's metadata at one committed offset of the metadata log: immutable, shared between
// shards by pointer, replaced as a whole. Built only by applying committed records in order
// (metadata_builder.h), so two nodes at the same offset hold equal images.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/uuid.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

using TopicPartitionId = std::pair<Uuid, int32_t>;

inline constexpr int32_t kNoLeader = -1;
inline constexpr int32_t kEveryBroker = -1;  // key of the settings that hold for all brokers

struct BrokerInfo {
  int32_t broker_id = -1;
  int64_t broker_epoch =
      -1;  // offset of its registration record; a new incarnation gets a larger one
  // The last epoch in which it was unfenced without losing data since. In epochs after that it has
  // promised nothing, so its disk need not know them.
  int64_t confirmed_epoch = -1;
  // The largest life of its data directory that was written down (broker/broker_life.h).
  int64_t life = 0;
  Uuid incarnation_id;
  Uuid directory_id;
  Endpoint endpoint;  // as clients and other brokers reach it
  std::optional<std::string> rack;
  bool fenced = true;
  bool shutting_down = false;

  bool usable() const { return !fenced && !shutting_down; }
  friend bool operator==(const BrokerInfo&, const BrokerInfo&) = default;
};

struct PartitionInfo {
  std::vector<int32_t> replicas;          // preferred leader first
  std::vector<int32_t> isr;               // in-sync replicas
  std::vector<int32_t> eligible_leaders;  // ELR (KIP-966): left the ISR below min.insync.replicas,
                                          // hold all committed data
  std::optional<int32_t> last_known_leader;
  int32_t leader = kNoLeader;
  int32_t leader_epoch = -1;
  int32_t partition_epoch = -1;
  // Leader epoch of the last election of a replica that was not known to hold all committed
  // records; -1 = there was none.
  int32_t unclean_epoch = -1;
  // A reassignment under way: these of `replicas` come, and these go once all others are in sync.
  std::vector<int32_t> adding_replicas;
  std::vector<int32_t> removing_replicas;

  bool reassigning() const { return !adding_replicas.empty() || !removing_replicas.empty(); }
  // How many replicas count as promised: who comes does not before the reassignment is complete, so
  // that more replicas never make a topic unwritable for a while.
  size_t replication_factor() const { return replicas.size() - adding_replicas.size(); }
  friend bool operator==(const PartitionInfo&, const PartitionInfo&) = default;
};

struct TopicInfo {
  std::string name;
  Uuid id;
  std::vector<PartitionInfo> partitions;       // index = partition number
  std::map<std::string, std::string> configs;  // overrides only, Kafka's topic setting names

  friend bool operator==(const TopicInfo&, const TopicInfo&) = default;
};

// What changed between two images.
struct MetadataDelta {
  std::set<Uuid> changed_topics;  // created, or settings changed: any of its partitions may differ
  std::map<Uuid, std::set<int32_t>> changed_partitions;  // new or changed ones, of other topics
  std::set<Uuid> deleted_topics;
  bool brokers_changed = false;
  bool broker_configs_changed = false;
};

class MetadataImage {
 public:
  // Offset of the last metadata record that is part of this image; -1 for the empty one.
  int64_t offset = -1;
  std::string cluster_id;
  int32_t controller_id = -1;
  int64_t next_producer_id = 0;
  // Where the controllers that vote are reached, by node id; port 0: not known.
  std::map<int32_t, Endpoint> voters;
  std::map<int32_t, BrokerInfo> brokers;
  // Dynamic settings by broker id or kEveryBroker, Kafka's broker setting names. No empty maps.
  std::map<int32_t, std::map<std::string, std::string>> broker_configs;
  std::map<std::string, std::shared_ptr<const TopicInfo>, std::less<>> topics_by_name;
  std::map<Uuid, std::shared_ptr<const TopicInfo>> topics_by_id;

  const TopicInfo* FindTopic(std::string_view name) const;
  const TopicInfo* FindTopic(const Uuid& id) const;
  const BrokerInfo* FindBroker(int32_t broker_id) const;
  // Dynamic settings of a broker alone, or of kEveryBroker; perhaps empty.
  const std::map<std::string, std::string>& BrokerConfigs(int32_t broker_id) const;
  // nullptr when the topic or partition does not exist.
  const PartitionInfo* FindPartition(const Uuid& topic_id, int32_t partition) const;
};

using MetadataImagePtr = std::shared_ptr<const MetadataImage>;

}  // namespace soliton::controller
