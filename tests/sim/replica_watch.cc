#include "tests/sim/replica_watch.h"

#include <algorithm>

#include "controller/metadata/image_records.h"
#include "controller/metadata/metadata_image.h"
#include "runtime/base/crc32c.h"
#include "tests/sim/checkers/invariant_02_18_log_matching.h"
#include "tests/sim/checkers/invariant_05_quorum_superset.h"
#include "tests/sim/checkers/invariant_27_legal_deletion.h"
#include "tests/sim/replica_logs.h"

namespace soliton::sim {
namespace {

uint64_t HashOf(const controller::MetadataImage& image) {
  uint32_t crc = 0;
  uint64_t bytes = 0;
  controller::ImageToRecords(image, [&](const controller::pb::MetadataRecord& record) {
    const std::string text = record.SerializeAsString();
    crc = Crc32c({reinterpret_cast<const uint8_t*>(text.data()), text.size()}) ^ (crc * 31);
    bytes += text.size();
  });
  return bytes << 32 | crc;
}

}  // namespace

const PartitionName& ReplicaWatch::NameOf(const Uuid& topic_id, const std::string& topic,
                                          int32_t partition) {
  auto known = names_.find({topic_id, partition});
  if (known != names_.end()) return known->second;
  const bool first = first_of_name_.try_emplace(topic, topic_id).first->second == topic_id;
  PartitionName name{first ? topic : fmt::format("{}@{}", topic, topic_id.ToString()), partition};
  return names_.emplace(PartitionKey{topic_id, partition}, std::move(name)).first->second;
}

void ReplicaWatch::OnEvent(EventTag tag) {
  // Only tasks and timers run a process's code on its shards.
  if (tag.kind != EventKind::kTask && tag.kind != EventKind::kTimer) return;
  for (int number = 1; number <= cluster_.controller_count(); ++number) {
    if (cluster_.controller(number).id() == tag.node) ObserveController(number);
  }
  for (int32_t id = 1; id <= cluster_.broker_count(); ++id) {
    if (cluster_.broker(id).id() != tag.node) continue;
    const broker::Broker* app = cluster_.BrokerApp(id);
    if (app != nullptr) world_.Inspect([&] { Observe(id, *app); });
  }
  if (dirty_.empty()) return;
  for (const PartitionKey& key : dirty_) {
    world_.Fail("4: candidate completeness", CheckCandidates(key));
  }
  dirty_.clear();
}

void ReplicaWatch::OnDiskDamaged(int32_t broker_id, bool rotten) {
  if (rotten) {
    rotten_.insert(broker_id);
  } else {
    rotten_.erase(broker_id);
  }
  durable_.Forget(broker_id);
  damaged_[broker_id] = cluster_.broker(broker_id).incarnation();
}

bool ReplicaWatch::IsPresent(int32_t broker_id, const BrokerState& state) const {
  const SimNode& node = cluster_.broker(broker_id);
  return node.alive() && node.incarnation() == state.incarnation;
}

void ReplicaWatch::Observe(int32_t broker_id, const broker::Broker& app) {
  BrokerState& state = latest_[broker_id];
  const int incarnation = cluster_.broker(broker_id).incarnation();
  if (state.incarnation != incarnation) {
    state = BrokerState{incarnation, {}, nullptr};
    // What rotted may be found only after a process that knew the rest as durable.
    if (rotten_.contains(broker_id)) durable_.Forget(broker_id);
  }
  app.Replicas(scratch_);
  std::swap(scratch_, state.replicas);  // scratch_ is what was seen before
  NoticeGone(broker_id, state, scratch_);
  for (size_t i = 0; i < state.replicas.size(); ++i) {
    const ReplicaSnapshot& replica = state.replicas[i];
    if (i < scratch_.size() && scratch_[i] == replica) continue;
    NameOf(replica.topic_id, replica.topic, replica.partition);
    if (replica.offline) {
      // It may have failed while being truncated.
      durable_
          .Observe({.broker = broker_id,
                    .incarnation = incarnation,
                    .partition = NameOf(replica),
                    .log_end_offset = INT64_MAX,
                    .flushed_offset = std::min(replica.flushed_offset, replica.log_end_offset)})
          .IgnoreError();
      continue;
    }
    OnReplicaChanged(broker_id, app, replica);
  }
  auto image = app.Image();
  if (image == state.image) return;
  state.image = std::move(image);
  if (state.image->offset < 0) return;
  const std::string who =
      fmt::format("process {} of {}", incarnation, cluster_.broker(broker_id).name());
  world_.Fail("19: metadata determinism",
              metadata_.Observe(who, state.image->offset, HashOf(*state.image)));
}

void ReplicaWatch::NoticeLeft(const PartitionKey& key, const PartitionName& name,
                              const std::vector<int32_t>& replicas) {
  std::vector<int32_t>& known = replicas_[key];
  for (const int32_t id : known) {
    if (std::find(replicas.begin(), replicas.end(), id) == replicas.end()) left_.insert({id, name});
  }
  known = replicas;
}

void ReplicaWatch::NoticeGone(int32_t broker_id, const BrokerState& state,
                              const std::vector<ReplicaSnapshot>& before) {
  const auto same = [](const ReplicaSnapshot& a, const ReplicaSnapshot& b) {
    return a.topic_id == b.topic_id && a.partition == b.partition;
  };
  const std::vector<ReplicaSnapshot>& now = state.replicas;
  if (before.size() <= now.size() && std::equal(before.begin(), before.end(), now.begin(), same)) {
    return;
  }
  for (const ReplicaSnapshot& old : before) {
    const auto is_old = [&](const ReplicaSnapshot& replica) { return same(old, replica); };
    if (std::any_of(now.begin(), now.end(), is_old)) continue;
    durable_.Forget(broker_id, NameOf(old));
    truncation_.Forget(broker_id, state.incarnation, NameOf(old));
  }
}

void ReplicaWatch::OnReplicaChanged(int32_t broker_id, const broker::Broker& app,
                                    const ReplicaSnapshot& replica) {
  ReplicaObservation seen;
  seen.broker = broker_id;
  seen.incarnation = cluster_.broker(broker_id).incarnation();
  seen.partition = NameOf(replica);
  seen.leader = replica.leader;
  seen.leader_epoch = replica.leader_epoch;
  seen.isr = replica.isr;
  seen.maximal_isr = replica.maximal_isr;
  seen.min_insync_replicas = replica.min_insync_replicas;
  seen.log_start_offset = replica.log_start_offset;
  seen.high_watermark = replica.high_watermark;
  seen.log_end_offset = replica.log_end_offset;
  seen.flushed_offset = replica.flushed_offset;
  if (left_.contains({broker_id, seen.partition}) &&
      durable_.ForgetEarlier(broker_id, seen.partition, seen.incarnation)) {
    left_.erase({broker_id, seen.partition});
  }
  world_.Fail("1: one leader per epoch", one_leader_.Observe(seen));
  world_.Fail("6: durable before counted", durable_.Observe(seen));
  world_.Fail("14: truncation bound", truncation_.Observe(seen));
  if (seen.leader) OnLeaderChanged(app, replica, seen);
  world_.Fail("27: legal deletion",
              CheckDeletion(seen, true_high_watermark(seen.partition), plan_.MayDelete()));
  dirty_.insert({replica.topic_id, replica.partition});
}

void ReplicaWatch::OnLeaderChanged(const broker::Broker& app, const ReplicaSnapshot& replica,
                                   const ReplicaObservation& seen) {
  stale_actors_.OnLeader(seen);
  int64_t& start = highest_log_start_[seen.partition];
  start = std::max(start, seen.log_start_offset);
  if (led_.emplace(seen.partition, seen.leader_epoch, seen.incarnation).second) {
    const BatchObservation* last = ledger_.last(seen.partition);
    // One that was deposed before it knew that it led need not have what its successor committed.
    if (last != nullptr && !stale_actors_.IsDeposed(seen) &&
        seen.log_start_offset <= last->base_offset) {
      auto tail = ReadBatches(app, replica, last->base_offset,
                              std::min(seen.log_end_offset, last->last_offset + 1));
      if (!tail.ok()) return world_.Fail("3: leader completeness", tail.status());
      world_.Fail("3: leader completeness", ledger_.CheckLeader(seen, *tail));
    }
  }
  if (seen.high_watermark > true_high_watermark(seen.partition)) OnCommit(app, replica, seen);
}

void ReplicaWatch::OnCommit(const broker::Broker& app, const ReplicaSnapshot& replica,
                            const ReplicaObservation& seen) {
  world_.Fail("15: stale actors", stale_actors_.OnCommit(seen));
  auto committed = committed_.find({replica.topic_id, replica.partition});
  if (committed != committed_.end() && AnyControllerRuns()) {
    world_.Fail("5: quorum superset", CheckQuorum(seen, committed->second));
  }
  const int64_t from = std::max(ledger_.end(seen.partition), seen.log_start_offset);
  auto batches = ReadBatches(app, replica, from, seen.high_watermark);
  if (!batches.ok()) return world_.Fail("3: what is committed can be read", batches.status());
  world_.Fail("8: committed offsets are not reused",
              ledger_.Commit(seen.partition, seen.broker, *batches));
  true_high_watermark_[seen.partition] = seen.high_watermark;
}

bool ReplicaWatch::AnyControllerRuns() const {
  for (int number = 1; number <= cluster_.controller_count(); ++number) {
    if (cluster_.ControllerApp(number) != nullptr) return true;
  }
  return false;
}

void ReplicaWatch::ObserveController(int number) {
  const controller::ControllerNode* app = cluster_.ControllerApp(number);
  if (app == nullptr) return;
  const std::string who =
      fmt::format("controller {} in process {}", number, cluster_.controller(number).incarnation());
  const controller::QuorumCore& quorum = app->quorum();
  world_.Fail("1: metadata quorum", quorum_.Observe({.process = who,
                                                     .voter = quorum.self().ToString(),
                                                     .epoch = quorum.epoch(),
                                                     .leads = quorum.is_leader(),
                                                     .committed_end = quorum.committed_end()}));
  const controller::MetadataImage& image = app->committed_image();
  int64_t& seen = metadata_offsets_[who];
  if (image.offset == seen || image.offset < 0) return;
  seen = image.offset;
  world_.Fail("19: metadata determinism", metadata_.Observe(who, image.offset, HashOf(image)));
  // Followers hear later of what is committed.
  if (image.offset <= metadata_offset_) return;
  metadata_offset_ = image.offset;
  for (const auto& [id, broker] : image.brokers) {
    world_.Fail("15: stale actors", stale_actors_.OnBrokerEpoch(id, broker.broker_epoch));
  }
  for (const auto& [topic_id, topic] : image.topics_by_id) {
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const controller::PartitionInfo& info = topic->partitions[i];
      const PartitionKey key{topic_id, static_cast<int32_t>(i)};
      PartitionMetadata& known = committed_[key];
      if (known.partition_epoch == info.partition_epoch &&
          known.leader_epoch == info.leader_epoch && known.isr == info.isr &&
          known.leader == info.leader) {
        continue;
      }
      NoticeLeft(key, NameOf(topic_id, topic->name, key.second), info.replicas);
      known = {NameOf(topic_id, topic->name, key.second),
               info.leader,
               info.leader_epoch,
               info.partition_epoch,
               info.isr,
               info.eligible_leaders};
      world_.Fail("15: stale actors", stale_actors_.OnPartition(known));
      dirty_.insert(key);
    }
  }
  std::erase_if(committed_, [&](const auto& entry) {
    return image.FindPartition(entry.first.first, entry.first.second) == nullptr;
  });
}

absl::Status ReplicaWatch::CheckCandidates(const PartitionKey& key) const {
  auto committed = committed_.find(key);
  if (committed == committed_.end()) return absl::OkStatus();
  const PartitionMetadata& info = committed->second;
  const auto among = [](const std::vector<int32_t>& ids, int32_t id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  for (const auto& [broker_id, state] : latest_) {
    if (!IsPresent(broker_id, state)) continue;
    const bool in_sync = among(info.isr, broker_id);
    if (!in_sync && !among(info.eligible_leaders, broker_id)) continue;
    // A damaged disk's broker is not eligible until it is registered as such; then it is judged
    // again.
    auto damaged = damaged_.find(broker_id);
    if (damaged != damaged_.end() &&
        (state.incarnation <= damaged->second || !cluster_.IsServing(broker_id))) {
      continue;
    }
    for (const ReplicaSnapshot& replica : state.replicas) {
      if (replica.topic_id != key.first || replica.partition != key.second) continue;
      if (replica.offline) continue;
      const int64_t has = plan_.flush_before_ack ? replica.flushed_offset : replica.log_end_offset;
      const int64_t highest = true_high_watermark(info.partition);
      if (has >= highest) continue;
      return absl::InternalError(
          fmt::format("{}: broker {} is {} of partition epoch {} with {} of {} committed offsets",
                      info.partition.ToString(), broker_id, in_sync ? "in the ISR" : "in the ELR",
                      info.partition_epoch, has, highest));
    }
  }
  return absl::OkStatus();
}

int64_t ReplicaWatch::true_high_watermark(const PartitionName& partition) const {
  auto found = true_high_watermark_.find(partition);
  return found == true_high_watermark_.end() ? 0 : found->second;
}

int64_t ReplicaWatch::highest_log_start(const PartitionName& partition) const {
  auto found = highest_log_start_.find(partition);
  return found == highest_log_start_.end() ? 0 : found->second;
}

std::map<PartitionName, int> ReplicaWatch::IsrSizes() const {
  std::map<PartitionName, std::pair<int32_t, int>> newest;  // leader epoch, size
  for (const auto& [broker_id, state] : latest_) {
    if (!IsPresent(broker_id, state)) continue;
    for (const ReplicaSnapshot& replica : state.replicas) {
      auto& [epoch, size] = newest.try_emplace(NameOf(replica), -1, 0).first->second;
      if (replica.leader_epoch < epoch) continue;
      // A follower that knows of a newer epoch proves that the older leader leads no more.
      if (replica.leader_epoch > epoch) size = 0;
      epoch = replica.leader_epoch;
      if (replica.leader) size = static_cast<int>(replica.isr.size());
    }
  }
  std::map<PartitionName, int> sizes;
  for (const auto& [partition, known] : newest) sizes[partition] = known.second;
  return sizes;
}

absl::Status ReplicaWatch::CheckConverged() const {
  std::map<PartitionKey, std::vector<const ReplicaSnapshot*>> by_partition;
  for (int32_t id = 1; id <= cluster_.broker_count(); ++id) {
    auto state = latest_.find(id);
    if (state == latest_.end() || !IsPresent(id, state->second)) {
      return absl::DeadlineExceededError(fmt::format("broker {} is not up", id));
    }
    for (const ReplicaSnapshot& replica : state->second.replicas) {
      by_partition[{replica.topic_id, replica.partition}].push_back(&replica);
    }
  }
  for (const auto& [key, info] : committed_) {
    const auto& replicas = by_partition[key];
    if (replicas.size() != static_cast<size_t>(plan_.brokers)) {
      return absl::DeadlineExceededError(fmt::format("{}: {} of {} replicas are up",
                                                     info.partition.ToString(), replicas.size(),
                                                     plan_.brokers));
    }
    for (const ReplicaSnapshot* replica : replicas) {
      if (replica->isr.size() == static_cast<size_t>(plan_.brokers) &&
          replica->log_end_offset == replicas[0]->log_end_offset &&
          replica->high_watermark == replica->log_end_offset) {
        continue;
      }
      return absl::DeadlineExceededError(
          fmt::format("{}: replicas do not agree", info.partition.ToString()));
    }
  }
  for (const auto& [key, replicas] : by_partition) {
    if (committed_.contains(key)) continue;
    return absl::DeadlineExceededError(
        fmt::format("{}: the topic was deleted, replicas are left", names_.at(key).ToString()));
  }
  return absl::OkStatus();
}

std::string ReplicaWatch::Describe() const {
  std::string text;
  for (const auto& [broker_id, state] : latest_) {
    if (!IsPresent(broker_id, state)) continue;
    for (const ReplicaSnapshot& replica : state.replicas) {
      text += fmt::format(
          "{} on broker {}: {} in epoch {}, isr {}, log [{}, {}), flushed {}, high watermark {}\n",
          NameOf(replica).ToString(), broker_id, replica.leader ? "leader" : "follower",
          replica.leader_epoch, fmt::join(replica.isr, ","), replica.log_start_offset,
          replica.log_end_offset, replica.flushed_offset, replica.high_watermark);
    }
  }
  for (const auto& [key, info] : committed_) {
    text += fmt::format("{} at the controller: leader {} in epoch {}, isr {}, elr {}\n",
                        info.partition.ToString(), info.leader, info.leader_epoch,
                        fmt::join(info.isr, ","), fmt::join(info.eligible_leaders, ","));
  }
  return text;
}

void ReplicaWatch::ForEachReplica(
    const PartitionName& partition,
    const std::function<void(int32_t, const broker::Broker&, const ReplicaSnapshot&)>& look) const {
  world_.Inspect([&] {
    for (const auto& [broker_id, state] : latest_) {
      if (!IsPresent(broker_id, state)) continue;
      const broker::Broker* app = cluster_.BrokerApp(broker_id);
      if (app == nullptr) continue;
      for (const ReplicaSnapshot& replica : state.replicas) {
        if (replica.offline || rotten_.contains(broker_id)) continue;
        if (NameOf(replica) == partition) look(broker_id, *app, replica);
      }
    }
  });
}

absl::StatusOr<std::vector<LogObservation>> ReplicaWatch::ReadLogs(const PartitionName& partition) {
  std::vector<LogObservation> logs;
  absl::Status failed;
  ForEachReplica(
      partition, [&](int32_t broker_id, const broker::Broker& app, const ReplicaSnapshot& replica) {
        auto batches = ReadBatches(app, replica, replica.log_start_offset, replica.log_end_offset);
        if (!batches.ok()) {
          failed = absl::Status(batches.status().code(),
                                fmt::format("{} on broker {}: {}", partition.ToString(), broker_id,
                                            batches.status().ToString()));
          return;
        }
        logs.push_back({broker_id, partition, replica.log_start_offset, replica.high_watermark,
                        *std::move(batches)});
      });
  if (!failed.ok()) return failed;
  return logs;
}

absl::StatusOr<std::vector<RecordObservation>> ReplicaWatch::ReadRecords(
    const PartitionName& partition) {
  absl::StatusOr<std::vector<RecordObservation>> records =
      absl::NotFoundError(fmt::format("{}: no replica is up", partition.ToString()));
  bool taken = false;
  ForEachReplica(partition,
                 [&](int32_t, const broker::Broker& app, const ReplicaSnapshot& replica) {
                   if (std::exchange(taken, true)) return;
                   records = sim::ReadRecords(app, replica, partition, replica.log_start_offset,
                                              replica.high_watermark);
                 });
  return records;
}

bool ReplicaWatch::PresentTopicHolds(const PartitionName& partition, int64_t offset,
                                     std::string_view value) const {
  bool holds = false;
  for (const auto& [key, info] : committed_) {
    if (key.second != partition.partition) continue;
    ForEachReplica(info.partition,
                   [&](int32_t, const broker::Broker& broker, const ReplicaSnapshot& replica) {
                     if (replica.topic != partition.topic) return;
                     auto found = ReadValue(broker, replica, offset);
                     holds |= found.ok() && *found == value;
                   });
  }
  return holds;
}

std::vector<PartitionName> ReplicaWatch::partitions() const {
  std::vector<PartitionName> all;
  for (const auto& [key, info] : committed_) all.push_back(info.partition);
  return all;
}

absl::Status ReplicaWatch::CompareLogs() {
  for (const auto& [key, info] : committed_) {
    auto logs = ReadLogs(info.partition);
    if (!logs.ok()) return logs.status();
    for (const LogObservation& log : *logs) {
      if (absl::Status status = ledger_.CheckLog(log); !status.ok()) return status;
    }
    if (absl::Status status = CheckLogsMatch(*logs); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace soliton::sim
