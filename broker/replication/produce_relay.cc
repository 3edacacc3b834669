#include "broker/replication/produce_relay.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "runtime/base/reach.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

// A new leader hears of it within milliseconds of the old one.
constexpr Duration kRetryAfter = milliseconds(2);
constexpr Duration kPatience = milliseconds(500);
constexpr Duration kAnswerBehindTimeout = seconds(5);

bool NotThere(ErrorCode error) {
  return error == ErrorCode::NOT_LEADER_OR_FOLLOWER ||
         error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION || error == ErrorCode::UNKNOWN_TOPIC_ID;
}

// One that was appended here bears the offset that it had here. Its memory may be the log's still.
kafka::Records AsClientSent(const Buffer& batch) {
  constexpr size_t kBaseOffsetBytes = sizeof(int64_t);
  if (batch.size() < kBaseOffsetBytes) return kafka::Records(batch);
  BufferChain chain(Buffer::CopyOf(std::array<uint8_t, kBaseOffsetBytes>{}));
  chain.Append(batch.Slice(kBaseOffsetBytes));
  return kafka::Records(std::move(chain));
}

ProduceOutcome OutcomeOf(const kafka::ProduceResponse& response) {
  ProduceOutcome outcome;
  outcome.error = ErrorCode::UNKNOWN_SERVER_ERROR;
  if (response.responses.size() != 1 || response.responses[0].partition_responses.size() != 1) {
    return outcome;
  }
  const auto& answer = response.responses[0].partition_responses[0];
  outcome.error = answer.error_code;
  outcome.error_message = answer.error_message.value_or("");
  for (const auto& record : answer.record_errors) {
    outcome.record_errors.push_back(
        {record.batch_index, record.batch_index_error_message.value_or("")});
  }
  outcome.base_offset = answer.base_offset;
  outcome.log_append_time_ms = answer.log_append_time_ms;
  outcome.log_start_offset = answer.log_start_offset;
  return outcome;
}

}  // namespace

ProduceRelay::ProduceRelay(const Ports& ports, Shard& shard, int32_t self,
                           const controller::MetadataImagePtr& image)
    : ports_(ports), shard_(shard), self_(self), image_(image) {}

ProduceRelay::~ProduceRelay() {
  for (auto& [id, queue] : queues_) shard_.CancelTimer(queue.timer);
}

std::optional<ProduceRelay::Leader> ProduceRelay::LeaderOf(const TopicPartition& id) const {
  const controller::PartitionInfo* info = image_->FindPartition(id.topic_id, id.partition);
  if (info == nullptr || info->leader == self_) return std::nullopt;
  const controller::BrokerInfo* broker = image_->FindBroker(info->leader);
  if (broker == nullptr || broker->fenced) return std::nullopt;
  return Leader{info->leader, broker->endpoint};
}

bool ProduceRelay::IsOver(const TopicPartition& id, MonotonicTime led_until) const {
  const auto over = over_.find(id);
  if (over != over_.end() && over->second == led_until) return true;
  if (shard_.clock().Now() - led_until > kLongest) return true;
  const auto queue = queues_.find(id);
  return queue != queues_.end() && queue->second.batches.size() >= kMostWaiting;
}

bool ProduceRelay::CanTake(const TopicPartition& id, MonotonicTime led_until) {
  if (IsOver(id, led_until)) {
    over_[id] = led_until;
    return false;
  }
  return LeaderOf(id).has_value();
}

void ProduceRelay::Add(const TopicPartition& id, Batch batch) {
  SOMETIMES("a batch was handed on to the new leader");
  Queue& queue = queues_[id];
  queue.batches.push_back(std::move(batch));
  if (queue.batches.size() == 1) NextAfter(Duration::zero(), id, queue);
}

kafka::ClientChannel& ProduceRelay::ChannelTo(const Leader& leader) {
  Link& link = links_[leader.id];
  if (link.channel == nullptr || link.channel->closed() || link.endpoint != leader.endpoint) {
    kafka::ChannelOptions options;
    options.client_id = fmt::format("relay-of-{}", self_);
    options.connect_timeout = kPatience;
    link.endpoint = leader.endpoint;
    link.channel =
        std::make_unique<kafka::ClientChannel>(shard_, *ports_.transport, leader.endpoint, options);
  }
  return *link.channel;
}

void ProduceRelay::NextAfter(Duration delay, const TopicPartition& id, Queue& queue) {
  queue.timer = shard_.ScheduleAfter(delay, [this, id] {
    queues_.at(id).timer = 0;
    Next(id);
  });
}

void ProduceRelay::TryAgain(const TopicPartition& id, Queue& queue) {
  if (shard_.clock().Now() >= *queue.batches.front().give_up_at) return FailAll(id);
  NextAfter(kRetryAfter, id, queue);
}

void ProduceRelay::Next(const TopicPartition& id) {
  Queue& queue = queues_.at(id);
  if (queue.batches.empty()) {
    queues_.erase(id);
    return;
  }
  if (queue.under_way || queue.timer != 0) return;
  Batch& batch = queue.batches.front();
  if (!batch.give_up_at) batch.give_up_at = shard_.clock().Now() + kPatience;
  const std::optional<Leader> leader = LeaderOf(id);
  if (!leader) return TryAgain(id, queue);
  const controller::TopicInfo& topic = *image_->FindTopic(id.topic_id);
  kafka::ProduceRequest request;
  request.acks = batch.acks;
  request.timeout_ms =
      static_cast<int32_t>(std::chrono::duration_cast<milliseconds>(batch.commit_timeout).count());
  auto& data = request.topic_data.emplace_back();
  data.name = topic.name;
  data.topic_id = id.topic_id;
  auto& partition = data.partition_data.emplace_back();
  partition.index = id.partition;
  partition.records = AsClientSent(batch.records);
  queue.under_way = true;
  ChannelTo(*leader).Send(
      std::move(request), batch.commit_timeout + kAnswerBehindTimeout,
      [this, id, leader = leader->id](absl::StatusOr<kafka::ProduceResponse> response) {
        OnAnswer(id, leader, std::move(response));
      });
}

void ProduceRelay::OnAnswer(const TopicPartition& id, int32_t leader,
                            absl::StatusOr<kafka::ProduceResponse> response) {
  Queue& queue = queues_.at(id);
  queue.under_way = false;
  if (!response.ok()) {
    // Perhaps it was appended. The others on this channel hear the same.
    links_[leader].channel->Close(response.status());
    return FailAll(id);
  }
  ProduceOutcome outcome = OutcomeOf(*response);
  if (NotThere(outcome.error)) {
    // It may have led, and appended it.
    queue.batches.front().perhaps_written = true;
    return TryAgain(id, queue);
  }
  Batch batch = std::move(queue.batches.front());
  if (batch.perhaps_written && outcome.error != ErrorCode::NONE) {
    outcome = {};
    outcome.error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
  }
  queue.batches.pop_front();
  batch.done(std::move(outcome));
  Next(id);
}

void ProduceRelay::FailAll(const TopicPartition& id) {
  std::deque<Batch> failed = std::exchange(queues_.at(id).batches, {});
  queues_.erase(id);
  for (Batch& batch : failed) {
    ProduceOutcome outcome;
    outcome.error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
    batch.done(std::move(outcome));
  }
}

}  // namespace soliton::broker
