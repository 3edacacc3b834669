#include "producer/produce_wire.h"

#include <utility>

#include "protocol/record/record_batch.h"
#include "runtime/base/check.h"

namespace soliton::producer {

Buffer EncodedBatch(ProducerBatch& batch, const PlannedBatch& plan) {
  if (batch.builder.has_value()) {
    batch.builder->SetProducer(plan.producer.id, plan.producer.epoch, plan.base_sequence);
    batch.encoded = batch.builder->Build();
    batch.builder.reset();
  } else if (batch.encoded_for != plan.producer || batch.encoded_sequence != plan.base_sequence) {
    auto view = kafka::RecordBatchView::Parse(Buffer::CopyOf(batch.encoded.span()));
    CHECK(view.ok(), "our own batch does not parse");
    view->SetProducer(plan.producer.id, plan.producer.epoch, plan.base_sequence);
    batch.encoded = view->buffer();
  }
  batch.encoded_for = plan.producer;
  batch.encoded_sequence = plan.base_sequence;
  return batch.encoded;
}

void AddBatch(kafka::ProduceRequest& request, const PartitionName& where, Buffer records) {
  kafka::ProduceRequest::TopicProduceData* topic = nullptr;
  for (auto& candidate : request.topic_data) {
    if (candidate.name == where.topic) topic = &candidate;
  }
  if (topic == nullptr) {
    topic = &request.topic_data.emplace_back();
    topic->name = where.topic;
  }
  auto& partition = topic->partition_data.emplace_back();
  partition.index = where.partition;
  partition.records = kafka::Records(std::move(records));
}

std::vector<PartitionAnswer> AnswersOf(const kafka::ProduceResponse& response) {
  std::map<int32_t, kafka::BrokerInfo> brokers;
  for (const auto& node : response.node_endpoints) {
    brokers[node.node_id] = {
        node.node_id, {node.host, static_cast<uint16_t>(node.port)}, node.rack};
  }
  std::vector<PartitionAnswer> answers;
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      PartitionAnswer& answer = answers.emplace_back();
      answer.where = {topic.name, partition.index};
      answer.outcome.error = partition.error_code;
      answer.outcome.base_offset = partition.base_offset;
      answer.outcome.log_append_time_ms = partition.log_append_time_ms;
      answer.outcome.message = partition.error_message.value_or("");
      for (const auto& record : partition.record_errors) {
        if (answer.outcome.message.empty()) {
          answer.outcome.message = record.batch_index_error_message.value_or("");
        }
      }
      answer.leader_hint = {partition.current_leader.leader_id,
                            partition.current_leader.leader_epoch};
      const auto broker = brokers.find(answer.leader_hint.leader_id);
      if (broker != brokers.end()) answer.leader_info = broker->second;
    }
  }
  return answers;
}

}  // namespace soliton::producer
