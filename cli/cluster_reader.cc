#include "cli/cluster_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "cli/admin_command.h"
#include "cli/errors.h"
#include "cli/setting_changes.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/list_partition_reassignments.h"

namespace soliton::cli {
namespace {

using kafka::ClusterClient;

constexpr Duration kAnswerTimeout = seconds(3);
constexpr int kAttempts = 4;
constexpr std::string_view kMinIsr = "min.insync.replicas";

void AskQuorum(ClusterClient& cluster, Duration timeout,
               std::function<void(absl::StatusOr<kafka::DescribeQuorumResponse>)> done) {
  kafka::DescribeQuorumRequest request;
  auto& topic = request.topics.emplace_back();
  topic.topic_name = std::string(kMetadataTopic);
  topic.partitions.emplace_back().partition_index = 0;
  AskAny<kafka::DescribeQuorumRequest>(cluster, std::move(request), timeout, 2, false,
                                       std::move(done));
}

// One look, under way. The quorum is asked last: brokers answer on a connection in order, and this
// answer may be long in coming.
class Look : public std::enable_shared_from_this<Look> {
 public:
  Look(ClusterClient& cluster, ReadOptions options,
       std::function<void(absl::StatusOr<ClusterView>)> done)
      : cluster_(cluster), options_(options), done_(std::move(done)) {}

  void Start() {
    waiting_for_ = 2;
    kafka::DescribeClusterRequest describe;
    describe.include_fenced_brokers = true;
    AskAny<kafka::DescribeClusterRequest>(
        cluster_, std::move(describe), kAnswerTimeout, kAttempts, true,
        [self = shared_from_this()](absl::StatusOr<kafka::DescribeClusterResponse> answer) {
          if (!answer.ok()) return self->Fail(answer.status());
          if (answer->error_code != kafka::ErrorCode::NONE) {
            return self->Fail(absl::FailedPreconditionError(CauseOf(answer->error_code)));
          }
          self->described_ = *std::move(answer);
          self->Answered();
        });
    kafka::MetadataRequest all;
    all.topics = std::nullopt;
    all.allow_auto_topic_creation = false;
    AskAny<kafka::MetadataRequest>(
        cluster_, std::move(all), kAnswerTimeout, kAttempts, true,
        [self = shared_from_this()](absl::StatusOr<kafka::MetadataResponse> answer) {
          if (!answer.ok()) return self->Fail(answer.status());
          self->metadata_ = *std::move(answer);
          self->Answered();
        });
  }

 private:
  void Answered() {
    if (--waiting_for_ == 0 && done_) AskRules();
  }

  // Where nothing is known of them nothing is judged by them.
  void AskRules() {
    kafka::DescribeConfigsRequest request;
    for (const auto& topic : metadata_.topics) {
      const bool lacks = std::any_of(
          topic.partitions.begin(), topic.partitions.end(),
          [](const auto& each) { return each.isr_nodes.size() < each.replica_nodes.size(); });
      if (!lacks || !topic.name.has_value()) continue;
      auto& resource = request.resources.emplace_back();
      resource.resource_type = kTopicResource;
      resource.resource_name = *topic.name;
      resource.configuration_keys = {std::string(kMinIsr)};
    }
    if (!options_.sync_rules || request.resources.empty()) return Dial();
    waiting_for_ = 2;
    AskAny<kafka::DescribeConfigsRequest>(
        cluster_, std::move(request), kAnswerTimeout, kAttempts, true,
        [self = shared_from_this()](const absl::StatusOr<kafka::DescribeConfigsResponse>& answer) {
          if (answer.ok()) self->TakeMinIsr(*answer);
          if (--self->waiting_for_ == 0) self->Dial();
        });
    kafka::ListPartitionReassignmentsRequest moves;
    moves.topics = std::nullopt;
    moves.timeout_ms = static_cast<int32_t>(kAnswerTimeout / milliseconds(1));
    AskAny<kafka::ListPartitionReassignmentsRequest>(
        cluster_, std::move(moves), kAnswerTimeout, 1, false,
        [self = shared_from_this()](
            const absl::StatusOr<kafka::ListPartitionReassignmentsResponse>& answer) {
          if (answer.ok()) self->TakeMoves(*answer);
          if (--self->waiting_for_ == 0) self->Dial();
        });
  }

  void TakeMinIsr(const kafka::DescribeConfigsResponse& answer) {
    for (const auto& topic : answer.results) {
      for (const auto& setting : topic.configs) {
        int64_t value = 0;
        if (setting.name != kMinIsr || !absl::SimpleAtoi(setting.value.value_or(""), &value)) {
          continue;
        }
        rules_.min_isr[topic.resource_name] = value;
      }
    }
  }

  void TakeMoves(const kafka::ListPartitionReassignmentsResponse& answer) {
    for (const auto& topic : answer.topics) {
      for (const auto& each : topic.partitions) {
        rules_.adding[fmt::format("{}-{}", topic.name, each.partition_index)] =
            static_cast<int64_t>(each.adding_replicas.size());
      }
    }
  }

  void Dial() {
    waiting_for_ = 1;
    for (const auto& broker : described_.brokers) {
      if (!options_.dial_all || broker.is_fenced) continue;
      ++waiting_for_;
      kafka::ApiVersionsRequest request;
      request.client_software_name = "soliton";
      request.client_software_version = cluster_.options().channel.software_version;
      cluster_.Send(broker.broker_id, std::move(request), kAnswerTimeout,
                    [self = shared_from_this(), node_id = broker.broker_id](
                        const absl::StatusOr<kafka::ApiVersionsResponse>& answer) {
                      if (!answer.ok()) {
                        self->unreachable_[node_id] = std::string(answer.status().message());
                      }
                      self->Dialled();
                    });
    }
    Dialled();
  }

  void Dialled() {
    if (--waiting_for_ > 0) return;
    AskQuorum(
        options_.quorum_client == nullptr ? cluster_ : *options_.quorum_client,
        options_.quorum_timeout,
        [self = shared_from_this()](const absl::StatusOr<kafka::DescribeQuorumResponse>& quorum) {
          self->done_(MakeClusterView(self->described_, self->metadata_, quorum, self->unreachable_,
                                      self->rules_));
        });
  }

  void Fail(const absl::Status& why) {
    if (done_) std::exchange(done_, nullptr)(why);
  }

  ClusterClient& cluster_;
  const ReadOptions options_;
  std::function<void(absl::StatusOr<ClusterView>)> done_;  // empty after a failure
  kafka::DescribeClusterResponse described_;
  kafka::MetadataResponse metadata_;
  std::map<int32_t, std::string> unreachable_;
  SyncRules rules_;
  int waiting_for_ = 0;
};

}  // namespace

void ReadCluster(ClusterClient& cluster, ReadOptions options,
                 std::function<void(absl::StatusOr<ClusterView>)> done) {
  std::make_shared<Look>(cluster, options, std::move(done))->Start();
}

void ReadQuorum(ClusterClient& cluster, std::function<void(absl::StatusOr<QuorumView>)> done) {
  AskQuorum(cluster, ReadOptions().quorum_timeout,
            [done = std::move(done)](const absl::StatusOr<kafka::DescribeQuorumResponse>& answer) {
              done(MakeQuorumView(answer));
            });
}

}  // namespace soliton::cli
