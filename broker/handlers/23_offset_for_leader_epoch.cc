// OffsetForLeaderEpoch (23): where a leader epoch ends in the leader's log, for clients that check
// whether the log that they read was truncated (KIP-320). Served 2-4.
#include "broker/handlers/partition_queries.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/offset_for_leader_epoch.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using kafka::OffsetForLeaderEpochRequest;
using kafka::OffsetForLeaderEpochResponse;

struct Query {
  int32_t leader_epoch = -1;
  int32_t current_leader_epoch = -1;
};

using Queries = PartitionQueries<OffsetForLeaderEpochResponse, Query, OffsetOutcome>;

void Handle(RequestPtr request) {
  auto body = request->Decode<OffsetForLeaderEpochRequest>();
  if (!body) return;
  auto queries = std::make_shared<Queries>(std::move(request));
  for (const auto& topic : body->topics) {
    queries->AddTopic(topic.topic).topic = topic.topic;
    for (const auto& partition : topic.partitions) {
      auto& out = queries->AddPartition(partition.partition);
      out.partition = partition.partition;
      if (out.error_code != ErrorCode::NONE) continue;
      queries->Ask({partition.leader_epoch, partition.current_leader_epoch});
    }
  }
  queries->Answer(
      [](Partition& partition, const Query& query) {
        return partition.EndOffsetForEpoch(query.leader_epoch, query.current_leader_epoch);
      },
      [](const OffsetOutcome& outcome, Queries::PartitionResponse& out) {
        out.error_code = outcome.error;
        out.leader_epoch = outcome.leader_epoch;
        out.end_offset = outcome.offset;
      });
}

}  // namespace

extern const HandlerEntry kOffsetForLeaderEpochHandler;
const HandlerEntry kOffsetForLeaderEpochHandler{.api_key = OffsetForLeaderEpochRequest::kApiKey,
                                                .min_version = 2,
                                                .max_version = 4,
                                                .handle = Handle};

}  // namespace soliton::broker
