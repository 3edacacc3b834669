#include "tests/sim/admin_process.h"

#include <algorithm>

#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/create_partitions.h"
#include "protocol/messages/delete_records.h"
#include "protocol/messages/elect_leaders.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "tests/sim/workload.h"

namespace soliton::sim {
namespace {

using kafka::ErrorCode;

constexpr Duration kPatience = milliseconds(1500);
constexpr Duration kRetry = milliseconds(50);
constexpr int kMorePartitions = 2;  // of each topic
constexpr int8_t kTopic = 2;
constexpr int8_t kSet = 0;
constexpr int8_t kDelete = 1;

std::string OneOf(Random& random, std::initializer_list<int64_t> values) {
  return fmt::format("{}", values.begin()[random.Below(values.size())]);
}

}  // namespace

AdminProcess::AdminProcess(Workload& workload, SimNode& node)
    : workload_(workload), ports_(node.ports()), shard_(ports_.shards->shard(0)) {
  node.Post([this] { Act(); });
}

void AdminProcess::Again(void (AdminProcess::*step)(), Duration after) {
  shard_.ScheduleAfter(after, [this, step] { (this->*step)(); });
}

kafka::ClientChannel& AdminProcess::NewChannel() {
  const std::vector<Endpoint> brokers = workload_.cluster().BootstrapServers();
  channel_ = std::make_unique<kafka::ClientChannel>(
      shard_, *ports_.transport, brokers[shard_.random().Below(brokers.size())],
      kafka::ChannelOptions{.connect_timeout = milliseconds(500)});
  return *channel_;
}

void AdminProcess::Act() {
  if (workload_.calm()) return Restore();
  switch (shard_.random().Below(7)) {
    case 0:
      return Grow();
    case 1:
      return Trim();
    case 2:
    case 3:
      return Move();
    case 4:
      return Elect();
    default:
      return ChangeSetting();
  }
}

void AdminProcess::ChangeSetting() {
  Random& random = shard_.random();
  const ClusterPlan& plan = workload_.plan();
  std::pair<std::string, std::optional<std::string>> config;
  switch (random.Below(3)) {
    case 0:
      config = {"retention.bytes", OneOf(random, {1, 10'000, 100'000})};
      break;
    case 1:
      config = {"min.insync.replicas",
                fmt::format("{}", random.Between(plan.min_insync_replicas, plan.brokers))};
      break;
    default:
      // Every record fits alone, not every batch does.
      config = {"max.message.bytes", fmt::format("{}", plan.record_bytes_max + 400)};
      break;
  }
  // The plan's min.insync.replicas is no default of the brokers: it is never taken away.
  if (config.first != "min.insync.replicas" && random.Chance(1, 3)) config.second.reset();
  const auto topic = static_cast<int>(random.Below(static_cast<uint64_t>(plan.topics)));
  SetConfigs({config}, {workload_.cluster().TopicName(topic)}, &AdminProcess::AfterChange);
}

void AdminProcess::AfterChange(bool changed) {
  Again(&AdminProcess::Act, changed ? milliseconds(shard_.random().Between(20, 500)) : kRetry);
}

void AdminProcess::Restore() {
  std::vector<std::string> topics;
  for (int i = 0; i < workload_.plan().topics; ++i) {
    topics.push_back(workload_.cluster().TopicName(i));
  }
  SetConfigs({{"min.insync.replicas", fmt::format("{}", workload_.plan().min_insync_replicas)},
              {"max.message.bytes", std::nullopt}},
             std::move(topics), &AdminProcess::RestoreReplicas);
}

void AdminProcess::RestoreReplicas(bool changed) {
  if (!changed) return Again(&AdminProcess::Restore, kRetry);
  std::vector<int32_t> everybody;
  for (int32_t id = 1; id <= workload_.plan().brokers; ++id) everybody.push_back(id);
  // Those too that were added by a request whose answer was lost.
  std::vector<PartitionName> all;
  for (int topic = 0; topic < workload_.plan().topics; ++topic) {
    for (int32_t i = 0; i < workload_.plan().partitions + kMorePartitions; ++i) {
      all.push_back({workload_.cluster().TopicName(topic), i});
    }
  }
  Reassign(all, everybody, &AdminProcess::AfterRestore);
}

void AdminProcess::AfterRestore(bool changed) {
  if (!changed) Again(&AdminProcess::Restore, kRetry);
}

void AdminProcess::SetConfigs(
    const std::vector<std::pair<std::string, std::optional<std::string>>>& configs,
    std::vector<std::string> topics, void (AdminProcess::*done)(bool changed)) {
  kafka::IncrementalAlterConfigsRequest request;
  for (std::string& topic : topics) {
    auto& resource = request.resources.emplace_back();
    resource.resource_type = kTopic;
    resource.resource_name = std::move(topic);
    for (const auto& [name, value] : configs) {
      auto& config = resource.configs.emplace_back();
      config.name = name;
      config.config_operation = value ? kSet : kDelete;
      config.value = value;
    }
  }
  NewChannel().Send(std::move(request), kPatience,
                    [this, done](absl::StatusOr<kafka::IncrementalAlterConfigsResponse> answer) {
                      const bool changed =
                          answer.ok() && !answer->responses.empty() &&
                          std::all_of(answer->responses.begin(), answer->responses.end(),
                                      [](const auto& resource) {
                                        return resource.error_code == ErrorCode::NONE;
                                      });
                      (this->*done)(changed);
                    });
}

void AdminProcess::Grow() {
  Random& random = shard_.random();
  const ClusterPlan& plan = workload_.plan();
  const std::string topic = workload_.cluster().TopicName(
      static_cast<int>(random.Below(static_cast<uint64_t>(plan.topics))));
  const int32_t wanted = workload_.PartitionsOf(topic) + 1;
  if (wanted > plan.partitions + kMorePartitions) return Again(&AdminProcess::Act, kRetry);
  kafka::CreatePartitionsRequest request;
  auto& more = request.topics.emplace_back();
  more.name = topic;
  more.count = wanted;
  more.assignments.reset();
  request.timeout_ms = 1000;
  NewChannel().Send(std::move(request), kPatience,
                    [this, topic, wanted](absl::StatusOr<kafka::CreatePartitionsResponse> answer) {
                      const ErrorCode error = answer.ok() && answer->results.size() == 1
                                                  ? answer->results[0].error_code
                                                  : ErrorCode::REQUEST_TIMED_OUT;
                      // They may be there from a request whose answer was lost.
                      if (error == ErrorCode::NONE || error == ErrorCode::INVALID_PARTITIONS) {
                        workload_.SetPartitionsOf(topic, wanted);
                      }
                      AfterChange(error == ErrorCode::NONE);
                    });
}

void AdminProcess::Trim() {
  Random& random = shard_.random();
  const std::vector<PartitionName>& all = workload_.partitions();
  const PartitionName& partition = all[random.Below(all.size())];
  kafka::DeleteRecordsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = partition.topic;
  auto& asked = topic.partitions.emplace_back();
  asked.partition_index = partition.partition;
  // Up to the high watermark, or to about where an acknowledged record is.
  const auto acked = static_cast<uint64_t>(workload_.history().acked(partition));
  asked.offset = random.Chance(1, 3) ? -1 : static_cast<int64_t>(random.Below(acked + 1));
  request.timeout_ms = 1000;
  // One in three is the leader, the others say that they are not.
  NewChannel().Send(std::move(request), kPatience,
                    [this](absl::StatusOr<kafka::DeleteRecordsResponse> answer) {
                      AfterChange(answer.ok() && answer->topics.size() == 1 &&
                                  answer->topics[0].partitions.size() == 1 &&
                                  answer->topics[0].partitions[0].error_code == ErrorCode::NONE);
                    });
}

void AdminProcess::Reassign(const std::vector<PartitionName>& partitions,
                            const std::optional<std::vector<int32_t>>& replicas,
                            void (AdminProcess::*done)(bool changed)) {
  kafka::AlterPartitionReassignmentsRequest request;
  for (const PartitionName& partition : partitions) {
    auto& topic = request.topics.emplace_back();
    topic.name = partition.topic;
    auto& asked = topic.partitions.emplace_back();
    asked.partition_index = partition.partition;
    asked.replicas = replicas;
  }
  request.timeout_ms = 1000;
  NewChannel().Send(
      std::move(request), kPatience,
      [this, done](absl::StatusOr<kafka::AlterPartitionReassignmentsResponse> answer) {
        const auto is_done = [](const auto& topic) {
          return topic.partitions.size() == 1 &&
                 (topic.partitions[0].error_code == ErrorCode::NONE ||
                  topic.partitions[0].error_code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        };
        (this->*done)(answer.ok() &&
                      std::all_of(answer->responses.begin(), answer->responses.end(), is_done));
      });
}

void AdminProcess::Move() {
  Random& random = shard_.random();
  const ClusterPlan& plan = workload_.plan();
  const std::vector<PartitionName>& all = workload_.partitions();
  const PartitionName& partition = all[random.Below(all.size())];
  if (random.Chance(1, 4)) return Reassign({partition}, std::nullopt, &AdminProcess::AfterChange);
  std::vector<int32_t> replicas;
  for (int32_t id = 1; id <= plan.brokers; ++id) {
    const auto at = static_cast<int64_t>(random.Below(replicas.size() + 1));
    replicas.insert(replicas.begin() + at, id);
  }
  replicas.resize(
      static_cast<size_t>(random.Between(std::max(plan.min_insync_replicas, 1), plan.brokers)));
  Reassign({partition}, replicas, &AdminProcess::AfterChange);
}

void AdminProcess::Elect() {
  kafka::ElectLeadersRequest request;
  request.election_type = 0;
  request.topic_partitions.reset();
  request.timeout_ms = 1000;
  NewChannel().Send(std::move(request), kPatience,
                    [this](absl::StatusOr<kafka::ElectLeadersResponse> answer) {
                      AfterChange(answer.ok() && answer->error_code == ErrorCode::NONE);
                    });
}

}  // namespace soliton::sim
