#include "tests/producer/model_brokers.h"

#include <utility>

#include "protocol/record/record_batch.h"

namespace soliton::producer {

using kafka::ErrorCode;

ModelBrokers::ModelBrokers(int brokers, int partitions, bool idempotent, uint64_t seed)
    : idempotent_(idempotent), random_(seed), connections_(static_cast<size_t>(brokers)) {
  for (int i = 0; i < partitions; ++i) {
    logs_.push_back({.leader = {i % brokers, 0}});
  }
}

void ModelBrokers::Send(const SendPlan& plan, const std::map<BatchId, int32_t>& counts) {
  Request request{plan, {}};
  for (const PlannedBatch& batch : plan.batches) request.counts.push_back(counts.at(batch.batch));
  Connection& connection = connections_[static_cast<size_t>(plan.broker_id)];
  connection.unanswered.push_back(plan.id);
  connection.requests.push_back(std::move(request));
}

bool ModelBrokers::quiet() const {
  for (const Connection& connection : connections_) {
    if (!connection.requests.empty() || !connection.answers.empty()) return false;
  }
  return late_.empty();
}

void ModelBrokers::Step(SenderCore& sender, MonotonicTime now, const Faults& faults) {
  const auto broker = static_cast<int32_t>(random_.Below(connections_.size()));
  Connection& connection = connections_[static_cast<size_t>(broker)];
  if (random_.Chance(static_cast<uint64_t>(faults.break_percent), 100)) {
    return Break(broker, sender, now, faults);
  }
  if (random_.Chance(static_cast<uint64_t>(faults.leader_change_percent), 100)) {
    return ChangeLeader(faults);
  }
  if (!late_.empty() && random_.Chance(1, 4)) {
    const auto at = static_cast<ptrdiff_t>(random_.Below(late_.size()));
    const auto [where, request] = late_[static_cast<size_t>(at)];
    late_.erase(late_.begin() + at);
    CarryOut(request, where, faults);  // nobody hears the answer
    return;
  }
  if (!connection.requests.empty() && random_.Chance(1, 2)) {
    const Request request = std::move(connection.requests.front());
    connection.requests.pop_front();
    connection.answers.push_back(CarryOut(request, broker, faults));
  } else if (!connection.answers.empty()) {
    const Answer answer = std::move(connection.answers.front());
    connection.answers.pop_front();
    connection.unanswered.pop_front();
    for (const auto& [partition, outcome] : answer.outcomes) {
      sender.OnOutcome(answer.send, partition, outcome, now);
    }
    sender.OnAnswered(answer.send, now);
  }
}

void ModelBrokers::Break(int32_t broker, SenderCore& sender, MonotonicTime now,
                         const Faults& faults) {
  Connection& connection = connections_[static_cast<size_t>(broker)];
  for (Request& request : connection.requests) {
    if (random_.Chance(static_cast<uint64_t>(faults.late_percent), 100)) {
      late_.emplace_back(broker, std::move(request));
    }
  }
  const std::deque<SendId> unanswered = std::move(connection.unanswered);
  connection = {};
  for (const SendId send : unanswered) sender.OnLost(send, now);
}

void ModelBrokers::ChangeLeader(const Faults& faults) {
  Log& log = logs_[random_.Below(logs_.size())];
  log.leader = {static_cast<int32_t>(random_.Below(connections_.size())),
                log.leader.leader_epoch + 1};
  // The new leader may lack what was never acknowledged.
  // (One entry always stays: a broker that has forgotten a producer accepts anything from it.)
  const size_t least = faults.unclean && random_.Chance(1, 4)
                           ? std::min<size_t>(1, log.acknowledged)
                           : log.acknowledged;
  const size_t kept = least + random_.Below(log.entries.size() - least + 1);
  log.entries.resize(kept);
  log.acknowledged = std::min(log.acknowledged, kept);
}

ModelBrokers::Answer ModelBrokers::CarryOut(const Request& request, int32_t broker,
                                            const Faults& faults) {
  Answer answer{request.plan.id, {}};
  for (size_t i = 0; i < request.plan.batches.size(); ++i) {
    const PlannedBatch& batch = request.plan.batches[i];
    Log& log = logs_[batch.partition];
    BatchOutcome outcome{.error = ErrorCode::NOT_LEADER_OR_FOLLOWER};
    if (log.leader.leader_id == broker) outcome = Append(log, batch, request.counts[i], faults);
    answer.outcomes.emplace_back(batch.partition, outcome);
  }
  return answer;
}

BatchOutcome ModelBrokers::Append(Log& log, const PlannedBatch& batch, int32_t count,
                                  const Faults& faults) {
  if (random_.Chance(static_cast<uint64_t>(faults.refuse_percent), 100)) {
    return {.error = ErrorCode::NOT_ENOUGH_REPLICAS};
  }
  bool duplicate = false;
  if (idempotent_) {
    const ErrorCode refused = Check(log, batch, count, &duplicate);
    if (refused != ErrorCode::NONE) return {.error = refused};
  }
  if (!duplicate) log.entries.push_back({batch.batch, batch.producer, batch.base_sequence, count});
  if (random_.Chance(static_cast<uint64_t>(faults.doubt_percent), 100)) {
    constexpr ErrorCode kDoubts[] = {ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                                     ErrorCode::REQUEST_TIMED_OUT,
                                     ErrorCode::NOT_LEADER_OR_FOLLOWER};
    return {.error = kDoubts[random_.Below(3)]};
  }
  log.acknowledged = log.entries.size();
  return {.base_offset = static_cast<int64_t>(log.entries.size())};
}

ErrorCode ModelBrokers::Check(const Log& log, const PlannedBatch& batch, int32_t count,
                              bool* duplicate) const {
  // The producer's last five batches, newest first. Epochs only grow along the log.
  std::vector<const Entry*> recent;
  for (auto it = log.entries.rbegin(); it != log.entries.rend() && recent.size() < 5; ++it) {
    if (it->producer.id == batch.producer.id) recent.push_back(&*it);
  }
  if (recent.empty()) return ErrorCode::NONE;  // an unknown producer may begin anywhere
  const Entry& last = *recent.front();
  if (batch.producer.epoch < last.producer.epoch) return ErrorCode::INVALID_PRODUCER_EPOCH;
  if (batch.producer.epoch > last.producer.epoch) {
    return batch.base_sequence == 0 ? ErrorCode::NONE : ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
  }
  for (const Entry* entry : recent) {
    if (entry->producer.epoch == batch.producer.epoch &&
        entry->first_sequence == batch.base_sequence && entry->count == count) {
      *duplicate = true;
      return ErrorCode::NONE;
    }
  }
  const int32_t expected = kafka::SequenceAfter(last.first_sequence, last.count);
  return batch.base_sequence == expected ? ErrorCode::NONE
                                         : ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
}

}  // namespace soliton::producer
