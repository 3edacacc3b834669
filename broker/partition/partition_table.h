// The replicas that one shard owns: creates, re-roles and removes them as metadata images say, and
// carries their slow work (opening, flushing, removing, ISR proposals) to disk threads and to the
// controller. Lives on its shard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/partition/partition.h"
#include "controller/metadata/metadata_image.h"
#include "runtime/ports.h"
#include "segment/data_directory.h"

namespace soliton::broker {

struct PartitionTableOptions {
  PartitionOptions partition;
  config::TopicSettings topic_defaults;
  Duration tick_interval = milliseconds(200);
  Duration retention_check_interval = milliseconds(300000);
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
  };

  PartitionTable(const Ports& ports, Shard& shard, segment::DataDirectory& directory,
                 const PartitionTableOptions& options,
                 std::map<segment::TopicPartitionName, int64_t> checkpointed_high_watermarks,
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
  bool IsOpening(const TopicPartition& id) const { return opening_.contains(id); }

  void OnIsrAnswer(const TopicPartition& id, const IsrProposal& proposal, kafka::ErrorCode error,
                   const CommittedState& committed);
  // Settings of a topic: the broker's defaults under its overrides.
  config::TopicSettings SettingsOf(const controller::TopicInfo& topic) const;
  CommittedState StateOf(const controller::TopicInfo& topic, int32_t partition) const;

  // Closes every log; blocks. First error wins, the rest is still tried.
  absl::Status CloseAll();

  // PartitionServices
  void RunFlush(const Partition& partition, segment::FlushTicket ticket) override;
  void ProposeIsr(const Partition& partition, const IsrProposal& proposal) override;
  const std::map<int32_t, ReplicaCore::BrokerView>& Brokers() const override { return brokers_; }

 private:
  bool Mine(const TopicPartition& id) const;
  void ApplyTopic(const controller::TopicInfo& topic);
  void Open(const controller::TopicInfo& topic, const TopicPartition& id);
  void OnOpened(const TopicPartition& id, absl::StatusOr<std::unique_ptr<segment::Log>> log);
  void Remove(const TopicPartition& id);
  void Tick();
  void NotifyIfIdle();

  const Ports ports_;
  Shard& shard_;
  segment::DataDirectory& directory_;
  const PartitionTableOptions options_;
  std::map<segment::TopicPartitionName, int64_t> checkpointed_high_watermarks_;
  const Hooks hooks_;
  controller::MetadataImagePtr image_;
  std::map<int32_t, ReplicaCore::BrokerView> brokers_;
  std::map<TopicPartition, std::unique_ptr<Partition>> partitions_;
  std::set<TopicPartition> opening_;
  std::map<TopicPartition, absl::Status> failed_;
  std::vector<Task> when_idle_;
  uint64_t next_instance_ = 1;
  MonotonicTime next_housekeeping_;
  TimerId tick_timer_ = 0;
};

}  // namespace soliton::broker
