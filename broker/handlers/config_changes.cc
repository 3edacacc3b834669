#include "broker/handlers/config_changes.h"

namespace soliton::broker {
namespace {

using controller::ResourceChangeSpec;
using controller::ResourceResult;

constexpr Duration kTimeout = seconds(30);  // neither request carries one

// One error for all: the controller was not reached, or did not answer.
std::vector<ResourceResult> FailedAlike(const std::vector<ResourceChangeSpec>& resources,
                                        const absl::Status& why) {
  std::vector<ResourceResult> results;
  for (const ResourceChangeSpec& resource : resources) {
    results.push_back({.type = resource.type,
                       .name = resource.name,
                       .error = absl::IsDeadlineExceeded(why) ? kafka::ErrorCode::REQUEST_TIMED_OUT
                                                              : kafka::ErrorCode::NOT_CONTROLLER,
                       .error_message = std::string(why.message())});
  }
  return results;
}

}  // namespace

void AlterConfigs(const RequestPtr& request, std::vector<ResourceChangeSpec> resources,
                  bool validate_only,
                  std::function<void(const std::vector<ResourceResult>&)> reply) {
  if (resources.empty()) return reply({});
  request->home().AskController([request, resources = std::move(resources), validate_only,
                                 reply = std::move(reply)](controller::ControllerClient& client) {
    client.AlterConfigs(
        resources, validate_only, kTimeout,
        [request, resources, reply](absl::StatusOr<std::vector<ResourceResult>> results) {
          request->home().shard().Post([resources, reply, results = std::move(results)] {
            reply(results.ok() ? *results : FailedAlike(resources, results.status()));
          });
        });
  });
}

}  // namespace soliton::broker
