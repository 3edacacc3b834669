#include "tests/sim/replica_watch.h"

#include <algorithm>

#include "controller/metadata/metadata_image.h"
#include "protocol/record/batch_iterator.h"
#include "protocol/record/record_iterator.h"
#include "runtime/base/crc32c.h"
#include "tests/sim/checkers/invariant_02_18_log_matching.h"
#include "tests/sim/payload.h"

namespace soliton::sim {
namespace {

using ReplicaSnapshot = broker::Broker::ReplicaSnapshot;

// Members of the ISR are looked at after every so many events of brokers.
constexpr uint64_t kCandidateCheckEvery = 8;
constexpr size_t kMaxRecordBytes = 1 << 20;

PartitionName NameOf(const ReplicaSnapshot& replica) { return {replica.topic, replica.partition}; }

BatchObservation ToObservation(const kafka::RecordBatchView& batch) {
  BatchObservation out;
  out.base_offset = batch.base_offset();
  out.last_offset = batch.last_offset();
  out.leader_epoch = batch.leader_epoch();
  // The CRC covers everything but base offset and leader epoch; it is checked when records are
  // read.
  out.content_hash = uint64_t{batch.crc()} << 32 | static_cast<uint32_t>(batch.batch_length());
  out.producer_id = batch.producer_id();
  out.producer_epoch = batch.producer_epoch();
  out.base_sequence = batch.base_sequence();
  return out;
}

absl::Status AddRecords(const PartitionName& partition, const kafka::RecordBatchView& batch,
                        std::vector<RecordObservation>& records) {
  if (!batch.CrcMatches()) {
    return absl::DataLossError(
        fmt::format("{}: batch at {} is damaged", partition.ToString(), batch.base_offset()));
  }
  auto iterator = kafka::RecordIterator::Open(batch, kMaxRecordBytes);
  if (!iterator.ok()) return iterator.status();
  kafka::Record record;
  for (;;) {
    auto more = iterator->Next(record);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    auto name = ParsePayload(partition, record.value.value_or(""));
    if (!name.ok()) return name.status();
    records.push_back({batch.base_offset() + record.offset_delta, *name});
  }
}

}  // namespace

void ReplicaWatch::OnEvent(EventTag tag) {
  for (int32_t id = 1; id <= cluster_.broker_count(); ++id) {
    if (cluster_.broker(id).id() != tag.node) continue;
    const broker::Broker* app = cluster_.BrokerApp(id);
    if (app == nullptr) {
      latest_.erase(id);
      return;
    }
    world_.Inspect([&] { Observe(id, *app); });
    if (++broker_events_ % kCandidateCheckEvery == 0) {
      world_.Fail("4: candidate completeness", CheckCandidates());
    }
  }
}

void ReplicaWatch::Observe(int32_t broker_id, const broker::Broker& app) {
  std::vector<ReplicaSnapshot>& latest = latest_[broker_id];
  latest = app.Replicas();
  const int incarnation = cluster_.broker(broker_id).incarnation();
  for (const ReplicaSnapshot& replica : latest) {
    ReplicaObservation seen;
    seen.broker = broker_id;
    seen.incarnation = incarnation;
    seen.partition = NameOf(replica);
    seen.leader = replica.leader;
    seen.leader_epoch = replica.leader_epoch;
    seen.isr = replica.isr;
    seen.log_start_offset = replica.log_start_offset;
    seen.high_watermark = replica.high_watermark;
    seen.log_end_offset = replica.log_end_offset;
    seen.flushed_offset = replica.flushed_offset;
    world_.Fail("1: one leader per epoch", one_leader_.Observe(seen));
    world_.Fail("14: truncation bound", truncation_.Observe(seen));
    if (!replica.leader) continue;
    int64_t& highest = true_high_watermark_[seen.partition];
    highest = std::max(highest, replica.high_watermark);
  }
}

absl::Status ReplicaWatch::CheckCandidates() const {
  const controller::ControllerNode* controller = cluster_.ControllerApp();
  if (controller == nullptr) return absl::OkStatus();
  for (const auto& [broker_id, replicas] : latest_) {
    if (!cluster_.broker(broker_id).alive()) continue;
    for (const ReplicaSnapshot& replica : replicas) {
      const auto* info =
          controller->committed_image().FindPartition(replica.topic_id, replica.partition);
      if (info == nullptr ||
          std::find(info->isr.begin(), info->isr.end(), broker_id) == info->isr.end()) {
        continue;
      }
      const int64_t has = plan_.flush_before_ack ? replica.flushed_offset : replica.log_end_offset;
      const int64_t committed = true_high_watermark(NameOf(replica));
      if (has >= committed) continue;
      return absl::InternalError(fmt::format(
          "{}: broker {} is in the ISR of partition epoch {} with {} of {} committed offsets",
          NameOf(replica).ToString(), broker_id, info->partition_epoch, has, committed));
    }
  }
  return absl::OkStatus();
}

int64_t ReplicaWatch::true_high_watermark(const PartitionName& partition) const {
  auto found = true_high_watermark_.find(partition);
  return found == true_high_watermark_.end() ? 0 : found->second;
}

std::map<PartitionName, int> ReplicaWatch::IsrSizes() const {
  std::map<PartitionName, std::pair<int32_t, int>> newest;  // leader epoch, size
  for (const auto& [broker_id, replicas] : latest_) {
    if (!cluster_.broker(broker_id).alive()) continue;
    for (const ReplicaSnapshot& replica : replicas) {
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

bool ReplicaWatch::Converged() const {
  std::map<PartitionName, std::vector<const ReplicaSnapshot*>> by_partition;
  for (const auto& [broker_id, replicas] : latest_) {
    if (!cluster_.broker(broker_id).alive()) return false;
    for (const ReplicaSnapshot& replica : replicas) {
      by_partition[NameOf(replica)].push_back(&replica);
    }
  }
  if (by_partition.size() != static_cast<size_t>(plan_.topics * plan_.partitions)) return false;
  for (const auto& [partition, replicas] : by_partition) {
    if (replicas.size() != static_cast<size_t>(plan_.brokers)) return false;
    for (const ReplicaSnapshot* replica : replicas) {
      if (replica->isr.size() != static_cast<size_t>(plan_.brokers) ||
          replica->log_end_offset != replicas[0]->log_end_offset ||
          replica->high_watermark != replica->log_end_offset) {
        return false;
      }
    }
  }
  return true;
}

std::string ReplicaWatch::Describe() const {
  std::string text;
  for (const auto& [broker_id, replicas] : latest_) {
    if (!cluster_.broker(broker_id).alive()) continue;
    for (const ReplicaSnapshot& replica : replicas) {
      text += fmt::format(
          "{} on broker {}: {} in epoch {}, isr {}, log [{}, {}), flushed {}, high watermark {}\n",
          NameOf(replica).ToString(), broker_id, replica.leader ? "leader" : "follower",
          replica.leader_epoch, fmt::join(replica.isr, ","), replica.log_start_offset,
          replica.log_end_offset, replica.flushed_offset, replica.high_watermark);
    }
  }
  return text;
}

absl::StatusOr<ReplicaWatch::ReplicaLog> ReplicaWatch::ReadLog(
    int32_t broker_id, const broker::Broker& app, const ReplicaSnapshot& replica) const {
  ReplicaLog out;
  out.log.broker = broker_id;
  out.log.partition = NameOf(replica);
  out.log.log_start_offset = replica.log_start_offset;
  out.log.high_watermark = replica.high_watermark;
  auto bytes = app.ReadReplica(replica.topic_id, replica.partition, replica.log_start_offset,
                               replica.log_end_offset);
  if (!bytes.ok()) return bytes.status();
  kafka::BatchIterator batches(*std::move(bytes));
  for (;;) {
    auto batch = batches.Next();
    if (!batch.ok()) return batch.status();
    if (!*batch) break;
    out.log.batches.push_back(ToObservation(**batch));
    if (absl::Status added = AddRecords(out.log.partition, **batch, out.records); !added.ok()) {
      return added;
    }
  }
  return out;
}

absl::StatusOr<std::vector<ReplicaWatch::ReplicaLog>> ReplicaWatch::ReadLogs(
    const PartitionName& partition) {
  std::vector<ReplicaLog> logs;
  absl::Status failed;
  world_.Inspect([&] {
    for (int32_t id = 1; id <= cluster_.broker_count(); ++id) {
      const broker::Broker* app = cluster_.BrokerApp(id);
      if (app == nullptr) continue;
      for (const ReplicaSnapshot& replica : app->Replicas()) {
        if (NameOf(replica) != partition) continue;
        auto log = ReadLog(id, *app, replica);
        if (log.ok()) {
          logs.push_back(*std::move(log));
        } else {
          failed = absl::Status(log.status().code(),
                                fmt::format("{} on broker {}: {}", partition.ToString(), id,
                                            log.status().ToString()));
        }
      }
    }
  });
  if (!failed.ok()) return failed;
  return logs;
}

absl::Status ReplicaWatch::CompareLogs(const std::vector<PartitionName>& partitions) {
  for (const PartitionName& partition : partitions) {
    auto logs = ReadLogs(partition);
    if (!logs.ok()) return logs.status();
    std::vector<LogObservation> observed;
    for (const ReplicaLog& log : *logs) observed.push_back(log.log);
    if (absl::Status status = CheckLogsMatch(observed); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace soliton::sim
