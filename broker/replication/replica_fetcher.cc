#include "broker/replication/replica_fetcher.h"

#include <algorithm>
#include <utility>

#include "runtime/obs/logging.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

// A leader that does not know its role yet learns it within a push of the metadata stream.
constexpr Duration kRetryAfterFence = milliseconds(5);
constexpr Duration kRetryAfterError = milliseconds(100);
// What this replica cannot take it will not take a moment later either.
constexpr Duration kRetryAfterRefusal = milliseconds(500);
constexpr Duration kReconnectFirst = milliseconds(10);
constexpr Duration kReconnectMax = milliseconds(500);
// Topic ids, ReplicaState (KIP-903), the high watermark that is known here (KIP-1166).
constexpr int16_t kFetchVersion = 18;

}  // namespace

ReplicaFetcher::ReplicaFetcher(const Ports& ports, Shard& shard, const BrokerOptions& options,
                               PartitionTable& partitions, int32_t leader,
                               const int64_t& broker_epoch, const OnLink& on_link)
    : ports_(ports),
      shard_(shard),
      options_(options),
      partitions_(partitions),
      leader_(leader),
      broker_epoch_(broker_epoch),
      on_link_(on_link) {}

ReplicaFetcher::~ReplicaFetcher() { shard_.CancelTimer(timer_); }

void ReplicaFetcher::SetEndpoint(const Endpoint& endpoint) {
  if (endpoint == endpoint_) return;
  endpoint_ = endpoint;
  if (channel_ != nullptr) {
    channel_.reset();
    core_.OnDisconnected();
  }
  connect_after_ = MonotonicTime();
  SchedulePump(shard_.clock().Now());
}

void ReplicaFetcher::Add(const TopicPartition& id) {
  core_.Add(id);
  SchedulePump(shard_.clock().Now());
}

void ReplicaFetcher::Remove(const TopicPartition& id) { core_.Remove(id); }

void ReplicaFetcher::OnFlushed(const TopicPartition& id) {
  core_.OnFlushed(id);
  if (channel_ == nullptr || !channel_->ready()) return;
  std::vector<TopicPartition> report = core_.StartReport();
  if (!report.empty()) return SendReport(report);
  Pump();
}

void ReplicaFetcher::SchedulePump(MonotonicTime when) {
  if (timer_ != 0 && timer_at_ <= when) return;
  shard_.CancelTimer(timer_);
  timer_at_ = when;
  timer_ = shard_.ScheduleAt(when, [this] {
    timer_ = 0;
    Pump();
  });
}

bool ReplicaFetcher::EnsureConnected() {
  if (channel_ != nullptr) return true;
  if (endpoint_.port == 0) return false;
  if (shard_.clock().Now() < connect_after_) {
    SchedulePump(connect_after_);
    return false;
  }
  kafka::ChannelOptions channel;
  connected_as_ = {options_.node_id, broker_epoch_};
  channel.client_id = connected_as_.ToClientId();
  channel.connect_timeout = seconds(2);
  channel_ = std::make_unique<kafka::ClientChannel>(shard_, *ports_.transport, endpoint_, channel);
  channel_->OnClosed([this](const absl::Status& why) { OnDisconnected(why); });
  return true;
}

void ReplicaFetcher::OnDisconnected(const absl::Status& why) {
  // The first time is news, repeats while the peer is down are not.
  if (failures_ == 0 && !core_.empty()) {
    LogInfo("replica fetch from broker {} at {}: {}", leader_, endpoint_.ToString(),
            std::string(why.message()));
    on_link_(leader_, false);
  }
  const Duration backoff =
      std::min<Duration>(kReconnectFirst * (1 << std::min(failures_, 6)), kReconnectMax);
  ++failures_;
  channel_.reset();
  core_.OnDisconnected();
  connect_after_ = shard_.clock().Now() + backoff;
  if (!core_.empty()) SchedulePump(connect_after_);
}

void ReplicaFetcher::Pump() {
  if (core_.empty() || broker_epoch_ < 0) return;
  if (channel_ != nullptr && connected_as_.broker_epoch != broker_epoch_) {
    // The leader takes it for the broker that it is only under its present name.
    channel_.reset();
    core_.OnDisconnected();
  }
  if (!EnsureConnected()) return;
  const MonotonicTime now = shard_.clock().Now();
  if (now < next_fetch_at_) return SchedulePump(next_fetch_at_);
  std::vector<TopicPartition> due = core_.StartFetch(now);
  if (!due.empty()) {
    next_fetch_at_ = now + PaceOf(due.size());
    SendFetch(due);
  }
  if (auto next = core_.NextRetry())
    SchedulePump(std::max(*next, shard_.clock().Now() + milliseconds(1)));
}

kafka::FetchRequest ReplicaFetcher::BuildFetch(const std::vector<TopicPartition>& ids, bool report,
                                               AskedMap& asked) {
  kafka::FetchRequest request;
  request.replica_state.replica_id = options_.node_id;
  request.replica_state.replica_epoch = broker_epoch_;
  request.max_wait_ms =
      report
          ? 0
          : static_cast<int32_t>(
                std::chrono::duration_cast<milliseconds>(options_.replica_fetch_wait_max).count());
  request.min_bytes = report ? 0 : 1;
  request.max_bytes = report ? 0 : options_.replica_fetch_response_max_bytes;
  request.session_epoch = -1;
  for (const TopicPartition& id : ids) {
    Partition* partition = partitions_.Find(id);
    if (partition == nullptr || partition->replica().leader() != leader_) continue;
    auto position = partition->NextFetch();
    if (!position) continue;
    if (request.topics.empty() || request.topics.back().topic_id != id.topic_id) {
      request.topics.emplace_back().topic_id = id.topic_id;
    }
    auto& out = request.topics.back().partitions.emplace_back();
    out.partition = id.partition;
    out.current_leader_epoch = position->leader_epoch;
    out.fetch_offset = position->fetch_offset;
    out.last_fetched_epoch = position->last_fetched_epoch;
    out.log_start_offset = position->log_start_offset;
    out.partition_max_bytes = report ? 0 : options_.replica_fetch_max_bytes;
    out.flushed_offset = position->flushed_offset;
    out.high_watermark = position->known_high_watermark;
    asked[id] = {position->leader_epoch, position->fetch_offset, position->last_fetched_epoch};
  }
  return request;
}

void ReplicaFetcher::SendFetch(const std::vector<TopicPartition>& ids) {
  AskedMap asked;
  kafka::FetchRequest request = BuildFetch(ids, false, asked);
  if (asked.empty()) {
    core_.OnFetchDone();
    for (const TopicPartition& id : ids) {
      core_.Delay(id, shard_.clock().Now() + kRetryAfterError);
    }
    return;
  }
  channel_->Send(
      std::move(request), options_.replica_fetch_wait_max + seconds(10),
      [this, asked = std::move(asked)](absl::StatusOr<kafka::FetchResponse> response) {
        // Nothing else can be expected from this channel: OnDisconnected begins anew.
        if (!response.ok()) return channel_->Close(response.status());
        core_.OnFetchDone();
        if (std::exchange(failures_, 0) > 0) on_link_(leader_, true);
        OnAnswer(asked, std::move(response));
        Pump();
      },
      kFetchVersion);
}

void ReplicaFetcher::SendReport(const std::vector<TopicPartition>& ids) {
  AskedMap asked;
  kafka::FetchRequest request = BuildFetch(ids, true, asked);
  if (asked.empty()) {
    core_.OnReportDone();
    return;
  }
  channel_->Send(
      std::move(request), options_.replica_fetch_wait_max + seconds(10),
      [this](absl::StatusOr<kafka::FetchResponse> response) {
        if (!response.ok()) return channel_->Close(response.status());
        core_.OnReportDone();
        std::vector<TopicPartition> report = core_.StartReport();
        if (!report.empty()) SendReport(report);
      },
      kFetchVersion);
}

void ReplicaFetcher::OnAnswer(const AskedMap& asked,
                              absl::StatusOr<kafka::FetchResponse> response) {
  for (auto& topic : response->responses) {
    for (auto& data : topic.partitions) {
      const TopicPartition id{topic.topic_id, data.partition_index};
      auto found = asked.find(id);
      if (found != asked.end()) OnPartitionAnswer(id, found->second, data);
    }
  }
  if (response->error_code != ErrorCode::NONE) {
    for (const auto& [id, unused] : asked) {
      core_.Delay(id, shard_.clock().Now() + kRetryAfterError);
    }
  }
}

void ReplicaFetcher::OnPartitionAnswer(const TopicPartition& id, const Asked& asked,
                                       kafka::FetchResponse::PartitionData& data) {
  Partition* partition = partitions_.Find(id);
  if (partition == nullptr) return;
  const ErrorCode error = data.error_code;
  if (error != ErrorCode::NONE) {
    LogDebug("{}-{}: fetch at {} in epoch {} from broker {}: {}", partition->topic(), id.partition,
             asked.fetch_offset, asked.leader_epoch, leader_, kafka::ErrorName(error));
  }
  if (error != ErrorCode::NONE && error != ErrorCode::OFFSET_OUT_OF_RANGE) {
    const bool fence =
        error == ErrorCode::NOT_LEADER_OR_FOLLOWER || error == ErrorCode::UNKNOWN_LEADER_EPOCH ||
        error == ErrorCode::FENCED_LEADER_EPOCH || error == ErrorCode::UNKNOWN_TOPIC_ID;
    core_.Delay(id, shard_.clock().Now() + (fence ? kRetryAfterFence : kRetryAfterError));
    return;
  }
  Partition::FollowerAnswer answer;
  answer.leader_epoch = asked.leader_epoch;
  answer.fetch_offset = asked.fetch_offset;
  answer.last_fetched_epoch = asked.last_fetched_epoch;
  answer.out_of_range = error == ErrorCode::OFFSET_OUT_OF_RANGE;
  if (data.diverging_epoch.end_offset >= 0) {
    answer.diverging =
        segment::EpochEndOffset{data.diverging_epoch.epoch, data.diverging_epoch.end_offset};
  }
  answer.records = data.records.buffer();
  answer.high_watermark = data.high_watermark;
  answer.log_start_offset = data.log_start_offset;
  const MonotonicTime now = shard_.clock().Now();
  if (partition->IsThrottledFollower()) {
    ReplicationThrottle& throttle = partitions_.FollowerThrottle();
    throttle.Take(static_cast<int64_t>(answer.records.size()), now);
    if (!throttle.HasRoom(now)) core_.Delay(id, throttle.RoomAt(now));
  }
  absl::Status status = partition->OnFollowerAnswer(answer);
  if (!status.ok()) {
    LogError("{}-{}: following broker {}: {}", partition->topic(), id.partition, leader_,
             status.ToString());
    core_.Delay(id, shard_.clock().Now() + kRetryAfterRefusal);
  }
}

}  // namespace soliton::broker
