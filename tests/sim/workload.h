// The client machines' programs: each process has one idempotent producer (acks=all, open loop)
// that writes uniquely named records to every partition, and one consumer that reads every
// partition from its start. A process that died begins anew under another producer number. With
// topic churn one more machine makes and deletes a topic of its own (churn_process.h), with an
// admin storm another one changes the topics' settings and adds partitions (admin_process.h), with
// voter changes a third one changes who votes in the metadata quorum (operator_process.h).
//
// Owner: the world's thread. Must outlive the client processes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/churn_process.h"
#include "tests/sim/client_history.h"
#include "tests/sim/sim_cluster.h"

namespace soliton::sim {

class Workload {
 public:
  Workload(SimWorld& world, SimCluster& cluster, ClientHistory& history, const ClusterPlan& plan);
  ~Workload();

  // Boots every client machine.
  void Start();
  // From now on there is little to do: whether a cluster recovers is not a question of how much it
  // can bear.
  void SlowDown() {
    const bool one_at_a_time = plan_.max_requests_in_flight == 1 || plan_.max_in_flight == 1;
    const auto rounds = std::max<int64_t>(one_at_a_time ? 4 : 1, std::ssize(partitions_) / 4);
    send_interval_ = std::max<Duration>(send_interval_, kSlowInterval * rounds);
    calm_ = true;
  }
  // Nobody changes topics any more.
  bool calm() const { return calm_; }
  Duration send_interval() const { return send_interval_; }
  // Producers take no new records and send what they hold.
  void StopSending() { sending_ = false; }
  bool sending() const { return sending_; }

  // Only grows, in the order in which clients hear of them.
  const std::vector<PartitionName>& partitions() const { return partitions_; }
  int32_t PartitionsOf(const std::string& topic) const;
  // The topic has that many; less than before changes nothing.
  void SetPartitionsOf(const std::string& topic, int32_t count);
  const ClusterPlan& plan() const { return plan_; }
  SimWorld& world() { return world_; }
  SimCluster& cluster() { return cluster_; }
  ClientHistory& history() { return history_; }

  // Who can look into the logs of the topic that now has that name: whether one of them holds this.
  using TopicTruth = std::function<bool(const PartitionName&, int64_t offset, std::string_view)>;
  void SetTopicTruth(TopicTruth truth) { topic_truth_ = std::move(truth); }
  bool IsInPresentTopic(const PartitionName& partition, int64_t offset, std::string_view value) {
    return topic_truth_(partition, offset, value);
  }

  // Numbers of the producers of living client processes.
  std::vector<int32_t> live_producers();
  // Names of the consumers of living client processes, as in ClientHistory.
  std::vector<std::string> live_consumers();

 private:
  static constexpr Duration kSlowInterval = milliseconds(300);

  SimWorld& world_;
  SimCluster& cluster_;
  ClientHistory& history_;
  const ClusterPlan plan_;
  std::vector<PartitionName> partitions_;
  ChurnHistory churn_;
  TopicTruth topic_truth_;
  Duration send_interval_;
  bool sending_ = true;
  bool calm_ = false;
};

}  // namespace soliton::sim
