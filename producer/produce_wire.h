// Between the sender's plans and Produce messages. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "producer/accumulator_core.h"
#include "producer/sender_core.h"
#include "protocol/messages/produce.h"
#include "protocol/session/metadata_cache.h"

namespace soliton::producer {

struct PartitionName {
  std::string topic;
  int32_t partition = 0;

  friend auto operator<=>(const PartitionName&, const PartitionName&) = default;
};

// The batch's bytes with this producer and sequence, encoded on first use. Bytes that may be on
// their way to a broker are never changed: another sequence makes a copy.
Buffer EncodedBatch(ProducerBatch& batch, const PlannedBatch& plan);

// Adds one batch to a request; partitions of a topic are kept together.
void AddBatch(kafka::ProduceRequest& request, const PartitionName& where, Buffer records);

// One partition's part of an answer.
struct PartitionAnswer {
  PartitionName where;
  BatchOutcome outcome;
  kafka::PartitionLeader leader_hint;            // -1: none
  std::optional<kafka::BrokerInfo> leader_info;  // its address, when told
};
std::vector<PartitionAnswer> AnswersOf(const kafka::ProduceResponse& response);

}  // namespace soliton::producer
