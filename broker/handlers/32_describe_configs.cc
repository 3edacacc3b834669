// DescribeConfigs (32): the settings of topics and brokers, with defaults, origins (synonyms),
// types and meaning. Served 1-4. A topic is described by any broker, as it holds there; a broker
// describes itself, and the dynamic settings of all brokers ("").
#include <charconv>
#include <set>

#include "broker/server/dispatch.h"
#include "config/describe_config.h"
#include "controller/metadata/topic_name.h"
#include "protocol/messages/describe_configs.h"

namespace soliton::broker {
namespace {

using config::DescribedSetting;
using kafka::DescribeConfigsRequest;
using kafka::DescribeConfigsResponse;
using kafka::ErrorCode;

using Resource = DescribeConfigsRequest::DescribeConfigsResource;
using Result = DescribeConfigsResponse::DescribeConfigsResult;

constexpr int8_t kTopic = 2;
constexpr int8_t kBroker = 4;

config::BrokerLayers LayersOf(const BrokerShard& home) {
  const controller::MetadataImage& image = *home.image();
  return {.broker = image.BrokerConfigs(home.options().node_id),
          .all_brokers = image.BrokerConfigs(controller::kEveryBroker),
          .given = home.options().settings.get(),
          .topic_defaults = home.options().topic_defaults};
}

std::vector<DescribedSetting> DescribeTopic(const BrokerShard& home, const std::string& name,
                                            Result& result) {
  if (const absl::Status legal = controller::CheckTopicName(name); !legal.ok()) {
    result.error_code = ErrorCode::INVALID_TOPIC_EXCEPTION;
    result.error_message = std::string(legal.message());
    return {};
  }
  const controller::TopicInfo* topic = home.image()->FindTopic(name);
  if (topic == nullptr) {
    result.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    return {};
  }
  return config::DescribeTopic(topic->configs, LayersOf(home));
}

std::vector<DescribedSetting> DescribeBroker(const BrokerShard& home, const std::string& name,
                                             Result& result) {
  if (name.empty()) {
    return config::DescribeAllBrokers(home.image()->BrokerConfigs(controller::kEveryBroker));
  }
  int32_t id = -1;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), id);
  const int32_t self = home.options().node_id;
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) {
    result.error_message = fmt::format("Broker id must be an integer, but it is: {}", name);
  } else if (id != self) {
    result.error_message = fmt::format(
        "Unexpected broker id, expected {} or empty string, but received {}", self, name);
  } else {
    return config::DescribeBroker(LayersOf(home));
  }
  result.error_code = ErrorCode::INVALID_REQUEST;
  return {};
}

void Add(const DescribedSetting& described, const DescribeConfigsRequest& request, Result& result) {
  auto& out = result.configs.emplace_back();
  out.name = std::string(described.setting->name);
  out.value = described.value;
  out.read_only = described.read_only;
  out.config_source = static_cast<int8_t>(described.source);
  out.is_sensitive = described.setting->type == config::Type::kPassword;
  out.config_type = described.KafkaType();
  out.documentation = std::nullopt;
  if (request.include_documentation) out.documentation = described.Documentation();
  if (!request.include_synonyms) return;
  for (const config::SettingSynonym& synonym : described.synonyms) {
    auto& same = out.synonyms.emplace_back();
    same.name = synonym.name;
    if (!out.is_sensitive) same.value = synonym.value;
    same.source = static_cast<int8_t>(synonym.source);
  }
}

Result Describe(const BrokerShard& home, const DescribeConfigsRequest& request,
                const Resource& resource) {
  Result result;
  result.resource_type = resource.resource_type;
  result.resource_name = resource.resource_name;
  result.error_message = "";  // as Kafka has it
  std::vector<DescribedSetting> settings;
  if (resource.resource_type == kTopic) {
    settings = DescribeTopic(home, resource.resource_name, result);
  } else if (resource.resource_type == kBroker) {
    settings = DescribeBroker(home, resource.resource_name, result);
  } else {
    result.error_code = ErrorCode::INVALID_REQUEST;
    result.error_message = fmt::format("Unknown resource type {}", resource.resource_type);
  }
  // No names, like null, means all; unknown ones are left out.
  std::set<std::string> wanted;
  if (resource.configuration_keys) {
    wanted.insert(resource.configuration_keys->begin(), resource.configuration_keys->end());
  }
  for (const DescribedSetting& setting : settings) {
    if (wanted.empty() || wanted.contains(std::string(setting.setting->name))) {
      Add(setting, request, result);
    }
  }
  return result;
}

void Handle(RequestPtr request) {
  auto body = request->Decode<DescribeConfigsRequest>();
  if (!body) return;
  DescribeConfigsResponse response;
  for (const Resource& resource : body->resources) {
    response.results.push_back(Describe(request->home(), *body, resource));
  }
  request->Reply(response);
}

}  // namespace

extern const HandlerEntry kDescribeConfigsHandler;
const HandlerEntry kDescribeConfigsHandler{.api_key = DescribeConfigsRequest::kApiKey,
                                           .min_version = 1,
                                           .max_version = 4,
                                           .handle = Handle};

}  // namespace soliton::broker
