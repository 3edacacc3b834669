#include "bench/failover/cluster_admin.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/elect_leaders.h"

namespace soliton::bench {
namespace {

using kafka::ErrorCode;

constexpr Duration kAgainAfter = milliseconds(50);
constexpr Duration kPatience = seconds(60);
constexpr Duration kMissingPatience = seconds(1);
// Short, so that a stopped broker costs a moment only.
constexpr Duration kQuestionTimeout = seconds(2);
constexpr Duration kChangeTimeout = seconds(30);
constexpr char kMetadataTopic[] = "__cluster_metadata";

kafka::ClusterClientOptions ClientOptions(std::vector<Endpoint> bootstrap) {
  kafka::ClusterClientOptions options;
  options.bootstrap = std::move(bootstrap);
  options.channel.client_id = "soliton-bench-admin";
  options.channel.connect_timeout = kQuestionTimeout;
  return options;
}

absl::Status Refused(std::string_view what, ErrorCode error,
                     const std::optional<std::string>& message) {
  return absl::FailedPreconditionError(fmt::format("{}: {}{}{}", what, kafka::ErrorName(error),
                                                   message.value_or("").empty() ? "" : ": ",
                                                   message.value_or("")));
}

}  // namespace

kafka::MetadataRequest AskForTopic(const std::string& topic) {
  kafka::MetadataRequest request;
  request.topics.emplace().emplace_back().name = topic;
  request.allow_auto_topic_creation = false;
  return request;
}

kafka::DescribeQuorumRequest AskForQuorum() {
  kafka::DescribeQuorumRequest request;
  auto& topic = request.topics.emplace_back();
  topic.topic_name = kMetadataTopic;
  topic.partitions.emplace_back().partition_index = 0;
  return request;
}

absl::StatusOr<ClusterView> ViewOf(const kafka::MetadataResponse& response) {
  if (response.topics.size() != 1) return absl::UnavailableError("an answer about other topics");
  const auto& topic = response.topics[0];
  if (topic.error_code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) {
    return absl::NotFoundError("no topic " + topic.name.value_or(""));
  }
  if (topic.error_code != ErrorCode::NONE) {
    return absl::UnavailableError(std::string(kafka::ErrorName(topic.error_code)));
  }
  ClusterView view;
  for (const auto& broker : response.brokers) {
    view.brokers[broker.node_id] = {broker.host, static_cast<uint16_t>(broker.port)};
  }
  for (const auto& partition : topic.partitions) {
    view.topic.push_back({partition.partition_index, partition.leader_id, partition.leader_epoch,
                          partition.replica_nodes, partition.isr_nodes});
  }
  std::sort(view.topic.begin(), view.topic.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  for (size_t i = 0; i < view.topic.size(); ++i) {
    if (view.topic[i].partition != static_cast<int32_t>(i)) {
      return absl::UnavailableError("an answer that leaves partitions out");
    }
  }
  return view;
}

std::optional<int32_t> QuorumLeaderOf(const kafka::DescribeQuorumResponse& response) {
  if (response.error_code != ErrorCode::NONE) return std::nullopt;
  if (response.topics.empty() || response.topics[0].partitions.empty()) return std::nullopt;
  const auto& partition = response.topics[0].partitions[0];
  if (partition.error_code != ErrorCode::NONE || partition.leader_id < 0) return std::nullopt;
  return partition.leader_id;
}

ClusterAdmin::ClusterAdmin(const Ports& ports, Shard& shard, std::vector<Endpoint> bootstrap)
    : shard_(shard), cluster_(shard, *ports.transport, ClientOptions(std::move(bootstrap))) {
  cluster_.RequestRefresh();
}

template <class Request, class Take>
void ClusterAdmin::Repeat(Request request, Take take,
                          absl::AnyInvocable<void(absl::Status)> gave_up) {
  struct Question {
    Request request;
    Take take;
    absl::AnyInvocable<void(absl::Status)> gave_up;
    MonotonicTime deadline;
    absl::AnyInvocable<void(const std::shared_ptr<Question>&)> ask;
  };
  auto question =
      std::make_shared<Question>(Question{std::move(request), std::move(take), std::move(gave_up),
                                          shard_.clock().Now() + kPatience, nullptr});
  question->ask = [this](const std::shared_ptr<Question>& self) {
    cluster_.SendToAny(
        self->request, kQuestionTimeout,
        lifetime_.Wrap([this, self](absl::StatusOr<kafka::ResponseOf<Request>> answer) {
          const absl::Status why = self->take(std::move(answer));
          if (why.ok()) return;
          if (shard_.clock().Now() >= self->deadline) return self->gave_up(why);
          shard_.ScheduleAfter(kAgainAfter, lifetime_.Wrap([self] { self->ask(self); }));
        }));
  };
  question->ask(question);
}

void ClusterAdmin::View(const std::string& topic, Done<ClusterView> done) {
  auto shared = std::make_shared<Done<ClusterView>>(std::move(done));
  Repeat(
      AskForTopic(topic),
      [this, shared,
       since = shard_.clock().Now()](const absl::StatusOr<kafka::MetadataResponse>& answer) {
        if (!answer.ok()) return answer.status();
        absl::StatusOr<ClusterView> view = ViewOf(*answer);
        // A topic that was just made is not known to every broker yet.
        const bool missing =
            absl::IsNotFound(view.status()) && shard_.clock().Now() - since > kMissingPatience;
        if (!view.ok() && !missing) return view.status();
        (*shared)(std::move(view));
        return absl::OkStatus();
      },
      [shared](const absl::Status& why) { (*shared)(why); });
}

void ClusterAdmin::QuorumLeader(Done<std::optional<int32_t>> done) {
  auto shared = std::make_shared<Done<std::optional<int32_t>>>(std::move(done));
  Repeat(
      AskForQuorum(),
      [shared](absl::StatusOr<kafka::DescribeQuorumResponse> answer) {
        if (absl::IsUnimplemented(answer.status())) {
          (*shared)(std::optional<int32_t>());
          return absl::OkStatus();
        }
        if (!answer.ok()) return answer.status();
        const std::optional<int32_t> leader = QuorumLeaderOf(*answer);
        if (!leader) return absl::UnavailableError("the metadata quorum has no leader");
        (*shared)(leader);
        return absl::OkStatus();
      },
      [shared](const absl::Status& why) { (*shared)(why); });
}

void ClusterAdmin::AwaitReplicas(const std::string& topic, int32_t partitions,
                                 absl::AnyInvocable<void(absl::Status)> done) {
  auto shared = std::make_shared<absl::AnyInvocable<void(absl::Status)>>(std::move(done));
  Repeat(
      AskForTopic(topic),
      [shared, partitions](absl::StatusOr<kafka::MetadataResponse> answer) {
        if (!answer.ok()) return answer.status();
        const absl::StatusOr<ClusterView> view = ViewOf(*answer);
        if (!view.ok()) return view.status();
        const bool ready =
            static_cast<int32_t>(view->topic.size()) == partitions &&
            std::all_of(view->topic.begin(), view->topic.end(), [](const PartitionLeaders& p) {
              return p.leader >= 0 && p.in_sync.size() == p.replicas.size();
            });
        if (!ready) return absl::UnavailableError("a new topic's replicas are not all in sync");
        (*shared)(absl::OkStatus());
        return absl::OkStatus();
      },
      [shared](const absl::Status& why) { (*shared)(why); });
}

void ClusterAdmin::CreateTopic(const std::string& name, int32_t partitions,
                               int16_t replication_factor,
                               absl::AnyInvocable<void(absl::Status)> done) {
  kafka::CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = name;
  topic.num_partitions = partitions;
  topic.replication_factor = replication_factor;
  if (replication_factor > 2) {
    auto& config = topic.configs.emplace_back();
    config.name = "min.insync.replicas";
    config.value = "2";
  }
  request.timeout_ms = static_cast<int32_t>(kChangeTimeout / milliseconds(1));
  cluster_.SendToAny(
      std::move(request), kChangeTimeout,
      lifetime_.Wrap([this, name, partitions, done = std::move(done)](
                         absl::StatusOr<kafka::CreateTopicsResponse> answer) mutable {
        if (!answer.ok()) return done(answer.status());
        if (answer->topics.size() != 1) return done(absl::InternalError("an empty answer"));
        const auto& created = answer->topics[0];
        if (created.error_code != ErrorCode::NONE) {
          return done(
              Refused("cannot create topic " + name, created.error_code, created.error_message));
        }
        AwaitReplicas(name, partitions, std::move(done));
      }));
}

void ClusterAdmin::DeleteTopic(const std::string& name,
                               absl::AnyInvocable<void(absl::Status)> done) {
  kafka::DeleteTopicsRequest request;
  request.topics.emplace_back().name = name;
  request.topic_names.push_back(name);
  request.timeout_ms = static_cast<int32_t>(kChangeTimeout / milliseconds(1));
  cluster_.SendToAny(
      std::move(request), kChangeTimeout,
      lifetime_.Wrap(
          [done = std::move(done)](absl::StatusOr<kafka::DeleteTopicsResponse> answer) mutable {
            done(answer.status());
          }));
}

void ClusterAdmin::Reorder(const std::string& name,
                           const std::map<int32_t, std::vector<int32_t>>& orders,
                           absl::AnyInvocable<void(absl::Status)> done) {
  kafka::AlterPartitionReassignmentsRequest request;
  request.timeout_ms = static_cast<int32_t>(kChangeTimeout / milliseconds(1));
  auto& topic = request.topics.emplace_back();
  topic.name = name;
  for (const auto& [partition, replicas] : orders) {
    auto& entry = topic.partitions.emplace_back();
    entry.partition_index = partition;
    entry.replicas = replicas;
  }
  auto told = [orders](const ClusterView& view) {
    return std::all_of(orders.begin(), orders.end(), [&](const auto& order) {
      return view.topic.at(static_cast<size_t>(order.first)).replicas == order.second;
    });
  };
  cluster_.SendToAny(
      std::move(request), kChangeTimeout,
      lifetime_.Wrap(
          [this, name, told, done = std::move(done)](
              absl::StatusOr<kafka::AlterPartitionReassignmentsResponse> answer) mutable {
            if (!answer.ok()) return done(answer.status());
            if (answer->error_code != ErrorCode::NONE) {
              return done(
                  Refused("cannot reorder replicas", answer->error_code, answer->error_message));
            }
            for (const auto& response : answer->responses) {
              for (const auto& partition : response.partitions) {
                if (partition.error_code == ErrorCode::NONE) continue;
                return done(Refused(fmt::format("cannot reorder replicas of {}-{}", name,
                                                partition.partition_index),
                                    partition.error_code, partition.error_message));
              }
            }
            auto shared = std::make_shared<absl::AnyInvocable<void(absl::Status)>>(std::move(done));
            Repeat(
                AskForTopic(name),
                [shared, told](absl::StatusOr<kafka::MetadataResponse> metadata) {
                  if (!metadata.ok()) return metadata.status();
                  const absl::StatusOr<ClusterView> view = ViewOf(*metadata);
                  if (!view.ok()) return view.status();
                  if (!told(*view)) return absl::UnavailableError("replicas are not reordered yet");
                  (*shared)(absl::OkStatus());
                  return absl::OkStatus();
                },
                [shared](const absl::Status& why) { (*shared)(why); });
          }));
}

void ClusterAdmin::ElectPreferred(const std::string& name, const std::vector<int32_t>& partitions,
                                  absl::AnyInvocable<void(absl::Status)> done) {
  kafka::ElectLeadersRequest request;
  request.election_type = 0;  // preferred
  request.timeout_ms = static_cast<int32_t>(kChangeTimeout / milliseconds(1));
  auto& topic = request.topic_partitions.emplace().emplace_back();
  topic.topic = name;
  topic.partitions = partitions;
  cluster_.SendToAny(
      std::move(request), kChangeTimeout,
      lifetime_.Wrap([name, done = std::move(done)](
                         absl::StatusOr<kafka::ElectLeadersResponse> answer) mutable {
        if (!answer.ok()) return done(answer.status());
        if (answer->error_code != ErrorCode::NONE) {
          return done(Refused("cannot move leaders", answer->error_code, std::nullopt));
        }
        for (const auto& result : answer->replica_election_results) {
          for (const auto& partition : result.partition_result) {
            if (partition.error_code == ErrorCode::NONE ||
                partition.error_code == ErrorCode::ELECTION_NOT_NEEDED) {
              continue;
            }
            return done(Refused(
                fmt::format("cannot move the leader of {}-{}", name, partition.partition_id),
                partition.error_code, partition.error_message));
          }
        }
        done(absl::OkStatus());
      }));
}

}  // namespace soliton::bench
