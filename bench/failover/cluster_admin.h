// What a failover run asks of a cluster besides the load: topics, leaders, and who leads the
// metadata quorum, through the public protocol only. Questions are repeated while nobody answers: a
// broker may just have died under them. Lives on one shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "bench/failover/fault.h"
#include "bench/failover/while_alive.h"
#include "protocol/messages/describe_quorum.h"
#include "protocol/messages/metadata.h"
#include "protocol/session/cluster_client.h"
#include "runtime/ports.h"

namespace soliton::bench {

struct ClusterView {
  std::vector<PartitionLeaders> topic;  // by partition
  std::map<int32_t, Endpoint> brokers;  // that are there
};

// Of a Metadata answer about one topic.
absl::StatusOr<ClusterView> ViewOf(const kafka::MetadataResponse& response);
// nullopt: the answer names none.
std::optional<int32_t> QuorumLeaderOf(const kafka::DescribeQuorumResponse& response);
kafka::DescribeQuorumRequest AskForQuorum();
kafka::MetadataRequest AskForTopic(const std::string& topic);

class ClusterAdmin {
 public:
  template <class T>
  using Done = absl::AnyInvocable<void(absl::StatusOr<T>)>;

  ClusterAdmin(const Ports& ports, Shard& shard, std::vector<Endpoint> bootstrap);

  // kNotFound: no such topic. kDeadlineExceeded: nobody answers.
  void View(const std::string& topic, Done<ClusterView> done);
  // nullopt: the cluster does not offer DescribeQuorum, or has no leader.
  void QuorumLeader(Done<std::optional<int32_t>> done);
  // Done when every partition has a leader and all replicas are in sync.
  void CreateTopic(const std::string& topic, int32_t partitions, int16_t replication_factor,
                   absl::AnyInvocable<void(absl::Status)> done);
  void DeleteTopic(const std::string& topic, absl::AnyInvocable<void(absl::Status)> done);
  // Gives partitions a new order of the same replicas, and waits until the brokers tell it.
  void Reorder(const std::string& topic, const std::map<int32_t, std::vector<int32_t>>& orders,
               absl::AnyInvocable<void(absl::Status)> done);
  // Lets the first replica in each order lead.
  void ElectPreferred(const std::string& topic, const std::vector<int32_t>& partitions,
                      absl::AnyInvocable<void(absl::Status)> done);

  kafka::ClusterClient& cluster() { return cluster_; }

 private:
  // Asks `request` again and again, until `take` says that this answer will do or time is up.
  template <class Request, class Take>
  void Repeat(Request request, Take take, absl::AnyInvocable<void(absl::Status)> gave_up);
  void AwaitReplicas(const std::string& topic, int32_t partitions,
                     absl::AnyInvocable<void(absl::Status)> done);

  Shard& shard_;
  kafka::ClusterClient cluster_;
  Lifetime lifetime_;
};

}  // namespace soliton::bench
