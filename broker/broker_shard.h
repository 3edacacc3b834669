// What one shard of a broker owns: its connections, its partitions, its replica fetchers and its
// pointer to the current metadata image. Lives on its shard; others reach it with shard().Post.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "broker/broker.h"
#include "broker/partition/partition_table.h"
#include "broker/replication/replica_fetchers.h"
#include "broker/server/connection.h"
#include "controller/client/controller_client.h"
#include "controller/metadata/metadata_image.h"
#include "runtime/ports.h"

namespace soliton::broker {

class BrokerShard;
class ProducerIds;

// What the shards of one broker share. Set up before the first message, constant afterwards.
struct BrokerContext {
  Ports ports;
  BrokerOptions options;
  std::vector<BrokerShard*> shards;
  // Shard 0 only: the line to the controller.
  controller::ControllerClient* controller = nullptr;
  ProducerIds* producer_ids = nullptr;

  BrokerShard& OwnerOf(const TopicPartition& id) const {
    return *shards[static_cast<size_t>(ports.shards->OwnerOf(OwnerHash(id)).index())];
  }
};

class BrokerShard {
 public:
  BrokerShard(const BrokerContext& context, Shard& shard, segment::DataDirectory& directory,
              std::map<segment::TopicPartitionName, int64_t> checkpointed_high_watermarks);
  ~BrokerShard();

  void Start();
  void ApplyImage(const controller::MetadataImagePtr& image,
                  const controller::MetadataDelta& delta);
  void OnRegistered(int64_t broker_epoch);
  // Runs `task` once the image has reached `offset` or satisfies `ready`, or after `timeout`.
  void WhenImage(std::function<bool(const controller::MetadataImage&)> ready, Duration timeout,
                 Task task);

  void OnAccepted(std::shared_ptr<FramedConnection> transport);
  void OnConnectionClosed(uint64_t id);
  uint64_t NextConnectionId() { return next_connection_id_++; }

  // A replica's fetch on connection `id` was parked; a later one of the same connection releases
  // it, so that a follower is never deaf for the rest of a long poll when its list of partitions
  // changes.
  void ParkReplicaFetch(uint64_t connection_id, std::function<void()> release);
  void ReleaseReplicaFetch(uint64_t connection_id);

  // Calls the controller from any shard: `call` runs on shard 0 with the client.
  void AskController(std::function<void(controller::ControllerClient&)> call);

  // A fresh producer id, on this shard.
  void NextProducerId(absl::AnyInvocable<void(absl::StatusOr<int64_t>)> done);

  Shard& shard() const { return shard_; }
  const BrokerContext& context() const { return context_; }
  const BrokerOptions& options() const { return context_.options; }
  const controller::MetadataImagePtr& image() const { return image_; }
  PartitionTable& partitions() { return partitions_; }
  const PartitionTable& partitions() const { return partitions_; }
  int64_t broker_epoch() const { return broker_epoch_; }

  // Stops serving: closes all connections and fetchers.
  void CloseConnections();

 private:
  struct ImageWaiter {
    std::function<bool(const controller::MetadataImage&)> ready;
    Task task;
    TimerId timer = 0;
  };

  void SendIsrProposal(const TopicPartition& id, const IsrProposal& proposal);
  void WakeImageWaiters();

  const BrokerContext& context_;
  Shard& shard_;
  controller::MetadataImagePtr image_;
  int64_t broker_epoch_ = -1;
  PartitionTable partitions_;
  ReplicaFetchers fetchers_;
  std::map<uint64_t, std::shared_ptr<Connection>> connections_;
  std::map<uint64_t, std::function<void()>> parked_replica_fetches_;
  std::map<uint64_t, ImageWaiter> image_waiters_;
  uint64_t next_connection_id_ = 1;
  uint64_t next_waiter_id_ = 1;
  bool closing_ = false;
};

}  // namespace soliton::broker
