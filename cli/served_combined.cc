#include "cli/served_combined.h"

#include <fmt/format.h>

#include "config/listener.h"

namespace soliton::cli {
namespace {

// An address to reach a listener of this machine at.
Endpoint Reachable(Endpoint listens) {
  if (config::IsWildcard(listens.host)) listens.host = listens.host == "::" ? "::1" : "127.0.0.1";
  return listens;
}

}  // namespace

ServedCombined::ServedCombined(const config::CombinedConfig& config,
                               std::shared_ptr<const config::Config> settings, int64_t descriptors)
    : controller_(config.controller), broker_(config.broker, std::move(settings), descriptors) {}

absl::Status ServedCombined::Start(const Ports& ports, Events events) {
  absl::Status status = controller_.Start(
      ports, {.on_ready = [](const std::string&) {}, .on_fatal = events.on_fatal});
  if (!status.ok()) return status;
  std::vector<Endpoint> controllers = {Reachable(controller_.bound())};
  for (const auto& [node_id, endpoint] : controller_.options().voters) {
    if (node_id != controller_.options().node_id) controllers.push_back(endpoint);
  }
  broker_.SetControllers(std::move(controllers));
  return broker_.Start(ports, {.on_ready =
                                   [this, on_ready = events.on_ready](const std::string& what) {
                                     on_ready(fmt::format("{}, controller on {}, cluster {}", what,
                                                          controller_.bound().ToString(),
                                                          controller_.node()->cluster_id()));
                                   },
                               .on_fatal = events.on_fatal});
}

void ServedCombined::Stop(absl::AnyInvocable<void(absl::Status)> done) {
  broker_.Stop([this, done = std::move(done)](absl::Status broker) mutable {
    controller_.Stop(
        [broker = std::move(broker), done = std::move(done)](absl::Status controller) mutable {
          done(broker.ok() ? std::move(controller) : std::move(broker));
        });
  });
}

}  // namespace soliton::cli
