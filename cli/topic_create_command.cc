// soliton topic create: makes a topic.
#include <fmt/format.h>

#include "cli/setting_changes.h"
#include "cli/topic_command.h"
#include "config/config_table.h"
#include "protocol/messages/create_topics.h"

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

// How long a new topic may take to have leaders everywhere.
constexpr Duration kSettleTimeout = seconds(5);

class TopicCreateCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "topic create",
            .summary = "make a topic",
            .details = "",
            .examples = {{"soliton topic create orders", "the broker's default partitions"},
                         {"soliton topic create orders -p 12 -r 3", ""},
                         {"soliton topic create orders -p 6 -r 3 -c min.insync.replicas=2", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("NAME", &name_, "name of the topic").Required();
    options.Value("-p,--partitions", "N", &partitions_, "number of partitions")
        .Range(1, 1000000)
        .ShowDefault("as the brokers are set");
    options.Value("-r,--replication-factor", "N", &replication_factor_, "copies of each partition")
        .Range(1, 32767)
        .ShowDefault("as the brokers are set");
    options.Value("-c,--config", "NAME=VALUE", &configs_, "a topic setting, like retention.ms=1h");
    options.Flag("--if-not-exists", &if_not_exists_, "succeed when the topic is there already");
    options.Flag("--dry-run", &dry_run_, "only check whether it could be made");
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    kafka::CreateTopicsRequest request;
    request.timeout_ms = Milliseconds(kAdminTimeout);
    request.validate_only = dry_run_;
    auto& topic = request.topics.emplace_back();
    topic.name = name_;
    topic.num_partitions = partitions_;
    topic.replication_factor = static_cast<int16_t>(replication_factor_);
    for (const std::string& each : configs_) {
      absl::StatusOr<SettingArgument> argument = ParseSettingArgument(each, config::kTopicScope);
      if (!argument.ok()) {
        return context.Fail({ExitCode::kUsage, fmt::format("bad topic setting '{}'", each), "",
                             "expected NAME=VALUE", "soliton topic create --help"});
      }
      auto& config = topic.configs.emplace_back();
      config.name = std::move(argument->name);
      config.value = std::move(argument->value);
    }
    return WithCluster(context, false,
                       [this, request](ClientLoop& loop, kafka::ClusterClient& cluster) {
                         Ask<kafka::CreateTopicsRequest>(
                             loop, cluster, request,
                             [this, &loop, &cluster](kafka::CreateTopicsResponse& response) {
                               OnCreated(loop, cluster, response);
                             });
                       });
  }

 private:
  void OnCreated(ClientLoop& loop, kafka::ClusterClient& cluster,
                 const kafka::CreateTopicsResponse& response) {
    if (response.topics.empty()) {
      return loop.Fail({ExitCode::kFailed, fmt::format("cannot create topic '{}'", name_), "",
                        "the broker's answer does not mention it", ""});
    }
    const auto& result = response.topics.front();
    if (result.error_code == ErrorCode::TOPIC_ALREADY_EXISTS && if_not_exists_) {
      loop.context().Note(fmt::format("topic {} is there already", name_));
      return loop.Finish(ExitCode::kOk);
    }
    if (result.error_code != ErrorCode::NONE) {
      CliError error{ExitCodeOf(result.error_code), fmt::format("cannot create topic '{}'", name_),
                     loop.bootstrap().text, CauseOf(result.error_code), ""};
      const std::string text = result.error_message.value_or("");
      error.cause += fmt::format(
          ": {}", text.empty() ? std::string(kafka::ErrorText(result.error_code)) : text);
      if (result.error_code == ErrorCode::TOPIC_ALREADY_EXISTS) {
        error.hint = fmt::format("look at it with: soliton topic describe {}", name_);
      }
      return loop.Fail(error);
    }
    if (dry_run_) {
      loop.context().Note(fmt::format("topic {} could be created; nothing was done", name_));
      return loop.Finish(ExitCode::kOk);
    }
    loop.AwaitTopic(cluster, name_, kSettleTimeout, [this, &loop, &cluster] {
      const kafka::TopicState* state = cluster.metadata().Find(name_);
      const auto& first = state->partitions.begin()->second;
      loop.context().Note(fmt::format("created topic {}: {} partition{}, replication factor {}",
                                      name_, state->partition_count(),
                                      state->partition_count() == 1 ? "" : "s",
                                      first.replicas.size()));
      loop.Finish(ExitCode::kOk);
    });
  }

  std::string name_;
  int32_t partitions_ = -1;
  int32_t replication_factor_ = -1;
  std::vector<std::string> configs_;
  bool if_not_exists_ = false;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeTopicCreateCommand() { return std::make_unique<TopicCreateCommand>(); }

}  // namespace soliton::cli
