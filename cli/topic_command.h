// What the topic verbs share: a cluster client in a loop, and admin requests that survive a lost
// connection.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "cli/client_loop.h"
#include "cli/command.h"
#include "protocol/session/cluster_client.h"

namespace soliton::cli {

inline constexpr Duration kAdminTimeout = seconds(30);

class TopicCommand : public Command {
 protected:
  // Runs `body` with a cluster client once metadata is there.
  ExitCode WithCluster(Context& context, bool all_topics,
                       const std::function<void(ClientLoop&, kafka::ClusterClient&)>& body);

  // Sends an admin request to some broker, again to others while connections fail.
  template <class Request>
  static void Ask(ClientLoop& loop, kafka::ClusterClient& cluster, Request request,
                  std::function<void(kafka::ResponseOf<Request>&)> done, int attempts_left = 5) {
    Request copy = request;
    cluster.SendToAny(std::move(copy), kAdminTimeout,
                      [&loop, &cluster, request = std::move(request), done = std::move(done),
                       attempts_left](absl::StatusOr<kafka::ResponseOf<Request>> response) mutable {
                        if (response.ok()) return done(*response);
                        if (absl::IsUnavailable(response.status()) && attempts_left > 1) {
                          return Ask(loop, cluster, std::move(request), std::move(done),
                                     attempts_left - 1);
                        }
                        loop.Fail(ErrorFromStatus("the request failed", response.status()));
                      });
  }

  static int32_t Milliseconds(Duration duration) {
    return static_cast<int32_t>(std::chrono::duration_cast<milliseconds>(duration).count());
  }

  ConnectionFlags connection_;
};

// "ok", or what is wrong with a partition.
std::string StateText(const kafka::PartitionState& partition);

std::unique_ptr<Command> MakeTopicCreateCommand();
std::unique_ptr<Command> MakeTopicAlterCommand();
std::unique_ptr<Command> MakeTopicListCommand();
std::unique_ptr<Command> MakeTopicDescribeCommand();
std::unique_ptr<Command> MakeTopicDeleteCommand();
std::unique_ptr<Command> MakeTopicTrimCommand();

}  // namespace soliton::cli
