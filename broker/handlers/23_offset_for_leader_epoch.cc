// OffsetForLeaderEpoch (23): where a leader epoch ends in the leader's log, for clients that check
// whether the log that they read was truncated (KIP-320). Served 2-4.
#include "broker/server/dispatch.h"
#include "broker/server/scatter.h"
#include "protocol/messages/offset_for_leader_epoch.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using kafka::OffsetForLeaderEpochRequest;
using kafka::OffsetForLeaderEpochResponse;

struct Query {
  int32_t leader_epoch = -1;
  int32_t current_leader_epoch = -1;
  size_t topic = 0;
  size_t partition = 0;
};

struct Job {
  RequestPtr request;
  OffsetForLeaderEpochResponse response;
  std::vector<TopicPartition> ids;
  std::vector<Query> queries;
};

void Lay(Job& job, const OffsetForLeaderEpochRequest& body) {
  const controller::MetadataImage& image = *job.request->home().image();
  for (const auto& topic : body.topics) {
    auto& topic_response = job.response.topics.emplace_back();
    topic_response.topic = topic.topic;
    const controller::TopicInfo* info = image.FindTopic(topic.topic);
    for (const auto& partition : topic.partitions) {
      auto& out = topic_response.partitions.emplace_back();
      out.partition = partition.partition;
      if (info == nullptr || partition.partition < 0 ||
          partition.partition >= static_cast<int32_t>(info->partitions.size())) {
        out.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        continue;
      }
      job.ids.push_back({info->id, partition.partition});
      job.queries.push_back({partition.leader_epoch, partition.current_leader_epoch,
                             job.response.topics.size() - 1, topic_response.partitions.size() - 1});
    }
  }
}

void Handle(RequestPtr request) {
  auto body = request->Decode<OffsetForLeaderEpochRequest>();
  if (!body) return;
  auto job = std::make_shared<Job>();
  job->request = std::move(request);
  Lay(*job, *body);
  ScatterToOwners<OffsetOutcome>(
      job->request->home(), job->ids,
      [job](BrokerShard& owner, const std::vector<size_t>& indexes,
            std::vector<OffsetOutcome>& results) {
        for (size_t i : indexes) {
          const Partition* partition = owner.partitions().Find(job->ids[i]);
          if (partition == nullptr) {
            results.emplace_back().error = AbsenceError(owner, job->ids[i]);
            continue;
          }
          results.push_back(partition->EndOffsetForEpoch(job->queries[i].leader_epoch,
                                                         job->queries[i].current_leader_epoch));
        }
      },
      [job](std::vector<OffsetOutcome> results) {
        for (size_t i = 0; i < results.size(); ++i) {
          auto& out =
              job->response.topics[job->queries[i].topic].partitions[job->queries[i].partition];
          out.error_code = results[i].error;
          out.leader_epoch = results[i].leader_epoch;
          out.end_offset = results[i].offset;
        }
        job->request->Reply(job->response);
      });
}

}  // namespace

extern const HandlerEntry kOffsetForLeaderEpochHandler;
const HandlerEntry kOffsetForLeaderEpochHandler{.api_key = OffsetForLeaderEpochRequest::kApiKey,
                                                .min_version = 2,
                                                .max_version = 4,
                                                .handle = Handle};

}  // namespace soliton::broker
