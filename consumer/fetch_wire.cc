#include "consumer/fetch_wire.h"

#include <map>
#include <string>
#include <utility>

#include "protocol/record/batch_iterator.h"

namespace soliton::consumer {
namespace {

int32_t Milliseconds(Duration duration) {
  return static_cast<int32_t>(std::chrono::duration_cast<milliseconds>(duration).count());
}

void TakeBatches(const kafka::FetchResponse::PartitionData& partition, FetchAnswer& answer) {
  const Buffer records = partition.records.buffer();
  auto split = kafka::SplitBatches(records);
  if (!split.ok()) {
    answer.damage = split.status();
    return;
  }
  answer.batches = std::move(split->batches);
  FetchOutcome& outcome = answer.outcome;
  if (!answer.batches.empty()) {
    outcome.next_offset = answer.batches.back().next_offset();
    outcome.last_batch_epoch = answer.batches.back().leader_epoch();
    outcome.records_bytes = static_cast<int64_t>(records.size() - split->cut_tail_bytes);
  } else if (split->cut_tail_bytes >= kafka::kBatchPrefixBytes) {
    outcome.cut_batch_bytes =
        int64_t{LoadBigEndian<int32_t>(records.data() + kafka::batch_layout::kBatchLength)} +
        static_cast<int64_t>(kafka::kBatchPrefixBytes);
  }
}

FetchAnswer AnswerOf(const std::string& topic, const kafka::FetchResponse::PartitionData& from,
                     const std::map<int32_t, kafka::BrokerInfo>& brokers) {
  FetchAnswer answer;
  answer.from = {topic, from.partition_index};
  answer.outcome.error = from.error_code;
  answer.outcome.high_watermark = from.high_watermark;
  answer.outcome.log_start_offset = from.log_start_offset;
  answer.outcome.preferred_read_replica = from.preferred_read_replica;
  answer.outcome.diverging_epoch = from.diverging_epoch.epoch;
  answer.outcome.diverging_end_offset = from.diverging_epoch.end_offset;
  if (from.aborted_transactions.has_value()) {
    for (const auto& transaction : *from.aborted_transactions) {
      answer.aborted.push_back({transaction.producer_id, transaction.first_offset});
    }
  }
  answer.leader_hint = {from.current_leader.leader_id, from.current_leader.leader_epoch};
  const auto broker = brokers.find(answer.leader_hint.leader_id);
  if (broker != brokers.end()) answer.leader_info = broker->second;
  if (from.error_code == kafka::ErrorCode::NONE) TakeBatches(from, answer);
  return answer;
}

}  // namespace

BuiltFetch BuildFetch(const FetchPlan& plan, const std::vector<TopicPartition>& names,
                      const kafka::MetadataCache& metadata, const FetcherOptions& options,
                      bool read_committed) {
  BuiltFetch built;
  kafka::FetchRequest& request = built.request;
  request.max_wait_ms = Milliseconds(options.max_wait);
  request.min_bytes = options.min_bytes;
  request.max_bytes = options.max_bytes;
  request.rack_id = options.rack;
  request.isolation_level = read_committed ? 1 : 0;
  std::map<std::string, size_t> topics;
  for (const FetchPartition& planned : plan.partitions) {
    const TopicPartition& name = names[planned.partition];
    const auto [it, is_new] = topics.emplace(name.topic, request.topics.size());
    if (is_new) {
      auto& topic = request.topics.emplace_back();
      topic.topic = name.topic;
      const kafka::TopicState* state = metadata.Find(name.topic);
      if (state != nullptr) topic.topic_id = state->id;
      if (topic.topic_id.is_zero()) built.max_version = kMaxNamedFetchVersion;
    }
    auto& partition = request.topics[it->second].partitions.emplace_back();
    partition.partition = name.partition;
    partition.current_leader_epoch = planned.current_leader_epoch;
    partition.fetch_offset = planned.offset;
    partition.last_fetched_epoch = planned.last_fetched_epoch;
    partition.partition_max_bytes = planned.max_bytes;
  }
  return built;
}

std::vector<FetchAnswer> AnswersOf(const kafka::FetchResponse& response,
                                   const kafka::MetadataCache& metadata) {
  std::map<int32_t, kafka::BrokerInfo> brokers;
  for (const auto& node : response.node_endpoints) {
    brokers[node.node_id] = {
        node.node_id, {node.host, static_cast<uint16_t>(node.port)}, node.rack};
  }
  std::vector<FetchAnswer> answers;
  for (const auto& topic : response.responses) {
    std::string name = topic.topic;
    if (!topic.topic_id.is_zero()) {
      const kafka::TopicState* state = metadata.FindById(topic.topic_id);
      if (state == nullptr) continue;
      name = state->name;
    }
    for (const auto& partition : topic.partitions) {
      answers.push_back(AnswerOf(name, partition, brokers));
    }
  }
  return answers;
}

}  // namespace soliton::consumer
