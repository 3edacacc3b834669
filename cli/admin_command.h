// What commands that ask and change a cluster share: a cluster client in a loop, and requests that
// survive a lost connection.
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

// Sends a request to some broker, again to others while connections fail, `attempts` times at most.
// With `retry_late` also when one does not answer within `timeout`: for requests that change
// nothing.
template <class Request>
void AskAny(kafka::ClusterClient& cluster, Request request, Duration timeout, int attempts,
            bool retry_late, std::function<void(absl::StatusOr<kafka::ResponseOf<Request>>)> done) {
  Request copy = request;
  cluster.SendToAny(
      std::move(copy), timeout,
      [&cluster, request = std::move(request), timeout, attempts, retry_late,
       done = std::move(done)](absl::StatusOr<kafka::ResponseOf<Request>> response) mutable {
        const bool again = absl::IsUnavailable(response.status()) ||
                           (retry_late && absl::IsDeadlineExceeded(response.status()));
        if (!again || attempts <= 1) return done(std::move(response));
        AskAny<Request>(cluster, std::move(request), timeout, attempts - 1, retry_late,
                        std::move(done));
      });
}

class AdminCommand : public Command {
 protected:
  // Runs `body` with a cluster client once metadata is there. `patience`: how long no broker may
  // answer before the command gives up; zero = a little.
  ExitCode WithCluster(Context& context, bool all_topics,
                       const std::function<void(ClientLoop&, kafka::ClusterClient&)>& body,
                       Duration patience = Duration::zero());

  // AskAny five times; a failure ends the command.
  template <class Request>
  static void Ask(ClientLoop& loop, kafka::ClusterClient& cluster, Request request,
                  std::function<void(kafka::ResponseOf<Request>&)> done) {
    AskAny<Request>(
        cluster, std::move(request), kAdminTimeout, 5, false,
        [&loop, done = std::move(done)](absl::StatusOr<kafka::ResponseOf<Request>> response) {
          if (response.ok()) return done(*response);
          loop.Fail(ErrorFromStatus("the request failed", response.status()));
        });
  }

  static int32_t Milliseconds(Duration duration) {
    return static_cast<int32_t>(std::chrono::duration_cast<milliseconds>(duration).count());
  }

  ConnectionFlags connection_;
};

}  // namespace soliton::cli
