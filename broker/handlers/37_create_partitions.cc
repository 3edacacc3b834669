// CreatePartitions (37): more partitions for topics that exist; the controller validates and
// places. Served 0-3. Every topic is answered, one named twice once. Answered when this broker has
// the new partitions in its image (or after a second), so that a client that goes on at once finds
// them.
#include <set>

#include "broker/server/dispatch.h"
#include "protocol/messages/create_partitions.h"

namespace soliton::broker {
namespace {

using controller::MorePartitionsSpec;
using controller::TopicResult;
using kafka::CreatePartitionsRequest;
using kafka::CreatePartitionsResponse;
using kafka::ErrorCode;

constexpr Duration kImageTimeout = seconds(1);

std::vector<MorePartitionsSpec> ToSpecs(const CreatePartitionsRequest& body) {
  std::vector<MorePartitionsSpec> specs;
  for (const auto& topic : body.topics) {
    MorePartitionsSpec& spec = specs.emplace_back();
    spec.name = topic.name;
    spec.count = topic.count;
    if (!topic.assignments) continue;
    auto& assignments = spec.assignments.emplace();
    for (const auto& assignment : *topic.assignments) assignments.push_back(assignment.broker_ids);
  }
  return specs;
}

void Finish(const RequestPtr& request, const std::vector<MorePartitionsSpec>& specs,
            bool validate_only, const absl::StatusOr<std::vector<TopicResult>>& results) {
  CreatePartitionsResponse response;
  std::set<std::string> answered;
  std::map<Uuid, size_t> grown;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (!answered.insert(specs[i].name).second) continue;
    auto& out = response.results.emplace_back();
    out.name = specs[i].name;
    if (!results.ok()) {
      out.error_code = absl::IsDeadlineExceeded(results.status()) ? ErrorCode::REQUEST_TIMED_OUT
                                                                  : ErrorCode::NOT_CONTROLLER;
      out.error_message = std::string(results.status().message());
      continue;
    }
    const TopicResult& result = (*results)[i];
    out.error_code = result.error;
    if (result.error != ErrorCode::NONE) {
      out.error_message = result.error_message;
    } else if (!validate_only) {
      grown[result.topic_id] = static_cast<size_t>(result.partition_count);
    }
  }
  request->home().WhenImage(
      [grown](const controller::MetadataImage& image) {
        return std::all_of(grown.begin(), grown.end(), [&](const auto& entry) {
          const controller::TopicInfo* topic = image.FindTopic(entry.first);
          return topic == nullptr || topic->partitions.size() >= entry.second;
        });
      },
      kImageTimeout, [request, response = std::move(response)] { request->Reply(response); });
}

void Handle(RequestPtr request) {
  auto body = request->Decode<CreatePartitionsRequest>();
  if (!body) return;
  const std::vector<MorePartitionsSpec> specs = ToSpecs(*body);
  const bool validate_only = body->validate_only;
  const Duration timeout = milliseconds(std::clamp(body->timeout_ms, 100, 300000));
  request->home().AskController(
      [request, specs, validate_only, timeout](controller::ControllerClient& client) {
        client.CreatePartitions(
            specs, validate_only, timeout, [request, specs, validate_only](auto results) {
              request->home().shard().Post(
                  [request, specs, validate_only, results = std::move(results)] {
                    Finish(request, specs, validate_only, results);
                  });
            });
      });
}

}  // namespace

extern const HandlerEntry kCreatePartitionsHandler;
const HandlerEntry kCreatePartitionsHandler{.api_key = CreatePartitionsRequest::kApiKey,
                                            .min_version = 0,
                                            .max_version = 3,
                                            .handle = Handle};

}  // namespace soliton::broker
