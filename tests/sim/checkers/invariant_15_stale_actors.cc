#include "tests/sim/checkers/invariant_15_stale_actors.h"

namespace soliton::sim {

absl::Status StaleActors::OnBrokerEpoch(int32_t broker, int64_t broker_epoch) {
  int64_t& known = broker_epochs_.try_emplace(broker, broker_epoch).first->second;
  if (broker_epoch < known) {
    return absl::InternalError(
        fmt::format("broker {} goes back from broker epoch {} to {}", broker, known, broker_epoch));
  }
  known = broker_epoch;
  return absl::OkStatus();
}

absl::Status StaleActors::OnPartition(const PartitionMetadata& partition) {
  const auto [entry, first] = partitions_.try_emplace(partition.partition, partition);
  PartitionMetadata& known = entry->second;
  if (first || known == partition) return absl::OkStatus();
  const bool same_epoch = partition.partition_epoch == known.partition_epoch;
  if (same_epoch || partition.partition_epoch < known.partition_epoch ||
      partition.leader_epoch < known.leader_epoch ||
      (partition.leader != known.leader && partition.leader_epoch == known.leader_epoch)) {
    return absl::InternalError(fmt::format(
        "{}: leader {} in epoch {}, partition epoch {}, became leader {} in epoch {}, partition "
        "epoch {}",
        partition.partition.ToString(), known.leader, known.leader_epoch, known.partition_epoch,
        partition.leader, partition.leader_epoch, partition.partition_epoch));
  }
  known = partition;
  return absl::OkStatus();
}

void StaleActors::OnLeader(const ReplicaObservation& leader) {
  ReplicaObservation& newest = newest_leader_.try_emplace(leader.partition, leader).first->second;
  if (leader.leader_epoch >= newest.leader_epoch) newest = leader;
}

bool StaleActors::IsDeposed(const ReplicaObservation& leader) const {
  auto found = newest_leader_.find(leader.partition);
  return found != newest_leader_.end() && found->second.leader_epoch > leader.leader_epoch;
}

absl::Status StaleActors::OnCommit(const ReplicaObservation& leader) const {
  auto found = newest_leader_.find(leader.partition);
  if (found == newest_leader_.end()) return absl::OkStatus();
  const ReplicaObservation& newest = found->second;
  if (newest.leader_epoch <= leader.leader_epoch ||
      newest.log_end_offset >= leader.high_watermark) {
    return absl::OkStatus();
  }
  return absl::InternalError(fmt::format(
      "{}: broker {}, leader of epoch {}, commits up to {}, but the leader of epoch {}, broker {}, "
      "has only {}",
      leader.partition.ToString(), leader.broker, leader.leader_epoch, leader.high_watermark,
      newest.leader_epoch, newest.broker, newest.log_end_offset));
}

}  // namespace soliton::sim
