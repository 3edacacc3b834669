// The broker behind broker.h: wiring only. Lives on shard 0, except where said.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/broker_shard.h"
#include "broker/data_path_watch.h"
#include "broker/disk_space_core.h"
#include "broker/lost_replicas.h"
#include "broker/partition/folder_claims.h"
#include "broker/producer_ids.h"
#include "controller/client/controller_client.h"
#include "segment/data_directory.h"

namespace soliton::broker {

class BrokerImpl final : public Broker {
 public:
  BrokerImpl(const Ports& ports, const BrokerOptions& options, Events events);
  ~BrokerImpl() override;

  absl::Status Open();

  void Stop(absl::AnyInvocable<void(absl::Status)> done) override;
  uint16_t port() const override { return listener_->port(); }
  using Broker::Replicas;
  void Replicas(std::vector<ReplicaSnapshot>& replicas) const override;
  controller::MetadataImagePtr Image() const override { return shards_.front()->image(); }
  absl::StatusOr<Buffer> ReadReplica(const Uuid& topic_id, int32_t partition, int64_t from,
                                     int64_t to) const override;

 private:
  Shard& shard() const { return context_.ports.shards->shard(0); }
  void StartController(const Endpoint& advertised);
  void OnImage(const controller::MetadataImagePtr& image, const controller::MetadataDelta& delta);
  void OnRegistered(int64_t broker_epoch);
  // The directory belongs to the cluster that its broker registered with first.
  absl::Status AdoptCluster();
  void StoreBrokerEpoch(int64_t broker_epoch);
  // Once; the process should end.
  void Fail(const absl::Status& why);
  // First image: folders that no topic of the cluster owns are set aside, never deleted.
  void QuarantineStrays(const controller::MetadataImage& image);
  // Tells the controller that this broker may serve, once every local log is open. If one of them
  // is not what the controller was led to believe, it is told that first.
  void ReadyWhenOpened();
  void OnOpened(std::vector<TopicPartition> lost_replicas);
  // A replica is not here as it was promised: `remembered` runs once this process or a later one is
  // sure to tell the controller. Losses of one turn are written together.
  void RememberLoss(const TopicPartition& id, Task remembered);
  void WriteLosses();
  void NoticeUnfenced(const controller::MetadataImage& image);
  // Promises of an earlier incarnation hold if the disk has them: after a clean stop, or always
  // with durability=flush on the same directory.
  int64_t PreviousBrokerEpoch() const;
  // Measures the disk now and then, and whenever much was appended, and tells every shard whether
  // appends have to be refused.
  void WatchDisk();
  // See DataPathWatch.
  void WatchDataPath();
  void MeasureDisk();
  void OnDiskMeasured(const absl::StatusOr<DiskSpace>& space);
  // Begins a life of the directory. Blocks until that is durable.
  absl::Status BeginLife();
  void CheckpointHighWatermarks();
  // Collects on all shards, writes on a disk thread, then `done` on shard 0.
  void WriteHighWatermarks(Task done);
  void LetConnectionsGo(Task done);
  void CloseAll(absl::AnyInvocable<void(absl::Status)> done);
  // Runs `work` on every shard, then `done` on shard 0.
  void OnEveryShard(std::function<void(BrokerShard&)> work, Task done);

  BrokerContext context_;
  Events events_;
  std::unique_ptr<segment::DataDirectory> directory_;
  FolderClaims folder_claims_;
  DiskSpaceCore disk_space_;
  std::unique_ptr<DataPathWatch> data_path_;
  std::vector<std::unique_ptr<BrokerShard>> shards_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<controller::ControllerClient> controller_;
  std::unique_ptr<ProducerIds> producer_ids_;
  std::unique_ptr<LostReplicas> losses_;         // that the controller may not know of
  std::vector<TopicPartition> declared_losses_;  // with the present registration
  std::vector<TopicPartition> losses_to_write_;
  std::vector<Task> waiting_for_losses_;
  // The broker epoch whose promises this directory holds; -1: none.
  int64_t held_epoch_ = -1;
  int64_t life_ = 0;  // of the directory (broker_life.h), durable; 0: not begun
  bool first_image_ = true;
  bool ready_ = false;
  bool opened_ = false;  // all logs of the first image, and what is not as promised is known
  bool serving_ = false;
  bool stopping_ = false;
  bool failed_ = false;
  bool measuring_disk_ = false;
  TimerId checkpoint_timer_ = 0;
};

}  // namespace soliton::broker
