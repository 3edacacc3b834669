// Metadata (3): brokers, topics, leaders, from this shard's image. Served 0-13.
// An unknown topic is created when client and broker allow it; the answer then waits up to a second
// for its leaders, instead of a first LEADER_NOT_AVAILABLE that every client would have to retry.
// A leader whose connection broke a moment ago is not named before the next image had a chance to
// name another: a client that asks because its own connection broke would only meet a dead broker,
// and ask again after a back-off of hundreds of milliseconds. Answers that follow on the same
// connection wait too, for no longer than the decision takes.
// Clients send admin requests to the "controller"; controllers are not reachable for them, so the
// lowest usable broker is named and forwards.
#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/describe_partition.h"
#include "broker/server/dispatch.h"
#include "controller/metadata/topic_name.h"
#include "protocol/messages/metadata.h"

namespace soliton::broker {
namespace {

using controller::MetadataImage;
using controller::TopicInfo;
using kafka::ErrorCode;
using kafka::MetadataRequest;
using kafka::MetadataResponse;

constexpr Duration kAutoCreateTimeout = seconds(1);
constexpr Duration kLostLeaderPatience = milliseconds(250);
constexpr int16_t kAutoCreateFlagVersion = 4;
constexpr int32_t kOperationsNotAsked = std::numeric_limits<int32_t>::min();

void DescribePartitions(const MetadataImage& image, const TopicInfo& topic,
                        MetadataResponse::MetadataResponseTopic& out) {
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    DescribePartition(image, topic.partitions[i], static_cast<int32_t>(i),
                      out.partitions.emplace_back());
  }
}

void DescribeTopic(const MetadataImage& image, const TopicInfo& topic, MetadataResponse& response) {
  auto& out = response.topics.emplace_back();
  out.name = topic.name;
  out.topic_id = topic.id;
  out.topic_authorized_operations = kOperationsNotAsked;
  DescribePartitions(image, topic, out);
}

void DescribeBrokers(const BrokerShard& home, MetadataResponse& response) {
  const MetadataImage& image = *home.image();
  response.cluster_id = image.cluster_id;
  response.cluster_authorized_operations = kOperationsNotAsked;
  for (const auto& [id, broker] : image.brokers) {
    if (broker.fenced) continue;
    auto& out = response.brokers.emplace_back();
    out.node_id = id;
    out.host = broker.endpoint.host;
    out.port = broker.endpoint.port;
    out.rack = broker.rack;
    if (response.controller_id < 0) response.controller_id = id;
  }
}

void DescribeOperations(const MetadataRequest& body, MetadataResponse& response) {
  if (body.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kAllClusterOperations;
  }
  if (!body.include_topic_authorized_operations) return;
  for (auto& topic : response.topics) {
    if (topic.error_code == ErrorCode::NONE)
      topic.topic_authorized_operations = kAllTopicOperations;
  }
}

MetadataResponse Answer(const BrokerShard& home, const MetadataRequest& body, int16_t version,
                        const std::map<std::string, ErrorCode>& create_errors) {
  const MetadataImage& image = *home.image();
  MetadataResponse response;
  DescribeBrokers(home, response);
  const bool all = !body.topics || (version == 0 && body.topics->empty());
  if (all) {
    for (const auto& [name, topic] : image.topics_by_name) DescribeTopic(image, *topic, response);
    DescribeOperations(body, response);
    return response;
  }
  std::set<std::pair<Uuid, std::string>> told;
  for (const auto& wanted : *body.topics) {
    const bool by_id = !wanted.topic_id.is_zero();
    if (!told.insert({wanted.topic_id, wanted.name.value_or("")}).second) continue;
    const TopicInfo* topic =
        by_id ? image.FindTopic(wanted.topic_id) : image.FindTopic(wanted.name.value_or(""));
    if (topic != nullptr) {
      DescribeTopic(image, *topic, response);
      continue;
    }
    auto& out = response.topics.emplace_back();
    out.name = wanted.name;
    if (version < 12 && !out.name) out.name = "";
    out.topic_id = wanted.topic_id;
    out.topic_authorized_operations = kOperationsNotAsked;
    out.error_code = by_id ? ErrorCode::UNKNOWN_TOPIC_ID : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    if (!by_id && !controller::CheckTopicName(wanted.name.value_or("")).ok()) {
      out.error_code = ErrorCode::INVALID_TOPIC_EXCEPTION;
    }
    auto created = create_errors.find(wanted.name.value_or(""));
    if (!by_id && created != create_errors.end()) out.error_code = created->second;
  }
  DescribeOperations(body, response);
  return response;
}

std::vector<std::string> MissingTopics(const BrokerShard& home, const MetadataRequest& body) {
  std::set<std::string> missing;
  if (body.topics) {
    for (const auto& topic : *body.topics) {
      if (topic.topic_id.is_zero() && topic.name &&
          home.image()->FindTopic(*topic.name) == nullptr &&
          controller::CheckTopicName(*topic.name).ok()) {
        missing.insert(*topic.name);
      }
    }
  }
  return {missing.begin(), missing.end()};
}

bool HaveLeaders(const MetadataImage& image, const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const TopicInfo* topic = image.FindTopic(name);
    return topic != nullptr &&
           std::all_of(topic->partitions.begin(), topic->partitions.end(),
                       [](const controller::PartitionInfo& info) { return info.leader >= 0; });
  });
}

// Creates what is missing, then answers.
void CreateThenAnswer(RequestPtr request, MetadataRequest body, std::vector<std::string> missing) {
  BrokerShard& home = request->home();
  std::vector<controller::CreateTopicSpec> specs;
  for (const std::string& name : missing) {
    auto& spec = specs.emplace_back();
    spec.name = name;
    spec.partition_count = home.options().default_partitions;
    spec.replication_factor = home.options().default_replication_factor;
  }
  LogInfo("creating topic {} on demand of client '{}' ({})", fmt::join(missing, ", "),
          request->header().client_id, request->connection()->peer());
  auto answer = [request, body = std::move(body)](
                    absl::StatusOr<std::vector<controller::TopicResult>> results) {
    std::map<std::string, ErrorCode> errors;
    std::vector<std::string> created;
    if (results.ok()) {
      for (const auto& result : *results) {
        if (result.error == ErrorCode::NONE || result.error == ErrorCode::TOPIC_ALREADY_EXISTS) {
          created.push_back(result.name);
          errors[result.name] = ErrorCode::LEADER_NOT_AVAILABLE;
        } else {
          errors[result.name] = result.error;
        }
      }
    }
    auto reply = [request, body, errors = std::move(errors)] {
      request->Reply(Answer(request->home(), body, request->version(), errors));
    };
    request->home().WhenImage(
        [created](const MetadataImage& image) { return HaveLeaders(image, created); },
        kAutoCreateTimeout, std::move(reply));
  };
  home.AskController([request, specs = std::move(specs),
                      answer = std::move(answer)](controller::ControllerClient& client) {
    client.CreateTopics(specs, false, kAutoCreateTimeout, [request, answer](auto results) {
      request->home().shard().Post(
          [answer, results = std::move(results)]() mutable { answer(std::move(results)); });
    });
  });
}

bool NamesLostLeader(const BrokerShard& home, const TopicInfo& topic, MonotonicTime now) {
  return std::any_of(topic.partitions.begin(), topic.partitions.end(),
                     [&](const controller::PartitionInfo& info) {
                       return home.lost_peers().RecentlyLost(info.leader, now);
                     });
}

// Whether the answer would name a leader that is perhaps dead.
bool WouldNameLostLeader(const BrokerShard& home, const MetadataImage& image,
                         const MetadataRequest& body) {
  if (home.lost_peers().empty()) return false;
  const MonotonicTime now = home.shard().clock().Now();
  if (!body.topics) {
    return std::any_of(
        image.topics_by_name.begin(), image.topics_by_name.end(),
        [&](const auto& entry) { return NamesLostLeader(home, *entry.second, now); });
  }
  return std::any_of(body.topics->begin(), body.topics->end(), [&](const auto& wanted) {
    const TopicInfo* topic = wanted.topic_id.is_zero() ? image.FindTopic(wanted.name.value_or(""))
                                                       : image.FindTopic(wanted.topic_id);
    return topic != nullptr && NamesLostLeader(home, *topic, now);
  });
}

void Handle(RequestPtr request) {
  auto body = request->Decode<MetadataRequest>();
  if (!body) return;
  BrokerShard& home = request->home();
  const bool may_create =
      home.options().auto_create_topics &&
      (request->version() < kAutoCreateFlagVersion || body->allow_auto_topic_creation);
  std::vector<std::string> missing;
  if (may_create) missing = MissingTopics(home, *body);
  if (missing.empty()) {
    if (!WouldNameLostLeader(home, *home.image(), *body)) {
      request->Reply(Answer(home, *body, request->version(), {}));
      return;
    }
    auto wanted = std::make_shared<const MetadataRequest>(*std::move(body));
    home.WhenImage(
        [&home, wanted](const MetadataImage& image) {
          return !WouldNameLostLeader(home, image, *wanted);
        },
        kLostLeaderPatience,
        [request, wanted] {
          request->Reply(Answer(request->home(), *wanted, request->version(), {}));
        });
    return;
  }
  CreateThenAnswer(std::move(request), std::move(*body), std::move(missing));
}

}  // namespace

extern const HandlerEntry kMetadataHandler;
const HandlerEntry kMetadataHandler{
    .api_key = MetadataRequest::kApiKey, .min_version = 0, .max_version = 13, .handle = Handle};

}  // namespace soliton::broker
