#include "broker/replication/replica_fetchers.h"

namespace soliton::broker {

ReplicaFetchers::ReplicaFetchers(const Ports& ports, Shard& shard, const BrokerOptions& options,
                                 PartitionTable& partitions, ReplicaFetcher::OnLink on_link)
    : ports_(ports),
      shard_(shard),
      options_(options),
      partitions_(partitions),
      on_link_(std::move(on_link)) {}

ReplicaFetchers::~ReplicaFetchers() = default;

void ReplicaFetchers::ApplyImage(const controller::MetadataImage& image) {
  endpoints_.clear();
  for (const auto& [id, broker] : image.brokers) {
    endpoints_[id] = broker.endpoint;
    auto fetcher = fetchers_.find(id);
    if (fetcher != fetchers_.end()) fetcher->second->SetEndpoint(broker.endpoint);
  }
}

void ReplicaFetchers::OnRoleChanged(const Partition& partition) {
  const TopicPartition& id = partition.id();
  const ReplicaCore& replica = partition.replica();
  const bool follows = replica.role() == ReplicaCore::Role::kFollower && replica.leader() >= 0;
  const Followed now = follows ? Followed{replica.leader(), replica.leader_epoch()} : Followed{};
  Followed& before = followed_[id];
  if (before.leader == now.leader && before.leader_epoch == now.leader_epoch) return;
  if (before.leader >= 0 && before.leader != now.leader) {
    fetchers_.at(before.leader)->Remove(id);
  }
  before = now;
  if (!follows) {
    followed_.erase(id);
    return;
  }
  auto& fetcher = fetchers_[now.leader];
  if (fetcher == nullptr) {
    fetcher = std::make_unique<ReplicaFetcher>(ports_, shard_, options_, partitions_, now.leader,
                                               broker_epoch_, on_link_);
    fetcher->SetEndpoint(endpoints_[now.leader]);
  }
  fetcher->Add(id);
}

void ReplicaFetchers::OnRemoved(const TopicPartition& id) {
  auto found = followed_.find(id);
  if (found == followed_.end()) return;
  if (found->second.leader >= 0) fetchers_.at(found->second.leader)->Remove(id);
  followed_.erase(found);
}

void ReplicaFetchers::OnFlushed(const Partition& partition) {
  auto found = followed_.find(partition.id());
  if (found == followed_.end() || found->second.leader < 0) return;
  fetchers_.at(found->second.leader)->OnFlushed(partition.id());
}

void ReplicaFetchers::Close() {
  fetchers_.clear();
  followed_.clear();
}

}  // namespace soliton::broker
