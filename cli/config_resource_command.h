// What `config get` and `config set` share: whose settings are meant, and the broker to ask.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "cli/admin_command.h"
#include "cli/setting_changes.h"

namespace soliton::cli {

class ConfigResourceCommand : public AdminCommand {
 protected:
  void DeclareResource(OptionSet& options) {
    options.Value("--topic", "NAME", &topic_, "settings of this topic");
    options.Value("--broker", "ID", &broker_, "settings of this broker alone")
        .Range(0, std::numeric_limits<int32_t>::max());
  }
  // Both given is a usage error.
  std::optional<CliError> CheckResource() const {
    if (topic_.empty() || broker_ < 0) return std::nullopt;
    return CliError{ExitCode::kUsage, "--topic and --broker exclude each other", "", "", ""};
  }
  int8_t resource_type() const { return topic_.empty() ? kBrokerResource : kTopicResource; }
  std::string resource_name() const {
    if (!topic_.empty()) return topic_;
    return broker_ < 0 ? "" : fmt::format("{}", broker_);
  }
  // For messages: "topic 'orders'".
  std::string ResourceText() const {
    if (!topic_.empty()) return fmt::format("topic '{}'", topic_);
    return broker_ < 0 ? "all brokers" : fmt::format("broker {}", broker_);
  }

  // Sends to the broker that is meant, as only it knows itself; else to any. A topic is looked for
  // first.
  template <class Request>
  void AskResource(ClientLoop& loop, kafka::ClusterClient& cluster, Request request,
                   std::function<void(kafka::ResponseOf<Request>&)> done) {
    if (!topic_.empty()) {
      return loop.AwaitTopic(cluster, topic_, milliseconds(500),
                             [&loop, &cluster, request = std::move(request), done] {
                               Ask<Request>(loop, cluster, request, done);
                             });
    }
    if (broker_ < 0) return Ask<Request>(loop, cluster, std::move(request), std::move(done));
    cluster.Send(broker_, std::move(request), kAdminTimeout,
                 [this, &loop, done](absl::StatusOr<kafka::ResponseOf<Request>> response) {
                   if (response.ok()) return done(*response);
                   CliError error = ErrorFromStatus(fmt::format("cannot ask broker {}", broker_),
                                                    response.status());
                   error.hint = "it must run: ask who does with any topic, soliton topic describe";
                   loop.Fail(error);
                 });
  }

  std::string topic_;
  int32_t broker_ = -1;
};

}  // namespace soliton::cli
