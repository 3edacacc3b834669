// ListOffsets (2): served 1-11. The leader answers -1 latest (high watermark), -2 earliest, -3
// largest timestamp, -4 local start, -5 and -6 no offset (no tiers), or the first record at or
// after a time. While a new leader's high watermark may still be behind what clients were told
// before, it answers OFFSET_NOT_AVAILABLE instead of a smaller number (KIP-207).
#include "broker/server/dispatch.h"
#include "broker/server/scatter.h"
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
  size_t topic = 0;
  size_t partition = 0;
};

struct Job {
  RequestPtr request;
  bool read_committed = false;
  ListOffsetsResponse response;
  std::vector<TopicPartition> ids;
  std::vector<Query> queries;
};

void Lay(Job& job, const ListOffsetsRequest& body) {
  const controller::MetadataImage& image = *job.request->home().image();
  for (const auto& topic : body.topics) {
    auto& topic_response = job.response.topics.emplace_back();
    topic_response.name = topic.name;
    const controller::TopicInfo* info = image.FindTopic(topic.name);
    for (const auto& partition : topic.partitions) {
      auto& out = topic_response.partitions.emplace_back();
      out.partition_index = partition.partition_index;
      if (info == nullptr || partition.partition_index < 0 ||
          partition.partition_index >= static_cast<int32_t>(info->partitions.size())) {
        out.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        continue;
      }
      if (!IsKnownTimestamp(partition.timestamp, job.request->version())) {
        out.error_code = ErrorCode::UNSUPPORTED_VERSION;
        continue;
      }
      job.ids.push_back({info->id, partition.partition_index});
      job.queries.push_back({partition.timestamp, partition.current_leader_epoch,
                             job.response.topics.size() - 1, topic_response.partitions.size() - 1});
    }
  }
}

void Handle(RequestPtr request) {
  auto body = request->Decode<ListOffsetsRequest>();
  if (!body) return;
  auto job = std::make_shared<Job>();
  job->request = std::move(request);
  job->read_committed = body->isolation_level == 1;
  Lay(*job, *body);
  ScatterToOwners<OffsetOutcome>(
      job->request->home(), job->ids,
      [job](BrokerShard& owner, const std::vector<size_t>& indexes,
            std::vector<OffsetOutcome>& results) {
        for (size_t i : indexes) {
          Partition* partition = owner.partitions().Find(job->ids[i]);
          if (partition == nullptr) {
            results.emplace_back().error = AbsenceError(owner, job->ids[i]);
            continue;
          }
          results.push_back(partition->FindOffset(job->queries[i].timestamp_ms,
                                                  job->queries[i].current_leader_epoch,
                                                  job->read_committed));
        }
      },
      [job](std::vector<OffsetOutcome> results) {
        for (size_t i = 0; i < results.size(); ++i) {
          auto& out =
              job->response.topics[job->queries[i].topic].partitions[job->queries[i].partition];
          out.error_code = results[i].error;
          if (out.error_code == ErrorCode::OFFSET_NOT_AVAILABLE &&
              job->request->version() < kOffsetNotAvailableVersion) {
            out.error_code = ErrorCode::LEADER_NOT_AVAILABLE;  // retried by clients of that age
          }
          out.timestamp = results[i].timestamp_ms;
          out.offset = results[i].offset;
          out.leader_epoch = results[i].leader_epoch;
        }
        job->request->Reply(job->response);
      });
}

}  // namespace

extern const HandlerEntry kListOffsetsHandler;
const HandlerEntry kListOffsetsHandler{
    .api_key = ListOffsetsRequest::kApiKey, .min_version = 1, .max_version = 11, .handle = Handle};

}  // namespace soliton::broker
