// Watches the replicas of a running cluster from outside: after every event of a broker it looks at
// that broker's replicas (invariants 1, 4, 12, 14), now and then it compares whole logs (2, 18),
// and it knows the true high watermark, the highest one that any leader has ever had.
//
// Owner: the world's thread. Looks only between events, changes nothing.
#pragma once

#include <map>
#include <vector>

#include "tests/sim/checkers/invariant_01_one_leader_per_epoch.h"
#include "tests/sim/checkers/invariant_12_monotone_visibility.h"
#include "tests/sim/checkers/invariant_14_truncation_bound.h"
#include "tests/sim/checkers/invariant_31_32_progress.h"
#include "tests/sim/sim_cluster.h"

namespace soliton::sim {

class ReplicaWatch {
 public:
  ReplicaWatch(SimWorld& world, SimCluster& cluster, const ClusterPlan& plan)
      : world_(world), cluster_(cluster), plan_(plan) {}

  // After every event.
  void OnEvent(EventTag tag);

  // The highest high watermark that a leader has had.
  int64_t true_high_watermark(const PartitionName& partition) const;
  // ISR sizes as the leader with the newest epoch knows them; partitions without a living leader
  // are left out.
  std::map<PartitionName, int> IsrSizes() const;
  // Every replica of every partition is up, in sync, and has the same log end and high watermark.
  bool Converged() const;

  // One line per living replica, for people.
  std::string Describe() const;

  // What each living replica holds. Call between events.
  struct ReplicaLog {
    LogObservation log;
    std::vector<RecordObservation> records;
  };
  absl::StatusOr<std::vector<ReplicaLog>> ReadLogs(const PartitionName& partition);
  // Invariants 2 and 18 over all partitions.
  absl::Status CompareLogs(const std::vector<PartitionName>& partitions);

 private:
  void Observe(int32_t broker_id, const broker::Broker& app);
  // Invariant 4: members of the committed ISR hold everything below the true high watermark.
  absl::Status CheckCandidates() const;
  absl::StatusOr<ReplicaLog> ReadLog(int32_t broker_id, const broker::Broker& app,
                                     const broker::Broker::ReplicaSnapshot& replica) const;

  SimWorld& world_;
  SimCluster& cluster_;
  const ClusterPlan plan_;
  OneLeaderPerEpoch one_leader_;
  TruncationBound truncation_;
  MonotoneVisibility visibility_;
  std::map<PartitionName, int64_t> true_high_watermark_;
  // The present processes' replicas, by broker.
  std::map<int32_t, std::vector<broker::Broker::ReplicaSnapshot>> latest_;
  uint64_t broker_events_ = 0;
};

}  // namespace soliton::sim
