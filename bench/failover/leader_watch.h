// Watches every broker from connections of its own while a fault takes its course: who names which
// leader, and when. Asks each broker for the topic once a millisecond, and for the quorum's leader
// every five where that matters. Lives on one shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bench/failover/cluster_admin.h"
#include "bench/failover/outage.h"
#include "bench/failover/while_alive.h"
#include "protocol/session/client_channel.h"

namespace soliton::bench {

class LeaderWatch {
 public:
  struct Setup {
    std::string topic;
    ClusterView before;
    int32_t victim = -1;
    bool victim_leads_quorum = false;
    MonotonicTime load_start;
  };

  // Begins to ask at once.
  LeaderWatch(const Ports& ports, Shard& shard, Setup setup);
  ~LeaderWatch();

  // Answers from here on count, `load_start` being their zero.
  void FaultBegins() { fault_begun_ = true; }
  const LeaderHistory& history() const { return history_; }
  // When a broker first named another quorum leader than the victim.
  std::optional<Duration> quorum_elected() const { return quorum_elected_; }

 private:
  struct Asked {
    Endpoint endpoint;
    std::unique_ptr<kafka::ClientChannel> channel;
  };

  kafka::ClientChannel& ChannelTo(Asked& broker);
  void AskTopic(int32_t node);
  void AskQuorum(int32_t node);
  void OnMetadata(int32_t node, const kafka::MetadataResponse& response);
  Duration Elapsed() const { return shard_.clock().Now() - setup_.load_start; }

  const Ports ports_;
  Shard& shard_;
  const Setup setup_;
  std::map<int32_t, Asked> brokers_;
  LeaderHistory history_;
  std::map<int32_t, LeaderView> baseline_;
  std::optional<Duration> quorum_elected_;
  bool fault_begun_ = false;
  Lifetime lifetime_;
};

}  // namespace soliton::bench
