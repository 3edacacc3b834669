// DeleteTopics (20): forwarded to the controller. Served 1-6; v6 deletes by name or by topic id.
// Answered once this broker's image has lost the topics (or after a second).
#include "broker/server/dispatch.h"
#include "protocol/messages/delete_topics.h"

namespace soliton::broker {
namespace {

using controller::DeleteTopicSpec;
using controller::TopicResult;
using kafka::DeleteTopicsRequest;
using kafka::DeleteTopicsResponse;
using kafka::ErrorCode;

constexpr int16_t kTopicIdVersion = 6;
constexpr Duration kImageTimeout = seconds(1);

std::vector<DeleteTopicSpec> ToSpecs(const DeleteTopicsRequest& body, int16_t version) {
  std::vector<DeleteTopicSpec> specs;
  if (version >= kTopicIdVersion) {
    for (const auto& topic : body.topics)
      specs.push_back({topic.name.value_or(""), topic.topic_id});
  } else {
    for (const std::string& name : body.topic_names) specs.push_back({name, Uuid()});
  }
  return specs;
}

void Finish(const RequestPtr& request, const std::vector<DeleteTopicSpec>& specs,
            const absl::StatusOr<std::vector<TopicResult>>& results) {
  DeleteTopicsResponse response;
  std::vector<Uuid> deleted;
  // What was asked for twice is answered once.
  std::set<std::pair<std::string, Uuid>> told;
  if (results.ok()) {
    for (const TopicResult& result : *results) {
      if (!told.insert({result.name, result.topic_id}).second) continue;
      auto& out = response.responses.emplace_back();
      out.name = result.name;
      if (result.name.empty() && request->version() >= kTopicIdVersion) out.name = std::nullopt;
      out.topic_id = result.topic_id;
      out.error_code = result.error;
      if (result.error == ErrorCode::NONE) {
        deleted.push_back(result.topic_id);
      } else {
        out.error_message = result.error_message;
      }
    }
  } else {
    for (const DeleteTopicSpec& spec : specs) {
      auto& out = response.responses.emplace_back();
      out.name = spec.name;
      out.topic_id = spec.topic_id;
      out.error_code = absl::IsDeadlineExceeded(results.status()) ? ErrorCode::REQUEST_TIMED_OUT
                                                                  : ErrorCode::NOT_CONTROLLER;
      out.error_message = std::string(results.status().message());
    }
  }
  request->home().WhenImage(
      [deleted](const controller::MetadataImage& image) {
        return std::all_of(deleted.begin(), deleted.end(),
                           [&](const Uuid& id) { return image.FindTopic(id) == nullptr; });
      },
      kImageTimeout, [request, response = std::move(response)] { request->Reply(response); });
}

void Handle(RequestPtr request) {
  auto body = request->Decode<DeleteTopicsRequest>();
  if (!body) return;
  const std::vector<DeleteTopicSpec> specs = ToSpecs(*body, request->version());
  const Duration timeout = milliseconds(std::clamp(body->timeout_ms, 100, 300000));
  request->home().AskController([request, specs, timeout](controller::ControllerClient& client) {
    client.DeleteTopics(specs, timeout, [request, specs](auto results) {
      request->home().shard().Post(
          [request, specs, results = std::move(results)] { Finish(request, specs, results); });
    });
  });
}

}  // namespace

extern const HandlerEntry kDeleteTopicsHandler;
const HandlerEntry kDeleteTopicsHandler{
    .api_key = DeleteTopicsRequest::kApiKey, .min_version = 1, .max_version = 6, .handle = Handle};

}  // namespace soliton::broker
