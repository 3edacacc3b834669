// DescribeLogDirs (35): the replicas on this broker's disk and their sizes (KIP-113), and the size
// of its volume (KIP-827, v4+). Served 1-5. There is one data directory. Topics that are not here
// are left out.
#include "broker/server/dispatch.h"
#include "protocol/messages/describe_log_dirs.h"

namespace soliton::broker {
namespace {

using kafka::DescribeLogDirsRequest;
using kafka::DescribeLogDirsResponse;

struct Job {
  RequestPtr request;
  // nullopt: all. Constant once the shards are asked.
  std::optional<std::map<std::string, std::set<int32_t>>> wanted;
  // Home shard.
  std::map<std::string, std::map<int32_t, int64_t>> sizes;
  absl::StatusOr<DiskSpace> space = absl::UnknownError("not measured");
  size_t missing = 0;
};

bool Wants(const Job& job, const Partition& partition) {
  if (!job.wanted) return true;
  auto found = job.wanted->find(partition.topic());
  return found != job.wanted->end() && found->second.contains(partition.id().partition);
}

void OneDone(Job& job) {
  if (--job.missing > 0) return;
  DescribeLogDirsResponse response;
  auto& result = response.results.emplace_back();
  result.log_dir = job.request->home().options().data_directory;
  if (job.space.ok()) {
    result.total_bytes = job.space->total_bytes;
    result.usable_bytes = job.space->free_bytes;
  }
  for (const auto& [name, sizes] : job.sizes) {
    auto& topic = result.topics.emplace_back();
    topic.name = name;
    for (const auto& [index, bytes] : sizes) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = index;
      partition.partition_size = bytes;
    }
  }
  job.request->Reply(response);
}

void AskShard(const std::shared_ptr<Job>& job, BrokerShard& owner) {
  BrokerShard& home = job->request->home();
  owner.shard().Post([job, &owner, &home]() mutable {
    std::map<std::string, std::map<int32_t, int64_t>> sizes;
    for (const auto& [id, partition] : owner.partitions().partitions()) {
      if (!Wants(*job, *partition)) continue;
      sizes[partition->topic()][id.partition] = partition->log().size_bytes();
    }
    // The request goes home with it, and ends there.
    home.shard().Post([job = std::move(job), sizes = std::move(sizes)] {
      for (const auto& [topic, partitions] : sizes) {
        job->sizes[topic].insert(partitions.begin(), partitions.end());
      }
      OneDone(*job);
    });
  });
}

void Handle(RequestPtr request) {
  auto body = request->Decode<DescribeLogDirsRequest>();
  if (!body) return;
  auto job = std::make_shared<Job>();
  job->request = std::move(request);
  if (body->topics) {
    job->wanted.emplace();
    for (const auto& topic : *body->topics) {
      (*job->wanted)[topic.topic].insert(topic.partitions.begin(), topic.partitions.end());
    }
  }
  BrokerShard& home = job->request->home();
  const std::vector<BrokerShard*>& shards = home.context().shards;
  job->missing = shards.size() + 1;
  for (BrokerShard* owner : shards) AskShard(job, *owner);
  home.context().ports.disk->Submit(
      0, home.shard(),
      [job, files = home.context().ports.files, path = home.options().data_directory] {
        job->space = files->SpaceOf(path);
      },
      [job] { OneDone(*job); });
}

}  // namespace

extern const HandlerEntry kDescribeLogDirsHandler;
const HandlerEntry kDescribeLogDirsHandler{.api_key = DescribeLogDirsRequest::kApiKey,
                                           .min_version = 1,
                                           .max_version = 5,
                                           .handle = Handle};

}  // namespace soliton::broker
