// Watches a running cluster from outside, after every event: replicas that have changed
// (invariants 1, 3, 4, 5, 6, 14, 15), committed metadata (15, 19), and now and then whole logs (2,
// 18). It knows the true high watermark, the highest one that any leader has ever had, and the
// ledger of what was committed.
//
// Owner: the world's thread. Looks only between events, changes nothing.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/checkers/invariant_01_metadata_quorum.h"
#include "tests/sim/checkers/invariant_01_one_leader_per_epoch.h"
#include "tests/sim/checkers/invariant_03_leader_completeness.h"
#include "tests/sim/checkers/invariant_06_durable_before_counted.h"
#include "tests/sim/checkers/invariant_14_truncation_bound.h"
#include "tests/sim/checkers/invariant_15_stale_actors.h"
#include "tests/sim/checkers/invariant_19_metadata_determinism.h"
#include "tests/sim/sim_cluster.h"

namespace soliton::sim {

class ReplicaWatch {
 public:
  ReplicaWatch(SimWorld& world, SimCluster& cluster, const ClusterPlan& plan)
      : world_(world), cluster_(cluster), plan_(plan) {}

  // After every event.
  void OnEvent(EventTag tag);
  // The broker's disk has lost what it had promised (a destructive fault). A rotten one's logs are
  // not compared with others until it is replaced: no checksum covers all of their bytes.
  void OnDiskDamaged(int32_t broker_id, bool rotten);

  // The highest high watermark that a leader has had.
  int64_t true_high_watermark(const PartitionName& partition) const;
  // The highest log start offset that a leader has had.
  int64_t highest_log_start(const PartitionName& partition) const;
  // ISR sizes as the leader with the newest epoch knows them; partitions without a living leader
  // are left out.
  std::map<PartitionName, int> IsrSizes() const;
  // Every replica of every partition that exists is up, in sync, and has the same log end and high
  // watermark; nobody has a replica of anything else. OK, or what is missing.
  absl::Status CheckConverged() const;

  // One line per living replica, for people.
  std::string Describe() const;

  // What each living replica holds. Call between events.
  absl::StatusOr<std::vector<LogObservation>> ReadLogs(const PartitionName& partition);
  // The records of one of them, in sync with all others.
  absl::StatusOr<std::vector<RecordObservation>> ReadRecords(const PartitionName& partition);
  // Whether a living replica of the topic that has this name by committed metadata holds a record
  // with this value there; earlier topics of the name do not count.
  bool PresentTopicHolds(const PartitionName& partition, int64_t offset,
                         std::string_view value) const;
  // Invariants 2, 3 and 18 over all partitions.
  absl::Status CompareLogs();
  std::vector<PartitionName> partitions() const;

 private:
  using ReplicaSnapshot = broker::Broker::ReplicaSnapshot;
  using PartitionKey = std::pair<Uuid, int32_t>;
  struct BrokerState {
    int incarnation = 0;
    std::vector<ReplicaSnapshot> replicas;
    std::shared_ptr<const controller::MetadataImage> image;
  };

  // The topic's name; for a later topic of the same name, with its id.
  const PartitionName& NameOf(const Uuid& topic_id, const std::string& topic, int32_t partition);
  const PartitionName& NameOf(const ReplicaSnapshot& replica) const {
    return names_.at({replica.topic_id, replica.partition});
  }
  bool IsPresent(int32_t broker_id, const BrokerState& state) const;
  void Observe(int32_t broker_id, const broker::Broker& app);
  // Metadata took this partition from brokers: what they held may be gone before it is seen again.
  void NoticeLeft(const PartitionKey& key, const PartitionName& name,
                  const std::vector<int32_t>& replicas);
  // Replicas that were here a moment ago and are no more.
  void NoticeGone(int32_t broker_id, const BrokerState& state,
                  const std::vector<ReplicaSnapshot>& before);
  void OnReplicaChanged(int32_t broker_id, const broker::Broker& app,
                        const ReplicaSnapshot& replica);
  void OnLeaderChanged(const broker::Broker& app, const ReplicaSnapshot& replica,
                       const ReplicaObservation& seen);
  void OnCommit(const broker::Broker& app, const ReplicaSnapshot& replica,
                const ReplicaObservation& seen);
  void ObserveController(int number);
  bool AnyControllerRuns() const;
  // Invariant 4: members of the committed ISR and eligible leaders hold everything below the true
  // high watermark.
  absl::Status CheckCandidates(const PartitionKey& key) const;
  void ForEachReplica(const PartitionName& partition,
                      const std::function<void(int32_t, const broker::Broker&,
                                               const ReplicaSnapshot&)>& look) const;

  SimWorld& world_;
  SimCluster& cluster_;
  const ClusterPlan plan_;
  OneLeaderPerEpoch one_leader_;
  CommittedLedger ledger_;
  DurableBeforeCounted durable_;
  TruncationBound truncation_;
  StaleActors stale_actors_;
  MetadataDeterminism metadata_;
  std::map<PartitionKey, PartitionName> names_;
  std::map<std::string, Uuid, std::less<>> first_of_name_;
  std::map<PartitionName, int64_t> true_high_watermark_;
  std::map<PartitionName, int64_t> highest_log_start_;
  std::map<PartitionKey, PartitionMetadata> committed_;  // by the controller
  std::map<PartitionKey, std::vector<int32_t>> replicas_;
  std::set<std::pair<int32_t, PartitionName>> left_;
  int64_t metadata_offset_ = -1;                     // what committed_ is of
  std::map<std::string, int64_t> metadata_offsets_;  // by controller process
  MetadataQuorum quorum_;
  // (partition, leader epoch, broker's incarnation) of leaders seen.
  std::set<std::tuple<PartitionName, int32_t, int>> led_;
  // The present processes, by broker.
  std::map<int32_t, BrokerState> latest_;
  std::vector<ReplicaSnapshot> scratch_;
  std::set<PartitionKey> dirty_;  // changed in this event
  // Brokers whose disk was damaged, until a later process of theirs serves: the incarnation that
  // was damaged.
  std::map<int32_t, int> damaged_;
  std::set<int32_t> rotten_;
};

}  // namespace soliton::sim
