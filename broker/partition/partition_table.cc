#include "broker/partition/partition_table.h"

#include "broker/partition/log_settings.h"
#include "runtime/base/check.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {

PartitionTable::PartitionTable(
    const Ports& ports, Shard& shard, segment::DataDirectory& directory,
    const PartitionTableOptions& options,
    std::map<segment::TopicPartitionName, int64_t> checkpointed_high_watermarks, Hooks hooks)
    : ports_(ports),
      shard_(shard),
      directory_(directory),
      options_(options),
      checkpointed_high_watermarks_(std::move(checkpointed_high_watermarks)),
      hooks_(std::move(hooks)),
      image_(std::make_shared<controller::MetadataImage>()) {}

PartitionTable::~PartitionTable() = default;

bool PartitionTable::Mine(const TopicPartition& id) const {
  return &ports_.shards->OwnerOf(OwnerHash(id)) == &shard_;
}

Partition* PartitionTable::Find(const TopicPartition& id) {
  auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second.get();
}

const absl::Status* PartitionTable::FindFailure(const TopicPartition& id) const {
  auto found = failed_.find(id);
  return found == failed_.end() ? nullptr : &found->second;
}

config::TopicSettings PartitionTable::SettingsOf(const controller::TopicInfo& topic) const {
  return config::EffectiveTopicSettings(topic.configs, options_.topic_defaults);
}

CommittedState PartitionTable::StateOf(const controller::TopicInfo& topic,
                                       int32_t partition) const {
  const controller::PartitionInfo& info = topic.partitions[static_cast<size_t>(partition)];
  CommittedState state;
  state.leader = info.leader;
  state.leader_epoch = info.leader_epoch;
  state.partition_epoch = info.partition_epoch;
  state.replicas = info.replicas;
  state.isr = info.isr;
  state.min_insync_replicas =
      std::min(SettingsOf(topic).min_insync_replicas, static_cast<int32_t>(info.replicas.size()));
  return state;
}

void PartitionTable::ApplyImage(const controller::MetadataImagePtr& image,
                                const controller::MetadataDelta& delta) {
  image_ = image;
  brokers_.clear();
  for (const auto& [id, broker] : image->brokers) {
    brokers_[id] = {broker.broker_epoch, broker.usable()};
  }
  for (const Uuid& topic_id : delta.deleted_topics) {
    std::vector<TopicPartition> gone;
    for (auto it = partitions_.lower_bound({topic_id, -1});
         it != partitions_.end() && it->first.topic_id == topic_id; ++it) {
      gone.push_back(it->first);
    }
    for (const TopicPartition& id : gone) Remove(id);
  }
  for (const Uuid& topic_id : delta.changed_topics) {
    if (const controller::TopicInfo* topic = image->FindTopic(topic_id)) ApplyTopic(*topic);
  }
}

void PartitionTable::ApplyTopic(const controller::TopicInfo& topic) {
  const config::TopicSettings settings = SettingsOf(topic);
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    const TopicPartition id{topic.id, static_cast<int32_t>(i)};
    if (!Mine(id)) continue;
    const auto& replicas = topic.partitions[i].replicas;
    const bool hosted =
        std::find(replicas.begin(), replicas.end(), options_.partition.broker_id) != replicas.end();
    Partition* partition = Find(id);
    if (partition == nullptr) {
      if (hosted && !opening_.contains(id) && !failed_.contains(id)) Open(topic, id);
    } else if (!hosted) {
      Remove(id);
    } else {
      partition->ApplySettings(settings);
      partition->ApplyState(StateOf(topic, id.partition));
      hooks_.on_role_changed(*partition);
    }
  }
}

void PartitionTable::Open(const controller::TopicInfo& topic, const TopicPartition& id) {
  opening_.insert(id);
  segment::OpenOptions open;
  open.directory = directory_.PartitionPath(topic.name, id.partition);
  open.topic_id = id.topic_id;
  open.clean_shutdown = directory_.was_clean();
  auto result = std::make_shared<absl::StatusOr<std::unique_ptr<segment::Log>>>(
      absl::UnknownError("not opened"));
  ports_.disk->Submit(
      OwnerHash(id), shard_,
      [files = ports_.files, clock = &shard_.clock(), open,
       options = ToLogOptions(SettingsOf(topic)),
       result] { *result = segment::Log::Open(*files, *clock, options, open); },
      [this, id, result] { OnOpened(id, std::move(*result)); });
}

void PartitionTable::OnOpened(const TopicPartition& id,
                              absl::StatusOr<std::unique_ptr<segment::Log>> log) {
  opening_.erase(id);
  const controller::TopicInfo* topic = image_->FindTopic(id.topic_id);
  if (topic == nullptr) {
    // Deleted while it was being opened.
    if (log.ok()) {
      const std::string folder = (*log)->directory();
      log->reset();
      absl::Status removed = ports_.files->RemoveTree(folder);
      if (!removed.ok()) LogError("removing {}: {}", folder, removed.ToString());
    }
    NotifyIfIdle();
    return;
  }
  if (!log.ok()) {
    LogError("{}-{}: cannot open the log, this replica stays offline: {}", topic->name,
             id.partition, log.status().ToString());
    failed_[id] = log.status();
    NotifyIfIdle();
    return;
  }
  auto checkpointed = checkpointed_high_watermarks_.find({topic->name, id.partition});
  auto partition = std::make_unique<Partition>(
      shard_, *this, id, topic->name, options_.partition, SettingsOf(*topic), std::move(*log),
      checkpointed == checkpointed_high_watermarks_.end() ? 0 : checkpointed->second);
  partition->set_instance(next_instance_++);
  Partition& added = *partition;
  partitions_[id] = std::move(partition);
  added.ApplyState(StateOf(*topic, id.partition));
  hooks_.on_role_changed(added);
  NotifyIfIdle();
}

void PartitionTable::Remove(const TopicPartition& id) {
  auto found = partitions_.find(id);
  if (found == partitions_.end()) return;
  const std::string topic = found->second->topic();
  absl::Status closed = found->second->CloseCleanly();
  if (!closed.ok()) LogWarn("{}-{}: closing: {}", topic, id.partition, closed.ToString());
  partitions_.erase(found);
  hooks_.on_removed(id);
  absl::Status removed = directory_.RemovePartition(topic, id.partition, shard_.random());
  if (!removed.ok()) LogError("{}-{}: removing: {}", topic, id.partition, removed.ToString());
}

void PartitionTable::WhenIdle(Task task) {
  when_idle_.push_back(std::move(task));
  NotifyIfIdle();
}

void PartitionTable::NotifyIfIdle() {
  if (!opening_.empty()) return;
  auto tasks = std::move(when_idle_);
  when_idle_.clear();
  for (Task& task : tasks) task();
}

void PartitionTable::Start() {
  next_housekeeping_ = shard_.clock().Now() + options_.retention_check_interval;
  tick_timer_ = shard_.ScheduleAfter(options_.tick_interval, [this] { Tick(); });
}

void PartitionTable::Tick() {
  const MonotonicTime now = shard_.clock().Now();
  const bool housekeeping = now >= next_housekeeping_;
  if (housekeeping) next_housekeeping_ = now + options_.retention_check_interval;
  for (auto& [id, partition] : partitions_) partition->OnTick(housekeeping);
  tick_timer_ = shard_.ScheduleAfter(options_.tick_interval, [this] { Tick(); });
}

void PartitionTable::RunFlush(const Partition& partition, segment::FlushTicket ticket) {
  struct Work {
    segment::FlushTicket ticket;
    absl::Status result;
  };
  auto work = std::make_shared<Work>(Work{std::move(ticket), absl::OkStatus()});
  ports_.disk->Submit(
      OwnerHash(partition.id()), shard_,
      [work, files = ports_.files] { work->result = work->ticket.Run(*files); },
      [this, work, id = partition.id(), instance = partition.instance()] {
        Partition* owner = Find(id);
        if (owner == nullptr || owner->instance() != instance) return;
        owner->OnFlushDone(work->ticket, work->result);
        if (!owner->is_leader()) hooks_.on_follower_flushed(*owner);
      });
}

void PartitionTable::ProposeIsr(const Partition& partition, const IsrProposal& proposal) {
  hooks_.propose_isr(partition.id(), proposal);
}

void PartitionTable::OnIsrAnswer(const TopicPartition& id, const IsrProposal& proposal,
                                 kafka::ErrorCode error, const CommittedState& committed) {
  if (Partition* partition = Find(id)) partition->OnIsrAnswer(proposal, error, committed);
}

absl::Status PartitionTable::CloseAll() {
  shard_.CancelTimer(tick_timer_);
  absl::Status first;
  for (auto& [id, partition] : partitions_) {
    absl::Status status = partition->CloseCleanly();
    if (!status.ok()) {
      LogError("{}-{}: closing: {}", partition->topic(), id.partition, status.ToString());
      if (first.ok()) first = status;
    }
  }
  partitions_.clear();
  return first;
}

}  // namespace soliton::broker
