// Looks at a cluster once: asks what a ClusterView is made of.
#pragma once

#include <functional>

#include "cli/cluster_view.h"
#include "protocol/session/cluster_client.h"

namespace soliton::cli {

struct ReadOptions {
  // Also asks every broker for a sign of life.
  bool dial_all = false;
  // Also asks for the SyncRules of topics with replicas that are not in sync.
  bool sync_rules = false;
  // How long the quorum may take. Brokers ask its leader in turn, five seconds at most when there
  // is none, and then say so: that is waited for.
  Duration quorum_timeout = seconds(7);
  // Asks the quorum instead, and outlives the call. For whoever looks again and again: an answer
  // that is long in coming holds up all behind it on its connection.
  kafka::ClusterClient* quorum_client = nullptr;
};

// `done` gets the view, or why no broker answered; later, on the shard, once. A quorum that does
// not answer, or brokers that cannot be reached, are part of the view. `cluster` outlives the call.
void ReadCluster(kafka::ClusterClient& cluster, ReadOptions options,
                 std::function<void(absl::StatusOr<ClusterView>)> done);

// The quorum alone.
void ReadQuorum(kafka::ClusterClient& cluster,
                std::function<void(absl::StatusOr<QuorumView>)> done);

}  // namespace soliton::cli
