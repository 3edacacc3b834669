// soliton topic alter: changes a topic's settings and the number of its partitions.
#include <fmt/format.h>

#include "cli/setting_changes.h"
#include "cli/topic_command.h"
#include "protocol/messages/create_partitions.h"

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

class TopicAlterCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "topic alter",
            .summary = "change a topic's settings, or give it more partitions",
            .details =
                "All changes are checked before the first is made. More partitions change which "
                "partition a key goes to; there is no way back to fewer.",
            .examples = {{"soliton topic alter orders --set retention.ms=7d", ""},
                         {"soliton topic alter orders --delete retention.ms", "the default again"},
                         {"soliton topic alter orders -p 24", "24 partitions in all"},
                         {"soliton topic alter orders --set segment.bytes=64MiB --dry-run", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("NAME", &name_, "name of the topic").Required();
    options.Value("--set", "KEY=VALUE", &set_, "a setting, like retention.ms=7d");
    options.Value("--delete", "KEY", &delete_, "a setting that goes back to its default");
    options.Value("-p,--partitions", "N", &partitions_, "partitions in all, more than there are")
        .Range(1, 1000000)
        .ShowDefault("unchanged");
    options.Flag("--dry-run", &dry_run_, "only check whether it could be done");
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (set_.empty() && delete_.empty() && partitions_ < 0) {
      return context.Fail({ExitCode::kUsage, "nothing to change", "",
                           "none of --set, --delete and --partitions is given",
                           "soliton topic alter --help"});
    }
    absl::StatusOr<kafka::IncrementalAlterConfigsRequest> request =
        ToAlterRequest(kTopicResource, name_, set_, delete_);
    if (!request.ok()) {
      return context.Fail({ExitCode::kUsage, std::string(request.status().message()), "", "",
                           "soliton topic alter --help"});
    }
    configs_ = *std::move(request);
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      loop.AwaitTopic(cluster, name_, milliseconds(500), [this, &loop, &cluster] {
        // First everything on trial.
        Perform(loop, cluster, true, [this, &loop, &cluster] {
          if (dry_run_) return Finish(loop, "could be altered; nothing was done");
          Perform(loop, cluster, false, [this, &loop] { Finish(loop, "altered"); });
        });
      });
    });
  }

 private:
  void Perform(ClientLoop& loop, kafka::ClusterClient& cluster, bool on_trial,
               const std::function<void()>& done) {
    AlterConfigs(loop, cluster, on_trial,
                 [this, &loop, &cluster, on_trial, done] { Grow(loop, cluster, on_trial, done); });
  }

  void AlterConfigs(ClientLoop& loop, kafka::ClusterClient& cluster, bool on_trial,
                    const std::function<void()>& done) {
    if (configs_.resources.front().configs.empty()) return done();
    kafka::IncrementalAlterConfigsRequest request = configs_;
    request.validate_only = on_trial;
    Ask<kafka::IncrementalAlterConfigsRequest>(
        loop, cluster, std::move(request),
        [this, &loop, done](kafka::IncrementalAlterConfigsResponse& response) {
          if (response.responses.empty()) return FailUnmentioned(loop);
          const auto& result = response.responses.front();
          if (result.error_code == ErrorCode::NONE) return done();
          loop.Fail(SettingsRefused(fmt::format("cannot alter topic '{}'", name_),
                                    loop.bootstrap().text, result.error_code,
                                    result.error_message.value_or(""), configs_));
        });
  }

  void Grow(ClientLoop& loop, kafka::ClusterClient& cluster, bool on_trial,
            const std::function<void()>& done) {
    if (partitions_ < 0) return done();
    kafka::CreatePartitionsRequest request;
    request.timeout_ms = Milliseconds(kAdminTimeout);
    request.validate_only = on_trial;
    auto& topic = request.topics.emplace_back();
    topic.name = name_;
    topic.count = partitions_;
    topic.assignments = std::nullopt;
    Ask<kafka::CreatePartitionsRequest>(
        loop, cluster, std::move(request),
        [this, &loop, done](kafka::CreatePartitionsResponse& response) {
          if (response.results.empty()) return FailUnmentioned(loop);
          const auto& result = response.results.front();
          if (result.error_code == ErrorCode::NONE) return done();
          const std::string text = result.error_message.value_or("");
          loop.Fail(
              {ExitCodeOf(result.error_code),
               fmt::format("cannot give topic '{}' {} partitions", name_, partitions_),
               loop.bootstrap().text,
               fmt::format("{}: {}", CauseOf(result.error_code),
                           text.empty() ? std::string(kafka::ErrorText(result.error_code)) : text),
               result.error_code == ErrorCode::INVALID_PARTITIONS
                   ? fmt::format("see: soliton topic describe {}", name_)
                   : ""});
        });
  }

  void FailUnmentioned(ClientLoop& loop) const {
    loop.Fail({ExitCode::kFailed, fmt::format("cannot alter topic '{}'", name_), "",
               "the broker's answer does not mention it", ""});
  }

  void Finish(ClientLoop& loop, std::string_view outcome) const {
    std::string changes = ChangesText(configs_);
    if (partitions_ >= 0) {
      changes += fmt::format("{}{} partitions", changes.empty() ? "" : ", ", partitions_);
    }
    loop.context().Note(fmt::format("topic {} {}: {}", name_, outcome, changes));
    loop.Finish(ExitCode::kOk);
  }

  std::string name_;
  std::vector<std::string> set_;
  std::vector<std::string> delete_;
  int32_t partitions_ = -1;
  bool dry_run_ = false;
  kafka::IncrementalAlterConfigsRequest configs_;
};

}  // namespace

std::unique_ptr<Command> MakeTopicAlterCommand() { return std::make_unique<TopicAlterCommand>(); }

}  // namespace soliton::cli
