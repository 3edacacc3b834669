#include "cli/move_throttle.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <utility>

#include "cli/admin_command.h"
#include "cli/setting_changes.h"
#include "protocol/messages/describe_configs.h"

namespace soliton::cli {
namespace {

using kafka::DescribeConfigsRequest;
using kafka::DescribeConfigsResponse;
using kafka::IncrementalAlterConfigsRequest;
using kafka::IncrementalAlterConfigsResponse;

constexpr int kAttempts = 5;
constexpr int8_t kSet = 0;
constexpr int8_t kDelete = 1;
constexpr int8_t kFromTopic = 1;  // sources of DescribeConfigs
constexpr int8_t kFromBroker = 2;
constexpr std::string_view kReplicas[] = {"leader.replication.throttled.replicas",
                                          "follower.replication.throttled.replicas"};
constexpr std::string_view kRates[] = {"leader.replication.throttled.rate",
                                       "follower.replication.throttled.rate"};

IncrementalAlterConfigsRequest::AlterConfigsResource& AddResource(
    IncrementalAlterConfigsRequest* request, int8_t type, std::string name) {
  auto& resource = request->resources.emplace_back();
  resource.resource_type = type;
  resource.resource_name = std::move(name);
  return resource;
}

void AddChange(IncrementalAlterConfigsRequest::AlterConfigsResource* resource,
               std::string_view name, std::optional<std::string> value) {
  auto& change = resource->configs.emplace_back();
  change.name = name;
  change.config_operation = value.has_value() ? kSet : kDelete;
  change.value = std::move(value);
}

void AddTo(std::string* list, int32_t partition, int32_t broker) {
  *list += fmt::format("{}{}:{}", list->empty() ? "" : ",", partition, broker);
}

std::string ResourceText(int8_t type, const std::string& name) {
  return fmt::format("{} {}", type == kTopicResource ? "topic" : "broker", name);
}

// Counts what is under way; the first failure ends the command, and `done` runs after the last
// success.
class Steps : public std::enable_shared_from_this<Steps> {
 public:
  Steps(ClientLoop& loop, kafka::ClusterClient& cluster, bool ours,
        std::function<void(int64_t)> done)
      : loop_(loop), cluster_(cluster), ours_(ours), done_(std::move(done)) {}

  void Hold() { ++waiting_for_; }
  void Release() {
    if (--waiting_for_ == 0 && !loop_.finished()) done_(changed_);
  }

  // Brokers know only themselves, so each is asked itself; topics any (`broker` -1).
  void Alter(int32_t broker, IncrementalAlterConfigsRequest request) {
    if (request.resources.empty()) return;
    Hold();
    for (const auto& each : request.resources) {
      changed_ += static_cast<int64_t>(each.configs.size());
    }
    Ask<IncrementalAlterConfigsRequest>(
        broker, std::move(request), [this](const IncrementalAlterConfigsResponse& answer) {
          for (const auto& each : answer.responses) {
            if (Refused(each.error_code, each.error_message,
                        ResourceText(each.resource_type, each.resource_name))) {
              return;
            }
          }
        });
  }

  // Deletes those of `names` that are set there and come from `source`; all of them, where it was
  // us who set them.
  void Lift(int32_t broker, int8_t type, const std::vector<std::string>& resources,
            const std::vector<std::string>& names, int8_t source) {
    if (resources.empty()) return;
    if (ours_) {
      IncrementalAlterConfigsRequest changes;
      for (const std::string& each : resources) {
        auto& resource = AddResource(&changes, type, each);
        for (const std::string& name : names) AddChange(&resource, name, std::nullopt);
      }
      return Alter(broker, std::move(changes));
    }
    Hold();
    DescribeConfigsRequest request;
    for (const std::string& name : resources) {
      auto& resource = request.resources.emplace_back();
      resource.resource_type = type;
      resource.resource_name = name;
      resource.configuration_keys = names;
    }
    Ask<DescribeConfigsRequest>(
        broker, std::move(request),
        [this, broker, type, source](const DescribeConfigsResponse& answer) {
          IncrementalAlterConfigsRequest changes;
          for (const auto& each : answer.results) {
            // Topics may have gone meanwhile.
            if (each.error_code == kafka::ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) continue;
            if (Refused(each.error_code, each.error_message,
                        ResourceText(type, each.resource_name))) {
              return;
            }
            IncrementalAlterConfigsRequest::AlterConfigsResource* resource = nullptr;
            for (const auto& setting : each.configs) {
              if (setting.config_source != source || setting.value.value_or("").empty()) continue;
              if (resource == nullptr) {
                resource = &AddResource(&changes, type, each.resource_name);
              }
              AddChange(resource, setting.name, std::nullopt);
            }
          }
          Alter(broker, std::move(changes));
        });
  }

 private:
  template <class Request>
  void Ask(int32_t broker, Request request,
           std::function<void(const kafka::ResponseOf<Request>&)> take) {
    auto answered = [self = shared_from_this(), broker, take = std::move(take)](
                        const absl::StatusOr<kafka::ResponseOf<Request>>& answer) {
      if (self->loop_.finished()) return;
      if (!answer.ok()) {
        CliError error = ErrorFromStatus(
            broker < 0 ? std::string("cannot change the throttle of topics")
                       : fmt::format("cannot change the throttle of broker {}", broker),
            answer.status());
        error.at = self->loop_.bootstrap().text;
        error.hint = "all brokers that move replicas must run: soliton cluster health";
        return self->loop_.Fail(error);
      }
      take(*answer);
      self->Release();
    };
    if (broker >= 0) return cluster_.Send(broker, std::move(request), kAdminTimeout, answered);
    AskAny<Request>(cluster_, std::move(request), kAdminTimeout, kAttempts, true, answered);
  }

  bool Refused(kafka::ErrorCode code, const std::optional<std::string>& message,
               const std::string& what) {
    if (code == kafka::ErrorCode::NONE) return false;
    const std::string text =
        message.value_or("").empty() ? std::string(kafka::ErrorText(code)) : *message;
    loop_.Fail({ExitCodeOf(code), fmt::format("cannot change the throttle of {}", what),
                loop_.bootstrap().text, fmt::format("{}: {}", CauseOf(code), text), ""});
    return true;
  }

  ClientLoop& loop_;
  kafka::ClusterClient& cluster_;
  const bool ours_;
  const std::function<void(int64_t)> done_;
  int waiting_for_ = 0;
  int64_t changed_ = 0;
};

}  // namespace

IncrementalAlterConfigsRequest ThrottledReplicas(const std::vector<ReplicaMove>& moves) {
  std::map<std::string, std::pair<std::string, std::string>> by_topic;  // senders, receivers
  for (const ReplicaMove& move : moves) {
    if (move.adding.empty()) continue;
    auto& [senders, receivers] = by_topic[move.to.topic];
    for (const int32_t id : move.from) AddTo(&senders, move.to.partition, id);
    for (const int32_t id : move.adding) AddTo(&receivers, move.to.partition, id);
  }
  IncrementalAlterConfigsRequest request;
  for (auto& [topic, lists] : by_topic) {
    auto& resource = AddResource(&request, kTopicResource, topic);
    AddChange(&resource, kReplicas[0], std::move(lists.first));
    AddChange(&resource, kReplicas[1], std::move(lists.second));
  }
  return request;
}

std::set<int32_t> ThrottledBrokers(const std::vector<ReplicaMove>& moves, const ClusterView& view) {
  std::set<int32_t> brokers;
  for (const ReplicaMove& move : moves) {
    if (move.adding.empty()) continue;
    brokers.insert(move.from.begin(), move.from.end());
    brokers.insert(move.adding.begin(), move.adding.end());
  }
  std::erase_if(brokers, [&](int32_t id) { return !Serves(view, id); });
  return brokers;
}

void SetThrottle(ClientLoop& loop, kafka::ClusterClient& cluster,
                 const std::vector<ReplicaMove>& moves, const std::set<int32_t>& brokers,
                 int64_t bytes_per_second, std::function<void()> done) {
  auto steps = std::make_shared<Steps>(loop, cluster, true,
                                       [done = std::move(done)](int64_t /*changed*/) { done(); });
  steps->Hold();
  steps->Alter(-1, ThrottledReplicas(moves));
  for (const int32_t broker : brokers) {
    IncrementalAlterConfigsRequest request;
    auto& resource = AddResource(&request, kBrokerResource, fmt::format("{}", broker));
    for (const std::string_view rate : kRates) {
      AddChange(&resource, rate, fmt::format("{}", bytes_per_second));
    }
    steps->Alter(broker, std::move(request));
  }
  steps->Release();
}

void LiftThrottle(ClientLoop& loop, kafka::ClusterClient& cluster,
                  const std::vector<std::string>& topics, const std::vector<int32_t>& brokers,
                  bool ours, std::function<void(int64_t)> done) {
  auto steps = std::make_shared<Steps>(loop, cluster, ours, std::move(done));
  steps->Hold();
  steps->Lift(-1, kTopicResource, topics, {std::begin(kReplicas), std::end(kReplicas)}, kFromTopic);
  for (const int32_t broker : brokers) {
    steps->Lift(broker, kBrokerResource, {fmt::format("{}", broker)},
                {std::begin(kRates), std::end(kRates)}, kFromBroker);
  }
  steps->Release();
}

}  // namespace soliton::cli
