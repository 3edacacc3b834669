// A cluster as one look at it showed: nodes, metadata quorum, partitions, and what is wrong with
// them. Pure: made from answers, so that what is judged can be tested without a cluster. Sources:
// DescribeCluster (KIP-700, fenced brokers KIP-1073), DescribeQuorum (KIP-595, KIP-836), Metadata.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/messages/describe_cluster.h"
#include "protocol/messages/describe_quorum.h"
#include "protocol/messages/metadata.h"
#include "runtime/net/transport.h"

namespace soliton::cli {

// Where Kafka's protocol finds the metadata log.
inline constexpr std::string_view kMetadataTopic = "__cluster_metadata";

struct QuorumMember {
  int32_t node_id = -1;
  Uuid directory_id;
  Endpoint
      endpoint;  // of a controller, as others reach it; port 0: of a broker alone, or not known
  int64_t log_end_offset = -1;
  int64_t lag = 0;  // entries behind the leader
  // Before the leader's answer, by the leader's clock. Null: never, or the broker is too old.
  std::optional<int64_t> fetched_ago_ms;
  std::optional<int64_t> caught_up_ago_ms;
  bool leads = false;
  bool voter = false;
  // Why a voter does not follow; empty when it does.
  std::string trouble;
};

struct QuorumView {
  int32_t leader_id = -1;
  int32_t epoch = -1;
  int64_t high_watermark = -1;
  std::vector<QuorumMember> members;  // voters, then observers, each by id

  int voters() const;
  int following() const;  // voters without trouble, the leader among them
};

struct NodeView {
  std::string address;  // "host:port"; empty when it is no broker, or unknown
  std::optional<std::string> rack;
  bool broker = false;  // registered
  bool fenced = false;
  bool voter = false;
  bool leads_quorum = false;
  std::string unreachable;  // why this client cannot talk to it; empty when it can
  int64_t leads = 0;        // partitions
  int64_t replicas = 0;
  std::vector<std::string> out_of_sync;  // partitions
};

struct PartitionView {
  std::string name;  // "orders-3"
  std::string topic;
  int32_t index = 0;
  int32_t leader_id = -1;
  int32_t leader_epoch = -1;
  std::vector<int32_t> replicas;
  std::vector<int32_t> isr;
  // Leader epoch of the last election of a replica that was not in sync; -1: none, or not told.
  int32_t unclean_epoch = -1;
  // min.insync.replicas as it counts here: not more than there are to be replicas. Null: not known,
  // or not asked.
  std::optional<int64_t> min_isr;

  // It has a leader, and writes with acks=all are refused.
  bool below_min_isr() const {
    return leader_id >= 0 && min_isr.has_value() && static_cast<int64_t>(isr.size()) < *min_isr;
  }
};

struct ClusterView {
  std::string cluster_id;
  int64_t topics = 0;
  std::vector<PartitionView> partitions;  // by topic and number
  std::map<int32_t, NodeView> nodes;
  absl::StatusOr<QuorumView> quorum = absl::UnknownError("not asked");

  int64_t leaderless() const;
  int64_t under_replicated() const;
  int64_t below_min_isr() const;
  // Partitions that were ever led by a replica that was not in sync.
  std::vector<std::string> elected_uncleanly() const;
};

// Something to be mended. `check` is one of: no-quorum-leader, quorum-unknown, voter-behind,
// node-fenced, node-unreachable, node-unknown, no-leader, below-min-isr, not-in-sync.
struct Problem {
  std::string check;
  std::string where;  // "orders-3, orders-7", "node 2", "quorum"
  std::string what;
  std::optional<int64_t> node;
  std::vector<std::string> partitions;
};

// What was asked beyond the state of partitions where replicas are not in sync.
struct SyncRules {
  std::map<std::string, int64_t> min_isr;  // by topic
  std::map<std::string, int64_t> adding;   // by partition: replicas that a reassignment brings
};

// `unreachable`: brokers that did not answer this client, and why.
ClusterView MakeClusterView(const kafka::DescribeClusterResponse& cluster,
                            const kafka::MetadataResponse& metadata,
                            const absl::StatusOr<kafka::DescribeQuorumResponse>& quorum,
                            const std::map<int32_t, std::string>& unreachable,
                            const SyncRules& rules = {});
absl::StatusOr<QuorumView> MakeQuorumView(
    const absl::StatusOr<kafka::DescribeQuorumResponse>& response);

// What is wrong, the most serious first. A cluster whose brokers do not offer DescribeQuorum is not
// judged by its quorum.
std::vector<Problem> FindProblems(const ClusterView& view);

// "orders-0, orders-1, orders-2 and 9 more".
std::string FirstOf(const std::vector<std::string>& names, size_t most = 5);

}  // namespace soliton::cli
