// How a PartitionTable comes to its logs: opening, what it finds missing, damaged or given up, and
// starting over with a damaged one.
#include <algorithm>

#include "broker/partition/log_settings.h"
#include "broker/partition/partition_folder.h"
#include "broker/partition/partition_table.h"
#include "runtime/base/mutant.h"
#include "runtime/base/os_error.h"
#include "runtime/base/reach.h"
#include "runtime/obs/logging.h"
#include "segment/accept_loss.h"

namespace soliton::broker {
namespace {

// Logs that a shard opens at once. Thousands come with one image, and each costs a few syncs: what
// flushes, votes and heartbeats wait for behind them on the disk threads stays short, and the disk
// is busy all the same.
constexpr size_t kOpenAtOnce = 8;

}  // namespace

// What an operator may do about damage.
std::string PartitionTable::WayOut(const std::string& topic, const TopicPartition& id) const {
  return fmt::format(
      "; it is fetched again as soon as another replica leads the partition. If there is none, "
      "stop "
      "this broker and accept the loss: soliton log accept-loss {} --yes",
      directory_.PartitionPath(topic, id.partition));
}

void PartitionTable::Open(const TopicPartition& id) {
  opening_.insert(id);
  to_open_.push_back(id);
  OpenMore();
}

void PartitionTable::OpenMore() {
  while (!to_open_.empty() && opening_.size() - to_open_.size() < kOpenAtOnce) {
    const TopicPartition id = to_open_.front();
    to_open_.pop_front();
    const controller::TopicInfo* topic = image_->FindTopic(id.topic_id);
    if (topic == nullptr || closing_) {
      opening_.erase(id);
      left_unopened_ |= topic != nullptr;
      continue;
    }
    const std::string folder = directory_.PartitionPath(topic->name, id.partition);
    hooks_.claim_folder(folder, [this, id, folder] { OpenClaimed(id, folder); });
  }
}

bool PartitionTable::MustHaveFolder(const TopicPartition& id) const {
  return expected_.contains(id) && options_.partition.flush_before_ack &&
         !SOLITON_MUTANT("missing_folder_is_ignored");
}

void PartitionTable::OpenClaimed(const TopicPartition& id, const std::string& folder) {
  if (!MustHaveFolder(id)) return OpenLog(id, folder, absl::OkStatus());
  auto found = std::make_shared<bool>(true);
  ports_.disk->Submit(
      OwnerHash(id), shard_,
      [files = ports_.files, folder, topic_id = id.topic_id,
       random = Random(shard_.random().Next()), found]() mutable {
        // One that is in the way and cannot be moved is there, for OpenLog to complain about.
        *found = !SetAsideForeign(*files, folder, topic_id, random).ok() || files->Exists(folder);
      },
      [this, id, folder, found] {
        if (*found) return OpenLog(id, folder, absl::OkStatus());
        NoticeMissingFolder(id, folder);
      });
}

void PartitionTable::NoticeMissingFolder(const TopicPartition& id, const std::string& folder) {
  SOMETIMES("the folder of an in-sync replica was missing");
  LogError("{}: LOSS: this replica was in sync, but there is no log of it here", folder);
  lost_replicas_.push_back(id);
  if (SOLITON_MUTANT("loss_is_remembered_late")) return OpenLog(id, folder, absl::OkStatus());
  hooks_.on_loss(id, [this, id, folder] { OpenLog(id, folder, absl::OkStatus()); });
}

void PartitionTable::OnLossDeclared(const std::vector<TopicPartition>& replicas,
                                    int64_t broker_epoch) {
  for (const TopicPartition& id : replicas) {
    if (auto failed = failed_.find(id); failed != failed_.end()) {
      failed->second.declared_epoch = broker_epoch;
    }
    const Partition* partition = Find(id);
    if (partition != nullptr && accepted_losses_.erase(id) > 0) {
      ForgetAcceptedLoss(id, partition->topic());
    }
  }
  RefetchDamaged();
}

void PartitionTable::RefetchDamaged() {
  if (closing_ || failed_.empty()) return;
  const int32_t self = options_.partition.broker_id;
  const controller::BrokerInfo* registered = image_->FindBroker(self);
  const auto others_have_all = [&](const controller::PartitionInfo& info) {
    const auto counts_on_us = [&](const std::vector<int32_t>& ids) {
      return std::find(ids.begin(), ids.end(), self) != ids.end();
    };
    return info.leader != controller::kNoLeader && info.leader != self && !counts_on_us(info.isr) &&
           !counts_on_us(info.eligible_leaders);
  };
  std::vector<std::pair<TopicPartition, Failure>> starting_over;
  for (const auto& [id, failure] : failed_) {
    // A disk that does not answer may be right again later; bytes that are wrong stay so.
    const bool damaged = absl::IsDataLoss(failure.why) && !ErrnoOf(failure.why);
    const bool declared = failure.declared_epoch >= 0 && registered != nullptr &&
                          registered->broker_epoch >= failure.declared_epoch;
    const controller::PartitionInfo* info = image_->FindPartition(id.topic_id, id.partition);
    if (damaged && declared && info != nullptr && others_have_all(*info)) {
      starting_over.emplace_back(id, failure);
    }
  }
  for (const auto& [id, failure] : starting_over) {
    SOMETIMES("a damaged replica was set aside and fetched again");
    failed_.erase(id);
    checkpointed_high_watermarks_.erase({id.topic_id.ToString(), id.partition});
    opening_.insert(id);  // its folder is still claimed
    OpenLog(id, directory_.PartitionPath(failure.topic, id.partition), failure.why);
  }
}

void PartitionTable::OpenLog(const TopicPartition& id, const std::string& folder,
                             const absl::Status& damage) {
  const controller::TopicInfo* topic = image_->FindTopic(id.topic_id);
  if (topic == nullptr || closing_) {
    opening_.erase(id);
    left_unopened_ |= topic != nullptr;
    hooks_.release_folder(folder);
    NotifyIfIdle();
    return;
  }
  segment::OpenOptions open;
  open.directory = folder;
  open.topic_id = id.topic_id;
  open.clean_shutdown = directory_.was_clean();
  open.parent_synced = true;  // when the data directory was opened
  struct Opened {
    bool loss_accepted = false;  // with `soliton log accept-loss`
    absl::StatusOr<std::unique_ptr<segment::Log>> log = absl::UnknownError("not opened");
  };
  auto result = std::make_shared<Opened>();
  ports_.disk->Submit(
      OwnerHash(id), shard_,
      [files = ports_.files, clock = &shard_.clock(), open, damage,
       options = ToLogOptions(SettingsOf(*topic)), random = Random(shard_.random().Next()),
       result]() mutable {
        absl::Status ours = damage.ok()
                                ? SetAsideForeign(*files, open.directory, open.topic_id, random)
                                : SetAsideDamaged(*files, open.directory, damage, random);
        result->loss_accepted = files->Exists(JoinPath(open.directory, segment::kLossAcceptedName));
        if (ours.ok()) {
          result->log = segment::Log::Open(*files, *clock, options, open);
        } else {
          result->log = ours;
        }
      },
      [this, id, name = topic->name, result] {
        if (result->loss_accepted) NoticeAcceptedLoss(id, name);
        OnOpened(id, name, std::move(result->log));
      });
}

void PartitionTable::NoticeAcceptedLoss(const TopicPartition& id, const std::string& topic) {
  LogError("{}-{}: LOSS: damaged records of this replica were given up with accept-loss", topic,
           id.partition);
  lost_replicas_.push_back(id);
  accepted_losses_.insert(id);
}

void PartitionTable::ForgetAcceptedLoss(const TopicPartition& id, const std::string& topic) {
  const std::string folder = directory_.PartitionPath(topic, id.partition);
  ports_.disk->Submit(
      OwnerHash(id), shard_,
      [files = ports_.files, folder] {
        const std::string path = JoinPath(folder, segment::kLossAcceptedName);
        absl::Status removed = files->Remove(path);
        if (removed.ok()) removed = files->SyncDirectory(folder);
        if (!removed.ok()) LogWarn("{}", removed.ToString());  // it is declared once more, then
      },
      [] {});
}

void PartitionTable::OnOpened(const TopicPartition& id, const std::string& topic_name,
                              absl::StatusOr<std::unique_ptr<segment::Log>> log) {
  opening_.erase(id);
  const controller::TopicInfo* topic = image_->FindTopic(id.topic_id);
  if (topic == nullptr || !Hosted(*topic, id.partition)) {
    // Deleted while it was being opened.
    RemoveFolder(id, topic_name, log.ok() ? *std::move(log) : nullptr);
  } else if (!log.ok()) {
    const bool damaged = absl::IsDataLoss(log.status()) && !ErrnoOf(log.status());
    LogError("{}-{}: cannot open the log, this replica stays offline: {}{}", topic_name,
             id.partition, log.status().ToString(), damaged ? WayOut(topic_name, id) : "");
    failed_[id] = {topic_name, log.status()};
    SOMETIMES("a log could not be opened");
    lost_replicas_.push_back(id);
  } else {
    Add(*topic, id, *std::move(log));
  }
  NotifyIfIdle();
}

void PartitionTable::Add(const controller::TopicInfo& topic, const TopicPartition& id,
                         std::unique_ptr<segment::Log> log) {
  const config::TopicSettings settings = SettingsOf(topic);
  auto found = checkpointed_high_watermarks_.find({id.topic_id.ToString(), id.partition});
  const int64_t checkpointed = found == checkpointed_high_watermarks_.end() ? 0 : found->second;
  if (!SOLITON_MUTANT("checkpoint_above_end_is_ignored") && checkpointed > log->log_end_offset() &&
      options_.partition.flush_before_ack && !settings.unclean_leader_election_enable) {
    LogError("{}-{}: LOSS: the log ends at {}, but records up to {} were committed here",
             topic.name, id.partition, log->log_end_offset(), checkpointed);
    lost_replicas_.push_back(id);
  }
  auto partition = std::make_unique<Partition>(shard_, *this, id, topic.name, options_.partition,
                                               settings, std::move(log), checkpointed);
  partition->set_instance(next_instance_++);
  Partition& added = *partition;
  partitions_[id] = std::move(partition);
  if (closing_) return added.BeginClose();
  ApplyThrottle(topic, added);
  added.ApplyState(StateOf(topic, settings, id.partition));
  hooks_.on_role_changed(added);
}

}  // namespace soliton::broker
