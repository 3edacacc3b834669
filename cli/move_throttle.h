// The throttle of a reassignment (KIP-73), as kafka-reassign-partitions.sh sets and removes it: the
// replicas that move in their topics' settings, the rate in those of the brokers. Shard of the
// loop.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cli/client_loop.h"
#include "cli/reassignment.h"
#include "protocol/messages/incremental_alter_configs.h"

namespace soliton::cli {

// The topics' part: each replica that holds a partition sends to those that come. A topic whose
// replicas only change places is left out. Pure.
kafka::IncrementalAlterConfigsRequest ThrottledReplicas(const std::vector<ReplicaMove>& moves);
// The brokers that send or receive, of those that serve. Pure.
std::set<int32_t> ThrottledBrokers(const std::vector<ReplicaMove>& moves, const ClusterView& view);

// Throttles what `moves` copy to `bytes_per_second` of each of `brokers`. `done` runs when it holds
// everywhere; a refusal, or a broker that does not answer, ends the command.
void SetThrottle(ClientLoop& loop, kafka::ClusterClient& cluster,
                 const std::vector<ReplicaMove>& moves, const std::set<int32_t>& brokers,
                 int64_t bytes_per_second, std::function<void()> done);

// Takes throttles away from these topics, and from these brokers. `done` gets the number of
// settings that were set and no longer are. With `ours` it does not look what is set, and counts
// all: brokers tell of what they know, and may not know yet what was set just now. A failure ends
// the command.
void LiftThrottle(ClientLoop& loop, kafka::ClusterClient& cluster,
                  const std::vector<std::string>& topics, const std::vector<int32_t>& brokers,
                  bool ours, std::function<void(int64_t)> done);

}  // namespace soliton::cli
