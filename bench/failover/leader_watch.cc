#include "bench/failover/leader_watch.h"

#include <algorithm>

namespace soliton::bench {
namespace {

constexpr Duration kTopicInterval = milliseconds(1);
constexpr Duration kQuorumInterval = milliseconds(5);
constexpr Duration kReconnectAfter = milliseconds(5);
constexpr Duration kTimeout = seconds(120);

}  // namespace

LeaderWatch::LeaderWatch(const Ports& ports, Shard& shard, Setup setup)
    : ports_(ports), shard_(shard), setup_(std::move(setup)) {
  for (const auto& [node, endpoint] : setup_.before.brokers) {
    brokers_[node].endpoint = endpoint;
  }
  for (const PartitionLeaders& partition : setup_.before.topic) {
    baseline_[partition.partition] = {partition.leader, partition.leader_epoch, false};
    history_.SetBaseline(partition.partition, baseline_[partition.partition]);
  }
  for (const auto& [node, asked] : brokers_) {
    AskTopic(node);
    if (setup_.victim_leads_quorum) AskQuorum(node);
  }
}

LeaderWatch::~LeaderWatch() = default;

kafka::ClientChannel& LeaderWatch::ChannelTo(Asked& broker) {
  if (broker.channel == nullptr) {
    kafka::ChannelOptions options;
    options.client_id = "soliton-bench-watch";
    broker.channel =
        std::make_unique<kafka::ClientChannel>(shard_, *ports_.transport, broker.endpoint, options);
  }
  return *broker.channel;
}

void LeaderWatch::AskTopic(int32_t node) {
  Asked& broker = brokers_.at(node);
  // Here no callback of the channel is on the stack, so that it may go.
  if (broker.channel != nullptr && broker.channel->closed()) broker.channel = nullptr;
  const MonotonicTime asked_at = shard_.clock().Now();
  ChannelTo(broker).Send(
      AskForTopic(setup_.topic), kTimeout,
      lifetime_.Wrap([this, node, asked_at](absl::StatusOr<kafka::MetadataResponse> response) {
        if (response.ok()) OnMetadata(node, *response);
        const MonotonicTime next =
            response.ok() ? asked_at + kTopicInterval : shard_.clock().Now() + kReconnectAfter;
        shard_.ScheduleAt(std::max(next, shard_.clock().Now()),
                          lifetime_.Wrap([this, node] { AskTopic(node); }));
      }));
}

void LeaderWatch::AskQuorum(int32_t node) {
  Asked& broker = brokers_.at(node);
  const auto again = [this, node](Duration after) {
    shard_.ScheduleAfter(after, lifetime_.Wrap([this, node] { AskQuorum(node); }));
  };
  // AskTopic makes the connection anew.
  if (broker.channel == nullptr || broker.channel->closed()) return again(kReconnectAfter);
  broker.channel->Send(
      AskForQuorum(), kTimeout,
      lifetime_.Wrap([this, again](absl::StatusOr<kafka::DescribeQuorumResponse> response) {
        if (absl::IsUnimplemented(response.status())) return;
        if (response.ok() && fault_begun_ && !quorum_elected_) {
          const std::optional<int32_t> leader = QuorumLeaderOf(*response);
          if (leader && *leader != setup_.victim) quorum_elected_ = Elapsed();
        }
        again(response.ok() ? kQuorumInterval : kReconnectAfter);
      }));
}

void LeaderWatch::OnMetadata(int32_t node, const kafka::MetadataResponse& response) {
  if (response.topics.size() != 1) return;
  const bool victim_missing =
      std::none_of(response.brokers.begin(), response.brokers.end(),
                   [&](const auto& broker) { return broker.node_id == setup_.victim; });
  for (const auto& partition : response.topics[0].partitions) {
    const bool offline =
        std::find(partition.offline_replicas.begin(), partition.offline_replicas.end(),
                  setup_.victim) != partition.offline_replicas.end();
    const LeaderView view{partition.leader_id, partition.leader_epoch, victim_missing || offline};
    if (fault_begun_) {
      history_.Saw(partition.partition_index, node, view, Elapsed());
      continue;
    }
    // The newest state before the fault is what everything is compared with.
    LeaderView& baseline = baseline_.try_emplace(partition.partition_index, view).first->second;
    if (view.leader_epoch >= baseline.leader_epoch) baseline = view;
    history_.SetBaseline(partition.partition_index, baseline);
  }
}

}  // namespace soliton::bench
