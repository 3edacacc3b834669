// What one shard of a broker owns: its connections, its partitions, its replica fetchers and its
// pointer to the current metadata image. Lives on its shard; others reach it with shard().Post.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "broker/broker.h"
#include "broker/disk_space_core.h"
#include "broker/partition/append_turn.h"
#include "broker/partition/isr_proposals.h"
#include "broker/partition/partition_table.h"
#include "broker/partition/refused_sequences.h"
#include "broker/pause_watch.h"
#include "broker/replication/lost_peers.h"
#include "broker/replication/produce_relay.h"
#include "broker/replication/replica_fetchers.h"
#include "broker/server/connection.h"
#include "broker/server/fetch_session_cache.h"
#include "broker/server/memory_budget.h"
#include "broker/server/request_timeouts.h"
#include "controller/client/controller_client.h"
#include "controller/metadata/metadata_image.h"
#include "runtime/obs/log_throttle.h"
#include "runtime/ports.h"

namespace soliton::broker {

class BrokerShard;
class FolderClaims;
class ProducerIds;

// What the shards of one broker share. Set up before the first message, constant afterwards.
struct BrokerContext {
  Ports ports;
  BrokerOptions options;
  std::vector<BrokerShard*> shards;
  // Shard 0 only: the line to the controller, and what else the shards share.
  controller::ControllerClient* controller = nullptr;
  ProducerIds* producer_ids = nullptr;
  FolderClaims* folder_claims = nullptr;
  // A replica that was promised is not here: makes that durable, then `remembered`. On shard 0.
  std::function<void(const TopicPartition&, Task remembered)> remember_loss;
  // A log failed while in use. On shard 0.
  std::function<void(const absl::Status&)> on_log_failed;
  // So much was appended that the last measurement of the disk says little. On shard 0.
  std::function<void()> measure_disk;

  BrokerShard& OwnerOf(const TopicPartition& id) const {
    return *shards[static_cast<size_t>(ports.shards->OwnerOf(OwnerHash(id)).index())];
  }
};

class BrokerShard {
 public:
  BrokerShard(const BrokerContext& context, Shard& shard, segment::DataDirectory& directory,
              PartitionTable::HighWatermarks checkpointed_high_watermarks);
  ~BrokerShard();

  void Start();
  void ApplyImage(const controller::MetadataImagePtr& image,
                  const controller::MetadataDelta& delta);
  void OnRegistered(int64_t broker_epoch, const PauseWatch::Grant& grant);
  // Runs `task` once the image satisfies `ready`, or after `timeout`. `ready` may look at
  // lost_peers() too.
  void WhenImage(std::function<bool(const controller::MetadataImage&)> ready, Duration timeout,
                 Task task);

  const LostPeers& lost_peers() const { return lost_peers_; }

  // A connection that comes before the first image waits: the empty one would tell clients that
  // their topics do not exist.
  void OnAccepted(std::shared_ptr<FramedConnection> transport);
  // A connection of another shard moved to this one; `begin` runs before it delivers anything.
  void OnMovedHere(std::shared_ptr<FramedConnection> transport,
                   absl::AnyInvocable<void(const std::shared_ptr<Connection>&)> begin);
  void OnConnectionClosed(uint64_t id);
  // Memory of requests and answers on this shard's connections.
  MemoryBudget& memory() { return memory_; }
  // Gives memory back, and lets connections that waited for it go on.
  void ReleaseMemory(MemoryBudget::Class what, int64_t bytes);
  void StopWaitingForMemory(uint64_t connection_id);
  // Why clients may not append now; nullopt while they may.
  const std::optional<AppendRefusal>& append_refusal() const { return append_refusal_; }
  // `allowance_bytes`: so much may be appended here before the disk has to be measured again.
  void OnDiskMeasured(std::optional<AppendRefusal> refusal, int64_t allowance_bytes);
  // A client's batch is about to be appended.
  void CountAppended(int64_t bytes);
  AppendTurn& append_turn() { return append_turn_; }
  ProduceRelay& produce_relay() { return produce_relay_; }
  // Whether batches for this partition go to its new leader: it was led here not long ago.
  bool MayRelay(const TopicPartition& id);
  // A line about a peer that was turned away, unless there were too many of late.
  void LogRefusal(std::string_view text);
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
  FetchSessionCache& fetch_sessions() { return fetch_sessions_; }
  RefusedSequences& refused_sequences() { return refused_sequences_; }
  RequestTimeouts& request_timeouts() { return request_timeouts_; }

  // Whether this broker leads nothing any more, as its newest image says.
  bool LeadsNothing();
  // Before a stop, once leadership has moved: connections close as soon as nothing of theirs is
  // unanswered, so that their clients look for the new leaders without a request in doubt. `done`
  // runs when all have, or after `patience`.
  void LetConnectionsGo(Duration patience, Task done);
  // Stops serving: closes all connections and fetchers.
  void CloseConnections();

 private:
  struct ImageWaiter {
    std::function<bool(const controller::MetadataImage&)> ready;
    Task task;
    TimerId timer = 0;
  };

  PartitionTable::Hooks TableHooks();
  // A replica fetcher of this shard lost its leader or has it again: all shards are told.
  void TellOfLink(int32_t peer, bool stands);
  void OnLink(int32_t peer, bool stands);
  std::shared_ptr<Connection> StartConnection(std::shared_ptr<FramedConnection> transport);
  void ClaimFolder(const std::string& folder, Task granted);
  void ReleaseFolder(const std::string& folder);
  // All that this turn brings go together.
  void ProposeIsr(const TopicPartition& id, const IsrProposal& proposal);
  void SendIsrProposals();
  void OnIsrAnswer(const IsrProposals::Request& request,
                   const absl::StatusOr<std::vector<controller::IsrChangeResult>>& results);
  void WakeImageWaiters();
  void CheckConnections();
  void LookForPauses();
  // This shard did not run for a while: asks whether what it knows still holds.
  void AskAfterPause(uint64_t doubt);
  void FinishLettingGo();
  void WakeMemoryWaiters(const std::vector<uint64_t>& granted);

  const BrokerContext& context_;
  Shard& shard_;
  controller::MetadataImagePtr image_;
  int64_t broker_epoch_ = -1;
  PartitionTable partitions_;
  PauseWatch pauses_;
  IsrProposals isr_proposals_;
  bool isr_proposals_wait_ = false;  // for the end of this turn
  AppendTurn append_turn_;
  ProduceRelay produce_relay_;
  ReplicaFetchers fetchers_;
  LostPeers lost_peers_;
  FetchSessionCache fetch_sessions_;
  RefusedSequences refused_sequences_;
  RequestTimeouts request_timeouts_;
  std::vector<std::shared_ptr<FramedConnection>> early_;  // accepted before the first image
  std::map<uint64_t, std::shared_ptr<Connection>> connections_;
  std::map<uint64_t, std::function<void()>> parked_replica_fetches_;
  std::map<uint64_t, ImageWaiter> image_waiters_;
  MemoryBudget memory_;
  LogThrottle refusals_;
  std::optional<AppendRefusal> append_refusal_;
  int64_t append_allowance_bytes_ = 0;
  uint64_t next_connection_id_ = 1;
  uint64_t next_waiter_id_ = 1;
  bool closing_ = false;
  Task let_go_;  // waits for connections to go
  TimerId let_go_timer_ = 0;
  std::pair<int64_t, bool> leads_nothing_{-1, false};  // by the image of this offset
};

}  // namespace soliton::broker
