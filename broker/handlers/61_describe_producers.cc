// DescribeProducers (61): the idempotent and transactional producers that replicas here remember,
// for finding transactions that hang (KIP-664). Served 0. Any replica answers for itself.
#include "broker/handlers/partition_queries.h"
#include "broker/server/dispatch.h"
#include "controller/metadata/topic_name.h"
#include "protocol/messages/describe_producers.h"

namespace soliton::broker {
namespace {

using kafka::DescribeProducersRequest;
using kafka::DescribeProducersResponse;
using kafka::ErrorCode;

struct Query {};

using Queries = PartitionQueries<DescribeProducersResponse, Query, ProducersOutcome>;

void Handle(RequestPtr request) {
  auto body = request->Decode<DescribeProducersRequest>();
  if (!body) return;
  auto queries = std::make_shared<Queries>(std::move(request));
  for (const auto& topic : body->topics) {
    queries->AddTopic(topic.name).name = topic.name;
    const bool valid_name = controller::CheckTopicName(topic.name).ok();
    for (const int32_t index : topic.partition_indexes) {
      auto& out = queries->AddPartition(index);
      out.partition_index = index;
      if (!valid_name) out.error_code = ErrorCode::INVALID_TOPIC_EXCEPTION;
      if (!queries->knows_topic())
        out.error_message = std::string(kafka::ErrorText(out.error_code));
      if (out.error_code == ErrorCode::NONE) queries->Ask({});
    }
  }
  queries->Answer([](Partition& partition, const Query&) { return partition.Producers(); },
                  [](const ProducersOutcome& outcome, Queries::PartitionResponse& out) {
                    out.error_code = outcome.error;
                    for (const ProducersOutcome::Producer& producer : outcome.producers) {
                      auto& active = out.active_producers.emplace_back();
                      active.producer_id = producer.id;
                      active.producer_epoch = producer.epoch;
                      active.last_sequence = producer.last_sequence;
                      active.last_timestamp = producer.last_append_ms;
                      active.coordinator_epoch = producer.coordinator_epoch;
                      active.current_txn_start_offset = producer.txn_start_offset;
                    }
                  });
}

}  // namespace

extern const HandlerEntry kDescribeProducersHandler;
const HandlerEntry kDescribeProducersHandler{.api_key = DescribeProducersRequest::kApiKey,
                                             .min_version = 0,
                                             .max_version = 0,
                                             .handle = Handle};

}  // namespace soliton::broker
