#include "bench/load/topic_leaders.h"

#include <fmt/format.h>

#include <utility>

#include "protocol/messages/metadata.h"

namespace soliton::bench {
namespace {

using kafka::ErrorCode;
using kafka::MetadataResponse;

constexpr Duration kRetryInterval = milliseconds(50);

kafka::ClusterClientOptions ClusterOptions(const LoadTarget& target) {
  kafka::ClusterClientOptions options;
  options.bootstrap = target.bootstrap;
  options.channel.client_id = "soliton-bench";
  return options;
}

// kUnavailable: some partition has no leader (yet).
absl::StatusOr<TopicLeaders> LeadersOf(const MetadataResponse& response,
                                       const std::string& topic_name) {
  std::map<int32_t, Endpoint> brokers;
  for (const auto& broker : response.brokers) {
    brokers[broker.node_id] = {broker.host, static_cast<uint16_t>(broker.port)};
  }
  if (response.topics.size() != 1)
    return absl::DataLossError("metadata without the topic asked for");
  const auto& topic = response.topics[0];
  if (topic.error_code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) {
    return absl::NotFoundError(fmt::format("topic '{}' does not exist", topic_name));
  }
  if (topic.error_code != ErrorCode::NONE || topic.partitions.empty()) {
    return absl::UnavailableError(
        fmt::format("topic '{}': {}", topic_name, kafka::ErrorName(topic.error_code)));
  }
  TopicLeaders leaders;
  for (const auto& partition : topic.partitions) {
    const auto leader = brokers.find(partition.leader_id);
    if (leader == brokers.end()) {
      return absl::UnavailableError(
          fmt::format("{}-{} has no leader", topic_name, partition.partition_index));
    }
    leaders[partition.partition_index] = leader->second;
  }
  return leaders;
}

}  // namespace

TopicLeadersQuestion::TopicLeadersQuestion(Shard& shard, Transport& transport,
                                           const LoadTarget& target, Done done)
    : shard_(shard),
      target_(target),
      deadline_(shard.clock().Now() + target.metadata_timeout),
      done_(std::move(done)),
      cluster_(shard, transport, ClusterOptions(target)) {
  Ask();
}

TopicLeadersQuestion::~TopicLeadersQuestion() { shard_.CancelTimer(timer_); }

void TopicLeadersQuestion::Ask() {
  kafka::MetadataRequest request;
  request.topics.emplace().emplace_back().name = target_.topic;
  request.allow_auto_topic_creation = false;
  cluster_.SendToAny(
      std::move(request), target_.metadata_timeout,
      [this](absl::StatusOr<MetadataResponse> response) { OnAnswer(std::move(response)); });
}

void TopicLeadersQuestion::OnAnswer(absl::StatusOr<MetadataResponse> response) {
  if (!response.ok()) return RetryOr(response.status());
  absl::StatusOr<TopicLeaders> leaders = LeadersOf(*response, target_.topic);
  if (leaders.ok() || absl::IsDataLoss(leaders.status())) return Finish(std::move(leaders));
  // A topic that was just created reaches the brokers one after the other.
  RetryOr(leaders.status());
}

void TopicLeadersQuestion::RetryOr(const absl::Status& why) {
  if (shard_.clock().Now() + kRetryInterval >= deadline_) return Finish(why);
  timer_ = shard_.ScheduleAfter(kRetryInterval, [this] {
    timer_ = 0;
    Ask();
  });
}

void TopicLeadersQuestion::Finish(absl::StatusOr<TopicLeaders> result) {
  auto done = std::move(done_);
  done(std::move(result));
}

}  // namespace soliton::bench
