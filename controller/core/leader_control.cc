#include "controller/core/leader_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "controller/core/partition_elector.h"
#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;

// A request that would make a larger batch of the metadata log is refused.
constexpr size_t kMaxElectionsPerRequest = 10000;

struct Problem {
  ErrorCode error = ErrorCode::NONE;
  std::string message;
};

// Gives `partition` to its preferred replica; false when that cannot lead now.
bool ElectPreferred(const ClusterState& state, const CoreOptions& options, const TopicInfo& topic,
                    int32_t partition, ControllerResult* result) {
  const PartitionInfo& current = topic.partitions[static_cast<size_t>(partition)];
  const BrokerTransition nobody_moves;
  const auto decision = DecidePartition(current, {.prefer_first = true},
                                        RulesFor(state, options, topic, current, nobody_moves));
  if (!decision || decision->election != ElectionKind::kPreferred) return false;
  AddPartitionChange(topic, partition, current, *decision, result);
  return true;
}

// Whoever is alive leads, whatever it has; false when nobody is.
bool ElectAnybody(const ClusterState& state, const CoreOptions& options, const TopicInfo& topic,
                  int32_t partition, ControllerResult* result) {
  const PartitionInfo& current = topic.partitions[static_cast<size_t>(partition)];
  const BrokerTransition nobody_moves;
  PartitionRules rules = RulesFor(state, options, topic, current, nobody_moves);
  rules.unclean_leader_election = true;
  const auto decision = DecidePartition(current, {}, rules);
  if (!decision || decision->next.leader == kNoLeader) return false;
  AddPartitionChange(topic, partition, current, *decision, result);
  return true;
}

Problem Elect(const ClusterState& state, const CoreOptions& options, int32_t type,
              const TopicInfo& topic, int32_t partition, ControllerResult* result) {
  const PartitionInfo& current = topic.partitions[static_cast<size_t>(partition)];
  const bool as_wished = type == kPreferredElection ? current.leader == current.replicas.front()
                                                    : current.leader != kNoLeader;
  if (as_wished) {
    return {ErrorCode::ELECTION_NOT_NEEDED, "Leader election not needed for topic partition."};
  }
  if (result->records.size() >= kMaxElectionsPerRequest) {
    return {ErrorCode::POLICY_VIOLATION,
            fmt::format("one request may elect at most {} leaders", kMaxElectionsPerRequest)};
  }
  if (type == kPreferredElection) {
    if (ElectPreferred(state, options, topic, partition, result)) return {};
    return {ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE, "The preferred leader was not available."};
  }
  if (ElectAnybody(state, options, topic, partition, result)) return {};
  return {ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE,
          "Eligible topic partition leaders are not available."};
}

void AddAnswer(const std::string& topic, int32_t partition, Problem problem,
               ControllerResult* result) {
  pb::PartitionResult* answer = result->response.mutable_partitions()->add_results();
  answer->set_topic(topic);
  answer->set_partition(partition);
  answer->set_error(ToPb(problem.error));
  answer->set_error_message(std::move(problem.message));
}

Problem ElectNamed(const ClusterState& state, const CoreOptions& options, int32_t type,
                   const pb::TopicPartitionName& asked, ControllerResult* result) {
  const TopicInfo* topic = state.image().FindTopic(asked.topic());
  if (topic == nullptr) {
    return {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "there is no topic of that name"};
  }
  if (state.image().FindPartition(topic->id, asked.partition()) == nullptr) {
    return {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            fmt::format("topic {} has no partition {}", topic->name, asked.partition())};
  }
  return Elect(state, options, type, *topic, asked.partition(), result);
}

// Brokers that lack too many of the leaderships that they are preferred for.
std::set<int32_t> Neglected(const MetadataImage& image, int32_t percentage) {
  struct Count {
    int64_t preferred = 0;
    int64_t elsewhere = 0;
  };
  std::map<int32_t, Count> counts;
  for (const auto& [id, topic] : image.topics_by_id) {
    for (const PartitionInfo& partition : topic->partitions) {
      Count& count = counts[partition.replicas.front()];
      ++count.preferred;
      if (partition.leader != partition.replicas.front()) ++count.elsewhere;
    }
  }
  std::set<int32_t> neglected;
  for (const auto& [id, count] : counts) {
    if (count.elsewhere * 100 > count.preferred * percentage) neglected.insert(id);
  }
  return neglected;
}

}  // namespace

ControllerResult HandleElectLeaders(const ClusterState& state, const CoreOptions& options,
                                    const pb::ElectLeadersRequest& request) {
  ControllerResult result;
  const int32_t type = request.election_type();
  if (type != kPreferredElection && type != kUncleanElection) {
    result.response.set_error(ToPb(ErrorCode::INVALID_REQUEST));
    result.response.set_error_message(fmt::format("Unknown election type {}", type));
    return result;
  }
  result.response.mutable_partitions();
  result.cause = type == kPreferredElection ? "an election of preferred leaders was asked for"
                                            : "an UNCLEAN election was asked for";
  if (request.all()) {
    for (const auto& [name, topic] : state.image().topics_by_name) {
      for (size_t i = 0; i < topic->partitions.size(); ++i) {
        const auto partition = static_cast<int32_t>(i);
        Problem problem = Elect(state, options, type, *topic, partition, &result);
        if (problem.error == ErrorCode::ELECTION_NOT_NEEDED) continue;
        AddAnswer(name, partition, std::move(problem), &result);
      }
    }
    return result;
  }
  std::set<std::pair<std::string, int32_t>> named;
  for (const pb::TopicPartitionName& asked : request.partitions()) {
    const bool again = !named.emplace(asked.topic(), asked.partition()).second;
    AddAnswer(asked.topic(), asked.partition(),
              again ? Problem{ErrorCode::INVALID_REQUEST,
                              "the request names the partition more than once"}
                    : ElectNamed(state, options, type, asked, &result),
              &result);
  }
  return result;
}

ControllerResult BalanceLeaders(const ClusterState& state, const CoreOptions& options,
                                size_t limit) {
  ControllerResult result;
  result.cause = "leaderships go back to preferred replicas";
  const std::set<int32_t> neglected = Neglected(state.image(), options.leader_imbalance_percentage);
  if (neglected.empty()) return result;
  for (const auto& [id, topic] : state.image().topics_by_id) {
    for (size_t i = 0; i < topic->partitions.size() && result.records.size() < limit; ++i) {
      const PartitionInfo& partition = topic->partitions[i];
      if (partition.leader == kNoLeader || !neglected.contains(partition.replicas.front()) ||
          partition.leader == partition.replicas.front()) {
        continue;
      }
      ElectPreferred(state, options, *topic, static_cast<int32_t>(i), &result);
    }
  }
  return result;
}

}  // namespace soliton::controller
