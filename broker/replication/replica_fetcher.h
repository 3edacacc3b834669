// Fetches from one leader broker for the partitions of one shard: the shell around FetcherCore,
// over a ClientChannel. Reconnects by itself. Lives on its shard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "broker/broker.h"
#include "broker/partition/partition_table.h"
#include "broker/replication/fetcher_core.h"
#include "broker/server/peer_broker.h"
#include "protocol/messages/fetch.h"
#include "protocol/session/client_channel.h"
#include "runtime/ports.h"

namespace soliton::broker {

class ReplicaFetcher {
 public:
  // Tells when the connection to the leader broke, and when it stands again.
  using OnLink = std::function<void(int32_t leader, bool stands)>;

  ReplicaFetcher(const Ports& ports, Shard& shard, const BrokerOptions& options,
                 PartitionTable& partitions, int32_t leader, const int64_t& broker_epoch,
                 const OnLink& on_link);
  ~ReplicaFetcher();

  // Where the leader listens; a change drops the connection.
  void SetEndpoint(const Endpoint& endpoint);
  void Add(const TopicPartition& id);
  void Remove(const TopicPartition& id);
  void OnFlushed(const TopicPartition& id);

 private:
  // What a Fetch in flight said, to judge its answer by.
  struct Asked {
    int32_t leader_epoch = -1;
    int64_t fetch_offset = 0;
    int32_t last_fetched_epoch = -1;
  };
  using AskedMap = std::map<TopicPartition, Asked>;

  void Pump();
  void SchedulePump(MonotonicTime when);
  bool EnsureConnected();
  // Builds the request and fills `asked`; partitions that do not follow any more are left out.
  kafka::FetchRequest BuildFetch(const std::vector<TopicPartition>& ids, bool report,
                                 AskedMap& asked);
  void SendFetch(const std::vector<TopicPartition>& ids);
  void SendReport(const std::vector<TopicPartition>& ids);
  void OnAnswer(const AskedMap& asked, absl::StatusOr<kafka::FetchResponse> response);
  void OnPartitionAnswer(const TopicPartition& id, const Asked& asked,
                         kafka::FetchResponse::PartitionData& data);
  void OnDisconnected(const absl::Status& why);

  const Ports ports_;
  Shard& shard_;
  const BrokerOptions& options_;
  PartitionTable& partitions_;
  const int32_t leader_;
  const int64_t& broker_epoch_;  // of the shard; current when a request is built
  const OnLink& on_link_;        // of the shard's fetchers
  Endpoint endpoint_;
  FetcherCore core_;
  std::unique_ptr<kafka::ClientChannel> channel_;
  PeerBroker connected_as_;  // on channel_
  MonotonicTime connect_after_;
  int failures_ = 0;
  TimerId timer_ = 0;
  MonotonicTime timer_at_;
  MonotonicTime next_fetch_at_{};  // see PaceOf
};

}  // namespace soliton::broker
