// soliton controller: runs a controller from its settings.
#include <fmt/format.h>

#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/node_options.h"
#include "cli/serve.h"
#include "config/controller_config.h"
#include "config/topic_config.h"
#include "controller/controller_node.h"
#include "runtime/obs/logging.h"

namespace soliton::cli {
namespace {

controller::ControllerOptions ToOptions(const config::ControllerConfig& config) {
  controller::ControllerOptions options;
  options.node_id = config.node_id;
  options.cluster_id = config.cluster_id;
  options.listen = config.listener.endpoint;
  if (options.listen.host.empty()) options.listen.host = "0.0.0.0";
  options.data_directory = config.metadata_log_dir;
  options.broker_session_timeout = milliseconds(config.broker_session_timeout_ms);
  options.probe_timeout = milliseconds(config.controller_probe_timeout_ms);
  options.default_partitions = config.num_partitions;
  options.default_replication_factor = config.default_replication_factor;
  options.default_min_insync_replicas = config.min_insync_replicas;
  options.unclean_leader_election_enable = config.unclean_leader_election_enable;
  options.max_partitions_per_request = config.max_partitions_per_request;
  options.validate_topic_config = config::ValidateTopicConfig;
  return options;
}

class ServedController final : public ServedNode {
 public:
  explicit ServedController(controller::ControllerOptions options) : options_(std::move(options)) {}

  absl::Status Start(const Ports& ports, Events events) override {
    options_.on_fatal = events.on_fatal;
    absl::StatusOr<std::unique_ptr<controller::ControllerNode>> node =
        controller::ControllerNode::Start(ports, options_);
    if (!node.ok()) return node.status();
    node_ = *std::move(node);
    const Endpoint bound{options_.listen.host, node_->port()};
    events.on_ready(fmt::format("listening on {}, data {}, cluster {}", bound.ToString(),
                                options_.data_directory, node_->cluster_id()));
    return absl::OkStatus();
  }

  void Stop(absl::AnyInvocable<void(absl::Status)> done) override {
    if (node_ == nullptr) return done(absl::OkStatus());
    node_->Stop(std::move(done));
  }

 private:
  controller::ControllerOptions options_;
  std::unique_ptr<controller::ControllerNode> node_;
};

class ControllerCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "controller",
            .summary = "run a controller: the node that decides who leads each partition",
            .details = "",
            .examples = {
                {"soliton controller --config config/three-node/controller.toml", ""},
                {"soliton controller --config controller.toml --check", "only check the settings"},
                {"soliton controller --set node.id=100 --set log.dirs=/var/lib/soliton", ""}}};
  }

  void Declare(OptionSet& options) override { DeclareNodeOptions(options, &flags_); }

  ExitCode Run(Context& context, const OptionSet&) override {
    NodeConfig node;
    if (auto error = ReadNodeConfig(flags_, context, &node)) return context.Fail(*error);
    const absl::StatusOr<config::ControllerConfig> config =
        config::BuildControllerConfig(*node.config, node.diagnostics);
    if (auto end = FinishNodeConfig(flags_, node, context)) return *end;
    const std::string name = fmt::format("controller {}", config->node_id);
    InitLogging({.level = ParseLogLevel(config->log_level).value_or(LogLevel::kInfo),
                 .json = std::nullopt,
                 .node = fmt::format("controller-{}", config->node_id)});
    return Serve(context, {.name = name, .waiting_note = "", .native = {.shard_count = 1}},
                 std::make_unique<ServedController>(ToOptions(*config)));
  }

 private:
  NodeFlags flags_;
};

}  // namespace

void AddControllerCommands(CommandList& commands) { commands.Add<ControllerCommand>(); }

}  // namespace soliton::cli
