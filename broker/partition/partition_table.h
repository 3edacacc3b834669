// The replicas that one shard owns: creates, re-roles and removes them as metadata images say, and
// carries their slow work (opening, flushing, removing, ISR proposals) to disk threads and to the
// controller. Lives on its shard.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/partition/idle_flushes.h"
#include "broker/partition/partition.h"
#include "broker/partition/wall_clock_watch.h"
#include "controller/metadata/metadata_image.h"
#include "runtime/ports.h"
#include "segment/data_directory.h"

namespace soliton::broker {

struct PartitionTableOptions {
  PartitionOptions partition;
  config::TopicSettings topic_defaults;  // as this broker was started
  // Bytes per second of throttled replicas, of the whole broker; as it was started.
  int64_t leader_throttle_rate = ReplicationThrottle::kUnlimited;
  int64_t follower_throttle_rate = ReplicationThrottle::kUnlimited;
  Duration tick_interval = milliseconds(200);
  Duration retention_check_interval = milliseconds(300000);
  Duration background_flush_interval = milliseconds(5000);  // durability=page-cache
};

class PartitionTable final : public PartitionServices {
 public:
  struct Hooks {
    // Sends a proposal to the controller; the answer comes back through OnIsrAnswer. Any thread may
    // carry it.
    std::function<void(const TopicPartition&, const IsrProposal&)> propose_isr;
    // Partitions began or ceased to follow somebody, or may fetch again: fetchers look at their
    // lists.
    std::function<void(const Partition&)> on_role_changed;
    std::function<void(const TopicPartition&)> on_removed;
    // A follower's log was flushed further: its leader wants to know.
    std::function<void(const Partition&)> on_follower_flushed;
    // `granted` runs on this shard when no other partition uses the folder (FolderClaims).
    std::function<void(const std::string& folder, Task granted)> claim_folder;
    std::function<void(const std::string& folder)> release_folder;
    // A replica that is counted on is not here. `remembered` runs on this shard once a crash cannot
    // make this broker forget that.
    std::function<void(const TopicPartition&, Task remembered)> on_loss;
    // A log failed while in use: this broker cannot keep its promises.
    std::function<void(const absl::Status&)> on_log_failed;
  };

  // High watermarks of all partitions, as written to the checkpoint: by topic id (as text), so that
  // those of a deleted topic say nothing about its successor of the same name.
  using HighWatermarks = std::map<segment::TopicPartitionName, int64_t>;

  PartitionTable(const Ports& ports, Shard& shard, segment::DataDirectory& directory,
                 const PartitionTableOptions& options, HighWatermarks checkpointed_high_watermarks,
                 Hooks hooks);
  ~PartitionTable() override;

  // Follows the image. Logs are opened on disk threads: a partition answers requests once that is
  // done.
  void ApplyImage(const controller::MetadataImagePtr& image,
                  const controller::MetadataDelta& delta);
  // Runs when nothing is being opened (at once when that is so already).
  void WhenIdle(Task task);
  // Begins the periodic work.
  void Start();

  // nullptr when this broker has no (open) replica of it.
  Partition* Find(const TopicPartition& id);
  const std::map<TopicPartition, std::unique_ptr<Partition>>& partitions() const {
    return partitions_;
  }
  // A replica that could not be opened: why.
  const absl::Status* FindFailure(const TopicPartition& id) const;
  // Why a partition that metadata knows cannot be served here.
  kafka::ErrorCode AbsenceError(const TopicPartition& id) const {
    return FindFailure(id) != nullptr ? kafka::ErrorCode::KAFKA_STORAGE_ERROR
                                      : kafka::ErrorCode::NOT_LEADER_OR_FOLLOWER;
  }
  bool IsOpening(const TopicPartition& id) const { return opening_.contains(id); }
  // Replicas that are not what they were when this broker last promised something: the log could
  // not be opened, is not there, or ends below what is known to be committed.
  const std::vector<TopicPartition>& lost_replicas() const { return lost_replicas_; }
  // The controller has committed, in the registration of this epoch, that nobody counts on these
  // any more. Those whose folder is damaged start anew once another replica leads.
  void OnLossDeclared(const std::vector<TopicPartition>& replicas, int64_t broker_epoch);
  // What the checkpoint should say now; for replicas that are not open, what it said.
  HighWatermarks CurrentHighWatermarks() const;

  void OnIsrAnswer(const TopicPartition& id, const IsrProposal& proposal, kafka::ErrorCode error,
                   int32_t partition_epoch);
  // Settings of a topic: the broker's defaults under its overrides.
  config::TopicSettings SettingsOf(const controller::TopicInfo& topic) const;
  static CommittedState StateOf(const controller::TopicInfo& topic,
                                const config::TopicSettings& settings, int32_t partition);

  // Closes every log, each after the flush that may be under way; then `done`, on the shard, with
  // the first error. The rest is still tried. Images are not followed any more.
  void CloseAll(absl::AnyInvocable<void(absl::Status)> done);

  // Every log of this shard is in order after CloseAll: opened (recovered) and closed, or left as a
  // clean stop had left it. A broker that stopped before its first image has not even looked at
  // them.
  bool AllWhole() const;

  // PartitionServices
  void RunFlush(const Partition& partition, segment::FlushTicket ticket) override;
  void FlushWhenIdle(const Partition& partition) override;
  void ProposeIsr(const Partition& partition, const IsrProposal& proposal) override;
  void OnLogFailed(const Partition& partition, const absl::Status& why) override;
  const std::map<int32_t, ReplicaCore::BrokerView>& Brokers() const override { return brokers_; }
  ReplicationThrottle& LeaderThrottle() override { return leader_throttle_; }
  ReplicationThrottle& FollowerThrottle() { return follower_throttle_; }
  LogThrottle& StateLines() override { return state_lines_; }

  // When the oldest flush that is under way began; nullopt: there is none.
  std::optional<MonotonicTime> OldestFlush() const {
    if (flushes_.empty()) return std::nullopt;
    return flushes_.begin()->second;
  }

 private:
  struct Failure {
    std::string topic;
    absl::Status why;
    int64_t declared_epoch = -1;  // see OnLossDeclared
  };
  struct Closing;

  // The dynamic settings of brokers in the image, over those this broker was started with.
  void TakeTopicDefaults();
  void TakeThrottleRates();
  static void ApplyThrottle(const controller::TopicInfo& topic, Partition& partition);
  bool Mine(const TopicPartition& id) const;
  bool Hosted(const controller::TopicInfo& topic, int32_t partition) const;
  // Of `topic` these partitions may have changed, or all.
  void ApplyTopic(const controller::TopicInfo& topic, const std::set<int32_t>* partitions);
  void ApplyPartition(const controller::TopicInfo& topic, const config::TopicSettings& settings,
                      const TopicPartition& id);
  // Opening: wait for a turn, claim the folder, look for it where one is expected, open on a disk
  // thread, then OnOpened.
  void Open(const TopicPartition& id);
  void OpenMore();
  // First image: replicas that are counted on must have a log here.
  void ExpectFolders();
  bool MustHaveFolder(const TopicPartition& id) const;
  void OpenClaimed(const TopicPartition& id, const std::string& folder);
  // The folder's absence is the only witness of a loss: before a new one is made, the loss is
  // remembered.
  void NoticeMissingFolder(const TopicPartition& id, const std::string& folder);
  // `damage`, when it is not OK, is what the folder is set aside for first.
  void OpenLog(const TopicPartition& id, const std::string& folder, const absl::Status& damage);
  std::string WayOut(const std::string& topic, const TopicPartition& id) const;
  // An operator gave up what was damaged: the controller must know before this replica counts.
  void NoticeAcceptedLoss(const TopicPartition& id, const std::string& topic);
  void ForgetAcceptedLoss(const TopicPartition& id, const std::string& topic);
  // Damaged replicas that nobody counts on, and that another one can be fetched for.
  void RefetchDamaged();
  void OnOpened(const TopicPartition& id, const std::string& topic,
                absl::StatusOr<std::unique_ptr<segment::Log>> log);
  void Add(const controller::TopicInfo& topic, const TopicPartition& id,
           std::unique_ptr<segment::Log> log);
  void RemoveTopic(const Uuid& topic_id);
  void Remove(const TopicPartition& id);
  // Deletes the folder on a disk thread, behind all that the log has under way there; `log` may be
  // null.
  void RemoveFolder(const TopicPartition& id, const std::string& topic,
                    std::unique_ptr<segment::Log> log);
  void StartIdleFlushes();
  void CloseMore(const std::shared_ptr<Closing>& closing);
  void CloseOne(const std::shared_ptr<Closing>& closing);
  void Tick();
  // One opening ended, or somebody waits for all of them.
  void NotifyIfIdle();

  const Ports ports_;
  Shard& shard_;
  segment::DataDirectory& directory_;
  const PartitionTableOptions options_;
  HighWatermarks checkpointed_high_watermarks_;
  const Hooks hooks_;
  controller::MetadataImagePtr image_;
  config::TopicSettings topic_defaults_;
  // This shard's part of the broker's.
  ReplicationThrottle leader_throttle_;
  ReplicationThrottle follower_throttle_;
  LogThrottle state_lines_;
  std::map<int32_t, ReplicaCore::BrokerView> brokers_;
  std::map<TopicPartition, std::unique_ptr<Partition>> partitions_;
  std::set<TopicPartition> opening_;
  std::deque<TopicPartition> to_open_;  // those of opening_ that wait for their turn
  std::map<TopicPartition, Failure> failed_;
  std::vector<Task> when_idle_;
  uint64_t next_instance_ = 1;
  MonotonicTime next_housekeeping_;
  MonotonicTime next_background_flush_;
  std::map<uint64_t, MonotonicTime> flushes_;  // when those that are under way began
  uint64_t next_flush_ = 0;
  IdleFlushes idle_flushes_;
  bool flushing_idle_ = false;  // the flush that is being started is one of those
  MonotonicTime last_tick_;
  WallClockWatch wall_clock_;
  std::vector<TopicPartition> lost_replicas_;
  std::set<TopicPartition> accepted_losses_;
  std::set<TopicPartition> expected_;  // to have a folder when this process started
  TimerId tick_timer_ = 0;
  bool closing_ = false;
  bool left_unopened_ = false;  // the stop came first
};

}  // namespace soliton::broker
