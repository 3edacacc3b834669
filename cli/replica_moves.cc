#include "cli/replica_moves.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <utility>

#include "cli/admin_command.h"
#include "cli/cluster_reader.h"
#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/elect_leaders.h"
#include "protocol/messages/list_partition_reassignments.h"

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

constexpr int kAttempts = 5;
constexpr Duration kLookInterval = milliseconds(50);
constexpr int32_t kTimeoutMs = static_cast<int32_t>(kAdminTimeout / milliseconds(1));
constexpr int8_t kPreferredElection = 0;

CliError Refused(ClientLoop& loop, std::string what, ErrorCode code,
                 const std::optional<std::string>& message) {
  const std::string text =
      message.value_or("").empty() ? std::string(kafka::ErrorText(code)) : *message;
  return {ExitCodeOf(code), std::move(what), loop.bootstrap().text,
          fmt::format("{}: {}", CauseOf(code), text), ""};
}

CliError NoAnswer(ClientLoop& loop, std::string what, const absl::Status& why) {
  CliError error = ErrorFromStatus(std::move(what), why);
  error.at = loop.bootstrap().text;
  return error;
}

// Moves leaders until they are where they shall be, or it is too late.
class LeaderMover : public std::enable_shared_from_this<LeaderMover> {
 public:
  LeaderMover(ClientLoop& loop, kafka::ClusterClient& cluster, std::vector<LeaderMove> moves,
              Duration patience, std::function<void(std::vector<std::string>)> done)
      : loop_(loop),
        cluster_(cluster),
        moves_(std::move(moves)),
        deadline_(loop.shard().clock().Now() + patience),
        done_(std::move(done)) {}

  void Start() {
    std::vector<Assignment> orders;
    for (const LeaderMove& move : moves_) {
      if (!move.reorders()) continue;
      orders.push_back({move.partition.topic, move.partition.index, move.order});
    }
    if (orders.empty()) return Elect();
    ChangeReplicas(loop_, cluster_, orders, [self = shared_from_this()] { self->Elect(); });
  }

 private:
  void Elect() {
    kafka::ElectLeadersRequest request;
    request.election_type = kPreferredElection;
    request.timeout_ms = kTimeoutMs;
    request.topic_partitions.emplace();
    std::map<std::string, std::vector<int32_t>> by_topic;
    for (const LeaderMove& move : moves_) {
      by_topic[move.partition.topic].push_back(move.partition.index);
    }
    for (auto& [topic, indexes] : by_topic) {
      auto& entry = request.topic_partitions->emplace_back();
      entry.topic = topic;
      entry.partitions = std::move(indexes);
    }
    AskAny<kafka::ElectLeadersRequest>(
        cluster_, std::move(request), kAdminTimeout, kAttempts, true,
        [self = shared_from_this()](const absl::StatusOr<kafka::ElectLeadersResponse>& response) {
          self->Elected(response);
        });
  }

  void Elected(const absl::StatusOr<kafka::ElectLeadersResponse>& response) {
    if (!response.ok())
      return loop_.Fail(NoAnswer(loop_, "cannot elect leaders", response.status()));
    if (response->error_code != ErrorCode::NONE && !kafka::IsRetriable(response->error_code)) {
      return loop_.Fail(Refused(loop_, "cannot elect leaders", response->error_code, std::nullopt));
    }
    for (const auto& topic : response->replica_election_results) {
      for (const auto& each : topic.partition_result) {
        // Who is not yet in sync may be a moment later.
        if (each.error_code == ErrorCode::NONE ||
            each.error_code == ErrorCode::ELECTION_NOT_NEEDED ||
            each.error_code == ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE ||
            kafka::IsRetriable(each.error_code)) {
          continue;
        }
        return loop_.Fail(Refused(
            loop_, fmt::format("cannot elect a leader of {}-{}", topic.topic, each.partition_id),
            each.error_code, each.error_message));
      }
    }
    Look();
  }

  void Look() {
    ReadCluster(cluster_, {}, [self = shared_from_this()](const absl::StatusOr<ClusterView>& view) {
      if (self->loop_.finished()) return;
      if (!view.ok()) {
        return self->loop_.Fail(
            NoAnswer(self->loop_, "cannot see whether leaders have moved", view.status()));
      }
      self->Judge(*view);
    });
  }

  void Judge(const ClusterView& view) {
    std::map<std::string, int32_t> leaders;
    for (const PartitionView& each : view.partitions) leaders[each.name] = each.leader_id;
    std::vector<std::string> missing;
    for (const LeaderMove& move : moves_) {
      const auto found = leaders.find(move.partition.name);
      // A topic that was deleted meanwhile needs no leader.
      if (found == leaders.end() || found->second == move.to) continue;
      missing.push_back(fmt::format(
          "{}: led by {}, not by {}", move.partition.name,
          found->second < 0 ? std::string("nobody") : fmt::format("{}", found->second), move.to));
    }
    if (missing.empty() || loop_.shard().clock().Now() >= deadline_) return done_(missing);
    loop_.shard().ScheduleAfter(kLookInterval, [self = shared_from_this()] {
      if (!self->loop_.finished()) self->Elect();
    });
  }

  ClientLoop& loop_;
  kafka::ClusterClient& cluster_;
  const std::vector<LeaderMove> moves_;
  const MonotonicTime deadline_;
  const std::function<void(std::vector<std::string>)> done_;
};

}  // namespace

std::string OngoingMove::name() const { return fmt::format("{}-{}", topic, partition); }

void ChangeReplicas(ClientLoop& loop, kafka::ClusterClient& cluster,
                    const std::vector<Assignment>& plan, std::function<void()> done) {
  kafka::AlterPartitionReassignmentsRequest request;
  request.timeout_ms = kTimeoutMs;
  std::map<std::string, std::vector<Assignment>> by_topic;
  for (const Assignment& each : plan) by_topic[each.topic].push_back(each);
  for (const auto& [topic, assignments] : by_topic) {
    auto& entry = request.topics.emplace_back();
    entry.name = topic;
    for (const Assignment& each : assignments) {
      auto& partition = entry.partitions.emplace_back();
      partition.partition_index = each.partition;
      if (!each.replicas.empty()) partition.replicas = each.replicas;
    }
  }
  AskAny<kafka::AlterPartitionReassignmentsRequest>(
      cluster, std::move(request), kAdminTimeout, kAttempts, false,
      [&loop, done = std::move(done)](
          const absl::StatusOr<kafka::AlterPartitionReassignmentsResponse>& response) {
        if (!response.ok()) {
          return loop.Fail(NoAnswer(loop, "cannot change replicas", response.status()));
        }
        if (response->error_code != ErrorCode::NONE) {
          return loop.Fail(Refused(loop, "cannot change replicas", response->error_code,
                                   response->error_message));
        }
        for (const auto& topic : response->responses) {
          for (const auto& each : topic.partitions) {
            if (each.error_code == ErrorCode::NONE) continue;
            return loop.Fail(Refused(loop,
                                     fmt::format("cannot change the replicas of {}-{}", topic.name,
                                                 each.partition_index),
                                     each.error_code, each.error_message));
          }
        }
        done();
      });
}

void ListMoves(ClientLoop& loop, kafka::ClusterClient& cluster,
               std::function<void(std::vector<OngoingMove>)> done) {
  kafka::ListPartitionReassignmentsRequest request;
  request.timeout_ms = kTimeoutMs;
  request.topics = std::nullopt;
  AskAny<kafka::ListPartitionReassignmentsRequest>(
      cluster, std::move(request), kAdminTimeout, kAttempts, true,
      [&loop, done = std::move(done)](
          const absl::StatusOr<kafka::ListPartitionReassignmentsResponse>& response) {
        if (!response.ok()) {
          return loop.Fail(NoAnswer(loop, "cannot list reassignments", response.status()));
        }
        if (response->error_code != ErrorCode::NONE) {
          return loop.Fail(Refused(loop, "cannot list reassignments", response->error_code,
                                   response->error_message));
        }
        std::vector<OngoingMove> moves;
        for (const auto& topic : response->topics) {
          for (const auto& each : topic.partitions) {
            moves.push_back({topic.name, each.partition_index, each.replicas, each.adding_replicas,
                             each.removing_replicas});
          }
        }
        done(std::move(moves));
      });
}

void MoveLeaders(ClientLoop& loop, kafka::ClusterClient& cluster, std::vector<LeaderMove> moves,
                 Duration patience, std::function<void(std::vector<std::string>)> done) {
  std::make_shared<LeaderMover>(loop, cluster, std::move(moves), patience, std::move(done))
      ->Start();
}

}  // namespace soliton::cli
