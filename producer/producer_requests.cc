// The producer's conversation with brokers: Produce and InitProducerId.
#include <utility>

#include "producer/producer_impl.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/produce.h"
#include "runtime/obs/logging.h"

namespace soliton::producer {
namespace {

using kafka::ErrorCode;

// acks=0: what one connection may hold unsent before we stop feeding it.
constexpr int64_t kMaxUnsentBytes = 4 * 1024 * 1024;

}  // namespace

void Producer::Impl::SendRequests(MonotonicTime now) {
  for (const int32_t broker : sender_.BrokersWithWork(now)) {
    while (true) {
      kafka::ClientChannel* channel = cluster_.ChannelTo(broker);
      if (channel != nullptr && channel->unsent_bytes() > kMaxUnsentBytes) break;  // see OnDrained
      std::optional<SendPlan> plan = sender_.Plan(broker, now, options_.max_request_bytes);
      if (!plan.has_value()) break;
      SendRequest(std::move(*plan));
    }
  }
}

void Producer::Impl::SendRequest(SendPlan plan) {
  kafka::ProduceRequest request;
  request.acks = options_.acks;
  request.timeout_ms = static_cast<int32_t>(
      std::chrono::duration_cast<milliseconds>(options_.request_timeout).count());
  for (const PlannedBatch& planned : plan.batches) {
    AddBatch(request, names_[planned.partition],
             EncodedBatch(*batches_.at(planned.batch), planned));
  }
  ++stats_.requests;
  stats_.batches_sent += plan.batches.size();
  if (options_.acks != 0) {
    cluster_.Send(
        plan.broker_id, std::move(request), options_.request_timeout,
        [weak = weak_from_this(), plan](absl::StatusOr<kafka::ProduceResponse> response) {
          if (auto self = weak.lock()) self->OnProduceResponse(plan, std::move(response));
        },
        options_.max_produce_version);
    return;
  }
  kafka::ClientChannel* channel = cluster_.ChannelTo(plan.broker_id);
  if (channel == nullptr) {
    sender_.OnLost(plan.id, owner_.shard().clock().Now());
    SchedulePump();
    return;
  }
  channel->SendOneWay(
      std::move(request), options_.request_timeout,
      [weak = weak_from_this(), plan](const absl::Status& sent) {
        auto self = weak.lock();
        if (self == nullptr) return;
        const MonotonicTime now = self->owner_.shard().clock().Now();
        for (const PlannedBatch& planned : plan.batches) {
          if (sent.ok()) self->sender_.OnOutcome(plan.id, planned.partition, {}, now);
        }
        self->sender_.OnAnswered(plan.id, now);
        self->Pump();
      },
      options_.max_produce_version);
}

void Producer::Impl::OnProduceResponse(const SendPlan& plan,
                                       absl::StatusOr<kafka::ProduceResponse> response) {
  if (abandoned_) return;
  const MonotonicTime now = owner_.shard().clock().Now();
  if (!response.ok()) {
    LogDebug("produce request to broker {}: {}", plan.broker_id,
             std::string(response.status().message()));
    if (absl::IsUnimplemented(response.status())) {
      const BatchOutcome refused{.error = ErrorCode::UNSUPPORTED_VERSION,
                                 .message = std::string(response.status().message())};
      for (const PlannedBatch& batch : plan.batches) {
        sender_.OnOutcome(plan.id, batch.partition, refused, now);
      }
    }
    sender_.OnLost(plan.id, now);
    Pump();
    return;
  }
  const std::vector<PartitionAnswer> answers = AnswersOf(*response);
  for (const PartitionAnswer& answer : answers) {
    if (answer.outcome.error != ErrorCode::NONE) {
      LogDebug("{}-{}: broker {} answered {} {}", answer.where.topic, answer.where.partition,
               plan.broker_id, kafka::ErrorName(answer.outcome.error), answer.outcome.message);
    }
    const auto index = indices_.find(answer.where);
    if (index != indices_.end()) sender_.OnOutcome(plan.id, index->second, answer.outcome, now);
  }
  sender_.OnAnswered(plan.id, now);
  for (const PartitionAnswer& answer : answers) {
    if (answer.leader_hint.leader_id < 0) continue;
    cluster_.ApplyHint(answer.where.topic, answer.where.partition, answer.leader_hint,
                       answer.leader_info);
  }
  if (response->throttle_time_ms > 0) {
    sender_.Throttle(plan.broker_id, now + milliseconds(response->throttle_time_ms));
  }
  Pump();
}

void Producer::Impl::FetchProducerId() {
  if (id_in_flight_ || id_timer_ != 0) return;
  id_in_flight_ = true;
  kafka::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  request.transaction_timeout_ms = 60000;
  cluster_.SendToAny(
      std::move(request), options_.request_timeout,
      [weak = weak_from_this()](absl::StatusOr<kafka::InitProducerIdResponse> response) {
        if (auto self = weak.lock()) self->OnProducerId(std::move(response));
      });
}

void Producer::Impl::OnProducerId(absl::StatusOr<kafka::InitProducerIdResponse> response) {
  if (abandoned_) return;
  id_in_flight_ = false;
  if (response.ok() && response->error_code == ErrorCode::NONE && response->producer_id >= 0) {
    id_backoff_.Reset();
    sender_.SetProducerId({response->producer_id, response->producer_epoch});
    Pump();
    return;
  }
  if (absl::IsUnimplemented(response.status())) {
    return Break(ErrorCode::UNSUPPORTED_VERSION,
                 "the broker does not offer idempotence (InitProducerId)");
  }
  if (response.ok() && response->error_code != ErrorCode::NONE &&
      !kafka::IsRetriable(response->error_code)) {
    return Break(response->error_code, "");
  }
  // This may pass; records meanwhile run into their delivery timeout.
  id_timer_ = owner_.shard().ScheduleAfter(id_backoff_.Next(owner_.shard().random()), [this] {
    id_timer_ = 0;
    Pump();
  });
}

}  // namespace soliton::producer
