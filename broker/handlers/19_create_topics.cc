// CreateTopics (19): forwarded to the controller, which validates and places. Served 2-7. Answered
// once this broker has the new topics in its image (or after a second), so that a client that goes
// on at once finds them.
#include "broker/server/dispatch.h"
#include "protocol/messages/create_topics.h"

namespace soliton::broker {
namespace {

using controller::CreateTopicSpec;
using controller::TopicResult;
using kafka::CreateTopicsRequest;
using kafka::CreateTopicsResponse;
using kafka::ErrorCode;

constexpr Duration kImageTimeout = seconds(1);
constexpr int8_t kSourceTopicConfig = 1;

CreateTopicSpec ToSpec(const CreateTopicsRequest::CreatableTopic& topic,
                       CreateTopicsResponse& response, bool& valid) {
  CreateTopicSpec spec;
  spec.name = topic.name;
  spec.partition_count = topic.num_partitions;
  spec.replication_factor = topic.replication_factor;
  valid = true;
  const auto refuse = [&](ErrorCode error, std::string message) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    out.error_code = error;
    out.error_message = std::move(message);
    valid = false;
  };
  if (!topic.assignments.empty() &&
      (topic.num_partitions != -1 || topic.replication_factor != -1)) {
    refuse(ErrorCode::INVALID_REQUEST,
           "num_partitions and replication_factor must be -1 when replicas are assigned by hand");
    return spec;
  }
  std::map<int32_t, std::vector<int32_t>> assignments;
  for (const auto& assignment : topic.assignments) {
    if (!assignments.emplace(assignment.partition_index, assignment.broker_ids).second) {
      refuse(ErrorCode::INVALID_REPLICA_ASSIGNMENT,
             fmt::format("partition {} is assigned twice", assignment.partition_index));
      return spec;
    }
  }
  for (auto& [partition, brokers] : assignments) {
    if (partition != static_cast<int32_t>(spec.assignments.size())) {
      refuse(ErrorCode::INVALID_REPLICA_ASSIGNMENT,
             "partitions must be assigned from 0 on without a gap");
      return spec;
    }
    spec.assignments.push_back(std::move(brokers));
  }
  for (const auto& config : topic.configs) {
    if (!config.value) {
      refuse(ErrorCode::INVALID_CONFIG,
             fmt::format("Null value not supported for topic configs: {}", config.name));
      return spec;
    }
    spec.configs[config.name] = *config.value;
  }
  return spec;
}

void Add(const TopicResult& result, CreateTopicsResponse& response) {
  auto& out = response.topics.emplace_back();
  out.name = result.name;
  out.topic_id = result.topic_id;
  out.error_code = result.error;
  if (result.error != ErrorCode::NONE) {
    out.error_message = result.error_message;
    return;
  }
  out.error_message = std::nullopt;
  out.num_partitions = result.partition_count;
  out.replication_factor = static_cast<int16_t>(result.replication_factor);
  auto& configs = out.configs.emplace();
  for (const auto& [name, value] : result.configs) {
    auto& config = configs.emplace_back();
    config.name = name;
    config.value = value;
    config.config_source = kSourceTopicConfig;
  }
}

void Finish(const RequestPtr& request, CreateTopicsResponse response,
            const std::vector<CreateTopicSpec>& specs, bool validate_only,
            absl::StatusOr<std::vector<TopicResult>> results) {
  std::vector<Uuid> created;
  if (results.ok()) {
    for (const TopicResult& result : *results) {
      Add(result, response);
      if (result.error == ErrorCode::NONE && !validate_only) created.push_back(result.topic_id);
    }
  } else {
    for (const CreateTopicSpec& spec : specs) {
      auto& out = response.topics.emplace_back();
      out.name = spec.name;
      out.error_code = absl::IsDeadlineExceeded(results.status()) ? ErrorCode::REQUEST_TIMED_OUT
                                                                  : ErrorCode::NOT_CONTROLLER;
      out.error_message = std::string(results.status().message());
    }
  }
  request->home().WhenImage(
      [created](const controller::MetadataImage& image) {
        return std::all_of(created.begin(), created.end(),
                           [&](const Uuid& id) { return image.FindTopic(id) != nullptr; });
      },
      kImageTimeout, [request, response = std::move(response)] { request->Reply(response); });
}

void Handle(RequestPtr request) {
  auto body = request->Decode<CreateTopicsRequest>();
  if (!body) return;
  CreateTopicsResponse response;
  std::vector<CreateTopicSpec> specs;
  std::map<std::string, int> seen;
  for (const auto& topic : body->topics) ++seen[topic.name];
  for (const auto& topic : body->topics) {
    if (seen[topic.name] > 1) {
      if (seen[topic.name] == std::numeric_limits<int>::max()) continue;
      seen[topic.name] = std::numeric_limits<int>::max();
      auto& out = response.topics.emplace_back();
      out.name = topic.name;
      out.error_code = ErrorCode::INVALID_REQUEST;
      out.error_message = "the request names this topic more than once";
      continue;
    }
    bool valid = false;
    CreateTopicSpec spec = ToSpec(topic, response, valid);
    if (valid) specs.push_back(std::move(spec));
  }
  if (specs.empty()) {
    request->Reply(response);
    return;
  }
  const bool validate_only = body->validate_only;
  const Duration timeout = milliseconds(std::clamp(body->timeout_ms, 100, 300000));
  request->home().AskController(
      [request, specs, validate_only, timeout, response](controller::ControllerClient& client) {
        client.CreateTopics(
            specs, validate_only, timeout, [request, specs, validate_only, response](auto results) {
              request->home().shard().Post([request, specs, validate_only, response,
                                            results = std::move(results)]() mutable {
                Finish(request, std::move(response), specs, validate_only, std::move(results));
              });
            });
      });
}

}  // namespace

extern const HandlerEntry kCreateTopicsHandler;
const HandlerEntry kCreateTopicsHandler{
    .api_key = CreateTopicsRequest::kApiKey, .min_version = 2, .max_version = 7, .handle = Handle};

}  // namespace soliton::broker
