// ListOffsets (2): served 1-11. The leader answers -1 latest (high watermark), -2 earliest, -3
// largest timestamp, -4 local start, -5 and -6 no offset (no tiers), or the first record at or
// after a time. While a new leader's high watermark may still be behind what clients were told
// before, it answers OFFSET_NOT_AVAILABLE instead of a smaller number (KIP-207).
#include "broker/handlers/partition_queries.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/list_offsets.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using kafka::ListOffsetsRequest;
using kafka::ListOffsetsResponse;

// Special timestamps came with versions of their own; an older client cannot mean them.
constexpr int64_t kMaxTimestamp = -3, kEarliestLocal = -4, kLatestTiered = -5,
                  kEarliestPendingUpload = -6;
constexpr int16_t kOffsetNotAvailableVersion = 5;

bool IsKnownTimestamp(int64_t timestamp_ms, int16_t version) {
  if (timestamp_ms >= -2) return true;
  if (timestamp_ms == kMaxTimestamp) return version >= 7;
  if (timestamp_ms == kEarliestLocal) return version >= 8;
  if (timestamp_ms == kLatestTiered) return version >= 9;
  return timestamp_ms == kEarliestPendingUpload && version >= 11;
}

struct Query {
  int64_t timestamp_ms = 0;
  int32_t current_leader_epoch = -1;
};

using Queries = PartitionQueries<ListOffsetsResponse, Query, OffsetOutcome>;

void Handle(RequestPtr request) {
  auto body = request->Decode<ListOffsetsRequest>();
  if (!body) return;
  const int16_t version = request->version();
  auto queries = std::make_shared<Queries>(std::move(request));
  for (const auto& topic : body->topics) {
    queries->AddTopic(topic.name).name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& out = queries->AddPartition(partition.partition_index);
      out.partition_index = partition.partition_index;
      if (out.error_code != ErrorCode::NONE) continue;
      if (body->isolation_level < 0 || body->isolation_level > 1) {
        out.error_code = ErrorCode::INVALID_REQUEST;
        continue;
      }
      if (!IsKnownTimestamp(partition.timestamp, version)) {
        out.error_code = ErrorCode::UNSUPPORTED_VERSION;
        continue;
      }
      queries->Ask({partition.timestamp, partition.current_leader_epoch});
    }
  }
  queries->Answer(
      [read_committed = body->isolation_level == 1](Partition& partition, const Query& query) {
        return partition.FindOffset(query.timestamp_ms, query.current_leader_epoch, read_committed);
      },
      [version](const OffsetOutcome& outcome, Queries::PartitionResponse& out) {
        out.error_code = outcome.error;
        if (out.error_code == ErrorCode::OFFSET_NOT_AVAILABLE &&
            version < kOffsetNotAvailableVersion) {
          out.error_code = ErrorCode::LEADER_NOT_AVAILABLE;  // retried by clients of that age
        }
        out.timestamp = outcome.timestamp_ms;
        out.offset = outcome.offset;
        out.leader_epoch = outcome.leader_epoch;
      });
}

}  // namespace

extern const HandlerEntry kListOffsetsHandler;
const HandlerEntry kListOffsetsHandler{
    .api_key = ListOffsetsRequest::kApiKey, .min_version = 1, .max_version = 11, .handle = Handle};

}  // namespace soliton::broker
