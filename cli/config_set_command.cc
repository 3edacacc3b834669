// soliton config set: changes settings of a topic, a broker or all brokers while they run.
#include <fmt/format.h>

#include "cli/config_resource_command.h"

namespace soliton::cli {
namespace {

class ConfigSetCommand final : public ConfigResourceCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "config set",
            .summary = "change settings of a topic, a broker or all brokers while they run",
            .details =
                "Without --topic and --broker: for all brokers. What is set here wins over the "
                "brokers' files and survives restarts; --delete brings the file's value back. "
                "`soliton config explain KEY` says which settings change without a restart.",
            .examples = {{"soliton config set log.retention.ms=3d", "for all brokers"},
                         {"soliton config set --broker 2 log.segment.bytes=64MiB", ""},
                         {"soliton config set --topic orders retention.ms=7d --dry-run", ""},
                         {"soliton config set --topic orders --delete retention.ms", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("KEY=VALUE", &set_, "settings");
    DeclareResource(options);
    options.Value("--delete", "KEY", &delete_, "a setting that goes back to its default");
    options.Flag("--dry-run", &dry_run_, "only check whether it could be done");
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (auto error = CheckResource()) return context.Fail(*error);
    if (set_.empty() && delete_.empty()) {
      return context.Fail({ExitCode::kUsage, "nothing to change", "",
                           "neither KEY=VALUE nor --delete is given", "soliton config set --help"});
    }
    absl::StatusOr<kafka::IncrementalAlterConfigsRequest> request =
        ToAlterRequest(resource_type(), resource_name(), set_, delete_);
    if (!request.ok()) {
      return context.Fail({ExitCode::kUsage, std::string(request.status().message()), "", "",
                           "soliton config set --help"});
    }
    request_ = *std::move(request);
    request_.validate_only = dry_run_;
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      AskResource<kafka::IncrementalAlterConfigsRequest>(
          loop, cluster, request_, [this, &loop](kafka::IncrementalAlterConfigsResponse& response) {
            OnAltered(loop, response);
          });
    });
  }

 private:
  void OnAltered(ClientLoop& loop, const kafka::IncrementalAlterConfigsResponse& response) {
    const std::string failed = fmt::format("cannot change settings of {}", ResourceText());
    if (response.responses.empty()) {
      return loop.Fail(
          {ExitCode::kFailed, failed, "", "the broker's answer does not mention it", ""});
    }
    const auto& result = response.responses.front();
    if (result.error_code != kafka::ErrorCode::NONE) {
      return loop.Fail(SettingsRefused(failed, loop.bootstrap().text, result.error_code,
                                       result.error_message.value_or(""), request_));
    }
    loop.context().Note(fmt::format("{}{}: {}", ResourceText(),
                                    dry_run_ ? " could be changed; nothing was done" : "",
                                    ChangesText(request_)));
    loop.Finish(ExitCode::kOk);
  }

  std::vector<std::string> set_;
  std::vector<std::string> delete_;
  bool dry_run_ = false;
  kafka::IncrementalAlterConfigsRequest request_;
};

}  // namespace

std::unique_ptr<Command> MakeConfigSetCommand() { return std::make_unique<ConfigSetCommand>(); }

}  // namespace soliton::cli
