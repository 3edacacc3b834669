// The replica fetchers of one shard: one per leader broker. Follower appends thus happen on the
// shard that owns the partition, without a hop. Lives on its shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "broker/broker.h"
#include "broker/partition/partition_table.h"
#include "broker/replication/replica_fetcher.h"
#include "runtime/ports.h"

namespace soliton::broker {

class ReplicaFetchers {
 public:
  ReplicaFetchers(const Ports& ports, Shard& shard, const BrokerOptions& options,
                  PartitionTable& partitions, ReplicaFetcher::OnLink on_link);
  ~ReplicaFetchers();

  void SetBrokerEpoch(int64_t broker_epoch) { broker_epoch_ = broker_epoch; }
  // Endpoints may have changed, brokers may have gone.
  void ApplyImage(const controller::MetadataImage& image);
  // Puts the partition with the fetcher of its present leader, or with none.
  void OnRoleChanged(const Partition& partition);
  void OnRemoved(const TopicPartition& id);
  void OnFlushed(const Partition& partition);
  void Close();

 private:
  const Ports ports_;
  Shard& shard_;
  const BrokerOptions& options_;
  PartitionTable& partitions_;
  const ReplicaFetcher::OnLink on_link_;
  int64_t broker_epoch_ = -1;
  std::map<int32_t, Endpoint> endpoints_;
  std::map<int32_t, std::unique_ptr<ReplicaFetcher>> fetchers_;  // by leader broker
  struct Followed {
    int32_t leader = -1;
    int32_t leader_epoch = -1;
  };
  std::map<TopicPartition, Followed> followed_;
};

}  // namespace soliton::broker
