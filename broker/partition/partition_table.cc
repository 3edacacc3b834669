#include "broker/partition/partition_table.h"

#include <algorithm>

#include "config/units.h"
#include "config/value_check.h"
#include "runtime/base/check.h"
#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {
namespace {

// About single partitions, of one shard.
constexpr int32_t kStateLines = 100;
constexpr Duration kStateLinesPeriod = seconds(1);
// Logs that a shard closes at once: the metadata log of a combined node shares the disk threads.
constexpr size_t kCloseAtOnce = 8;

}  // namespace

PartitionTable::PartitionTable(const Ports& ports, Shard& shard, segment::DataDirectory& directory,
                               const PartitionTableOptions& options,
                               HighWatermarks checkpointed_high_watermarks, Hooks hooks)
    : ports_(ports),
      shard_(shard),
      directory_(directory),
      options_(options),
      checkpointed_high_watermarks_(std::move(checkpointed_high_watermarks)),
      hooks_(std::move(hooks)),
      image_(std::make_shared<controller::MetadataImage>()),
      topic_defaults_(options_.topic_defaults),
      state_lines_(kStateLines, kStateLinesPeriod) {
  TakeThrottleRates();
}

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
  return found == failed_.end() ? nullptr : &found->second.why;
}

PartitionTable::HighWatermarks PartitionTable::CurrentHighWatermarks() const {
  HighWatermarks all;
  const auto keep = [&](const TopicPartition& id) {
    auto old = checkpointed_high_watermarks_.find({id.topic_id.ToString(), id.partition});
    if (old != checkpointed_high_watermarks_.end()) all.insert(*old);
  };
  for (const TopicPartition& id : opening_) keep(id);
  for (const auto& [id, failure] : failed_) keep(id);
  for (const auto& [id, partition] : partitions_) {
    all[{id.topic_id.ToString(), id.partition}] = partition->replica().high_watermark();
  }
  return all;
}

config::TopicSettings PartitionTable::SettingsOf(const controller::TopicInfo& topic) const {
  return config::EffectiveTopicSettings(topic.configs, topic_defaults_);
}

CommittedState PartitionTable::StateOf(const controller::TopicInfo& topic,
                                       const config::TopicSettings& settings, int32_t partition) {
  const controller::PartitionInfo& info = topic.partitions[static_cast<size_t>(partition)];
  CommittedState state;
  state.leader = info.leader;
  state.leader_epoch = info.leader_epoch;
  state.partition_epoch = info.partition_epoch;
  state.replicas = info.replicas;
  state.isr = info.isr;
  state.min_insync_replicas =
      std::min(settings.min_insync_replicas, static_cast<int32_t>(info.replication_factor()));
  return state;
}

void PartitionTable::ApplyImage(const controller::MetadataImagePtr& image,
                                const controller::MetadataDelta& delta) {
  if (closing_) return;
  const bool first = image_->offset < 0;
  image_ = image;
  if (first) ExpectFolders();
  brokers_.clear();
  for (const auto& [id, broker] : image->brokers) {
    brokers_[id] = {broker.broker_epoch, broker.usable()};
  }
  for (const Uuid& topic_id : delta.deleted_topics) RemoveTopic(topic_id);
  if (delta.broker_configs_changed) {
    TakeTopicDefaults();
    TakeThrottleRates();
    for (const auto& [topic_id, topic] : image->topics_by_id) ApplyTopic(*topic, nullptr);
  } else {
    for (const Uuid& topic_id : delta.changed_topics) {
      const controller::TopicInfo* topic = image->FindTopic(topic_id);
      if (topic != nullptr) ApplyTopic(*topic, nullptr);
    }
    for (const auto& [topic_id, partitions] : delta.changed_partitions) {
      const controller::TopicInfo* topic = image->FindTopic(topic_id);
      if (topic != nullptr) ApplyTopic(*topic, &partitions);
    }
  }
  RefetchDamaged();
}

void PartitionTable::TakeTopicDefaults() {
  topic_defaults_ = options_.topic_defaults;
  config::ApplyBrokerConfigs(image_->BrokerConfigs(controller::kEveryBroker), topic_defaults_);
  config::ApplyBrokerConfigs(image_->BrokerConfigs(options_.partition.broker_id), topic_defaults_);
}

void PartitionTable::TakeThrottleRates() {
  const auto rate_of = [&](const char* name, int64_t started_with) {
    int64_t rate = started_with;
    for (const int32_t id : {controller::kEveryBroker, options_.partition.broker_id}) {
      const auto& configs = image_->BrokerConfigs(id);
      const auto found = configs.find(name);
      if (found == configs.end()) continue;
      const absl::StatusOr<int64_t> value = config::ParseInteger(config::Trim(found->second));
      if (value.ok()) rate = *value;
    }
    if (rate == ReplicationThrottle::kUnlimited) return rate;
    return std::max<int64_t>(1, rate / ports_.shards->size());
  };
  leader_throttle_.SetRate(
      rate_of("leader.replication.throttled.rate", options_.leader_throttle_rate));
  follower_throttle_.SetRate(
      rate_of("follower.replication.throttled.rate", options_.follower_throttle_rate));
}

void PartitionTable::ApplyThrottle(const controller::TopicInfo& topic, Partition& partition) {
  const auto replicas_of = [&](const char* name) {
    const auto found = topic.configs.find(name);
    return found == topic.configs.end() ? ThrottledReplicas() : ThrottledReplicas(found->second);
  };
  partition.SetThrottled(replicas_of("leader.replication.throttled.replicas"),
                         replicas_of("follower.replication.throttled.replicas"));
}

void PartitionTable::ExpectFolders() {
  const auto among = [&](const std::vector<int32_t>& ids) {
    return std::find(ids.begin(), ids.end(), options_.partition.broker_id) != ids.end();
  };
  for (const auto& [topic_id, topic] : image_->topics_by_id) {
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const controller::PartitionInfo& info = topic->partitions[i];
      // In its first partition epoch a topic may be younger than this process's predecessor.
      if (info.partition_epoch == 0 || !(among(info.isr) || among(info.eligible_leaders))) continue;
      const TopicPartition id{topic_id, static_cast<int32_t>(i)};
      if (Mine(id)) expected_.insert(id);
    }
  }
}

bool PartitionTable::Hosted(const controller::TopicInfo& topic, int32_t partition) const {
  if (static_cast<size_t>(partition) >= topic.partitions.size()) return false;
  const auto& replicas = topic.partitions[static_cast<size_t>(partition)].replicas;
  return std::find(replicas.begin(), replicas.end(), options_.partition.broker_id) !=
         replicas.end();
}

void PartitionTable::ApplyTopic(const controller::TopicInfo& topic,
                                const std::set<int32_t>* partitions) {
  const config::TopicSettings settings = SettingsOf(topic);
  if (partitions != nullptr) {
    for (const int32_t partition : *partitions) {
      ApplyPartition(topic, settings, {topic.id, partition});
    }
    return;
  }
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    ApplyPartition(topic, settings, {topic.id, static_cast<int32_t>(i)});
  }
}

void PartitionTable::ApplyPartition(const controller::TopicInfo& topic,
                                    const config::TopicSettings& settings,
                                    const TopicPartition& id) {
  if (!Mine(id)) return;
  Partition* partition = Find(id);
  if (!Hosted(topic, id.partition)) {
    Remove(id);
  } else if (partition == nullptr) {
    if (!opening_.contains(id) && !failed_.contains(id)) Open(id);
  } else {
    partition->ApplySettings(settings);
    ApplyThrottle(topic, *partition);
    partition->ApplyState(StateOf(topic, settings, id.partition));
    hooks_.on_role_changed(*partition);
  }
}

// ---- removing ----

void PartitionTable::RemoveTopic(const Uuid& topic_id) {
  std::vector<TopicPartition> gone;
  const TopicPartition first{topic_id, -1};
  const auto collect = [&](const auto& map) {
    for (auto it = map.lower_bound(first); it != map.end() && it->first.topic_id == topic_id; ++it)
      gone.push_back(it->first);
  };
  collect(partitions_);
  collect(failed_);
  for (const TopicPartition& id : gone) Remove(id);
}

void PartitionTable::Remove(const TopicPartition& id) {
  // What comes here again begins anew: its predecessor's high watermark is no promise of it.
  if (!SOLITON_MUTANT("checkpoint_outlives_its_replica")) {
    checkpointed_high_watermarks_.erase({id.topic_id.ToString(), id.partition});
  }
  if (auto failed = failed_.extract(id); !failed.empty()) {
    return RemoveFolder(id, failed.mapped().topic, nullptr);
  }
  auto found = partitions_.find(id);
  if (found == partitions_.end()) return;
  const std::string topic = found->second->topic();
  std::unique_ptr<segment::Log> log = found->second->ReleaseLog();
  partitions_.erase(found);
  hooks_.on_removed(id);
  RemoveFolder(id, topic, std::move(log));
}

void PartitionTable::RemoveFolder(const TopicPartition& id, const std::string& topic,
                                  std::unique_ptr<segment::Log> log) {
  auto result = std::make_shared<absl::Status>();
  ports_.disk->Submit(
      OwnerHash(id), shard_,
      [directory = &directory_, topic, partition = id.partition, log = std::move(log),
       random = Random(shard_.random().Next()), result]() mutable {
        log.reset();
        *result = directory->RemovePartition(topic, partition, random);
      },
      [this, topic, id, result] {
        if (!result->ok()) {
          LogError("{}-{}: removing: {}", topic, id.partition, result->ToString());
        }
        hooks_.release_folder(directory_.PartitionPath(topic, id.partition));
      });
}

void PartitionTable::WhenIdle(Task task) {
  when_idle_.push_back(std::move(task));
  NotifyIfIdle();
}

void PartitionTable::NotifyIfIdle() {
  OpenMore();
  if (!opening_.empty()) return;
  auto tasks = std::move(when_idle_);
  when_idle_.clear();
  for (Task& task : tasks) task();
}

void PartitionTable::Start() {
  last_tick_ = shard_.clock().Now();
  wall_clock_.Look(last_tick_, shard_.clock().WallMs());
  next_housekeeping_ = last_tick_ + options_.retention_check_interval;
  next_background_flush_ = last_tick_ + options_.background_flush_interval;
  tick_timer_ = shard_.ScheduleAfter(options_.tick_interval, [this] { Tick(); });
}

void PartitionTable::Tick() {
  const MonotonicTime now = shard_.clock().Now();
  const bool housekeeping = now >= next_housekeeping_;
  if (housekeeping) next_housekeeping_ = now + options_.retention_check_interval;
  // A shard that did not run for long (SIGSTOP, a blocked write) has not heard its followers.
  const Duration silence = now - std::exchange(last_tick_, now) - options_.tick_interval;
  if (silence > options_.partition.replica.replica_lag_time_max / 4) {
    for (auto& [id, partition] : partitions_) partition->OnStalled();
  }
  for (auto& [id, partition] : partitions_) partition->OnTick();
  if (const int64_t step_ms = wall_clock_.Look(now, shard_.clock().WallMs()); step_ms > 0) {
    LogWarn(
        "the wall clock stepped ahead by {} s: for a day nothing is deleted for its age that was "
        "not old enough before; set the clock right, or restart to delete at once",
        step_ms / 1000);
  }
  if (housekeeping) {
    for (auto& [id, partition] : partitions_) {
      partition->DeleteWhatIsOld(wall_clock_.excess_ms());
    }
  }
  if (!options_.partition.flush_before_ack && now >= next_background_flush_) {
    next_background_flush_ = now + options_.background_flush_interval;
    for (auto& [id, partition] : partitions_) FlushWhenIdle(*partition);
  }
  tick_timer_ = shard_.ScheduleAfter(options_.tick_interval, [this] { Tick(); });
}

void PartitionTable::RunFlush(const Partition& partition, segment::FlushTicket ticket) {
  struct Work {
    segment::FlushTicket ticket;
    absl::Status result;
  };
  auto work = std::make_shared<Work>(Work{std::move(ticket), absl::OkStatus()});
  const uint64_t flush = next_flush_++;
  flushes_[flush] = shard_.clock().Now();
  ports_.disk->Submit(
      OwnerHash(partition.id()), shard_,
      [work, files = ports_.files] { work->result = work->ticket.Run(*files); },
      [this, work, flush, id = partition.id(), instance = partition.instance(),
       idle = flushing_idle_] {
        flushes_.erase(flush);
        if (idle) {
          idle_flushes_.OnDone();
          StartIdleFlushes();
        }
        Partition* owner = Find(id);
        if (owner == nullptr || owner->instance() != instance) return;
        owner->OnFlushDone(work->ticket, work->result);
        if (!owner->is_leader()) hooks_.on_follower_flushed(*owner);
      });
}

void PartitionTable::FlushWhenIdle(const Partition& partition) {
  idle_flushes_.Add(partition.id());
  StartIdleFlushes();
}

void PartitionTable::StartIdleFlushes() {
  while (const auto id = idle_flushes_.Next()) {
    const uint64_t flushes_before = next_flush_;
    flushing_idle_ = true;
    if (Partition* partition = Find(*id)) partition->FlushInBackground();
    flushing_idle_ = false;
    // One that went meanwhile, or was flushed with records.
    if (next_flush_ == flushes_before) idle_flushes_.OnDone();
  }
}

void PartitionTable::ProposeIsr(const Partition& partition, const IsrProposal& proposal) {
  hooks_.propose_isr(partition.id(), proposal);
}

void PartitionTable::OnLogFailed(const Partition& partition, const absl::Status& why) {
  hooks_.on_log_failed(
      absl::Status(why.code(), fmt::format("{}-{}: {}", partition.topic(), partition.id().partition,
                                           std::string(why.message()))));
}

void PartitionTable::OnIsrAnswer(const TopicPartition& id, const IsrProposal& proposal,
                                 kafka::ErrorCode error, int32_t partition_epoch) {
  if (Partition* partition = Find(id)) partition->OnIsrAnswer(proposal, error, partition_epoch);
}

// ---- closing ----

bool PartitionTable::AllWhole() const {
  const bool all_opened = image_->offset >= 0 && !left_unopened_;
  return failed_.empty() && (all_opened || directory_.was_clean());
}

struct PartitionTable::Closing {
  absl::AnyInvocable<void(absl::Status)> done;
  size_t under_way = 0;
  absl::Status first;
};

void PartitionTable::CloseAll(absl::AnyInvocable<void(absl::Status)> done) {
  closing_ = true;
  shard_.CancelTimer(tick_timer_);
  for (auto& [id, partition] : partitions_) partition->BeginClose();
  WhenIdle([this, done = std::move(done)]() mutable {
    if (partitions_.empty()) return done(absl::OkStatus());
    auto closing = std::make_shared<Closing>();
    closing->done = std::move(done);
    // Behind whatever the disk threads still do for these logs.
    auto lanes = std::make_shared<size_t>(partitions_.size());
    for (const auto& [id, partition] : partitions_) {
      ports_.disk->Submit(
          OwnerHash(id), shard_, [] {},
          [this, lanes, closing] {
            if (--*lanes == 0) CloseMore(closing);
          });
    }
  });
}

void PartitionTable::CloseMore(const std::shared_ptr<Closing>& closing) {
  while (!partitions_.empty() && closing->under_way < kCloseAtOnce) {
    ++closing->under_way;
    CloseOne(closing);
  }
  if (closing->under_way == 0) closing->done(closing->first);
}

void PartitionTable::CloseOne(const std::shared_ptr<Closing>& closing) {
  auto found = partitions_.begin();
  const TopicPartition id = found->first;
  std::shared_ptr<segment::Log> log = found->second->ReleaseLog();
  const std::string topic = found->second->topic();
  partitions_.erase(found);
  auto result = std::make_shared<absl::Status>();
  ports_.disk->Submit(
      OwnerHash(id), shard_, [log, result] { *result = log->CloseCleanly(); },
      [this, topic, id, result, closing] {
        if (!result->ok()) {
          LogError("{}-{}: closing: {}", topic, id.partition, result->ToString());
        }
        if (closing->first.ok()) closing->first = *result;
        --closing->under_way;
        CloseMore(closing);
      });
}

}  // namespace soliton::broker
