// soliton broker: runs a broker, or broker and controller in one, from its settings.
#include <fmt/format.h>

#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/node_options.h"
#include "cli/serve.h"
#include "cli/served_broker.h"
#include "cli/served_combined.h"
#include "config/combined_config.h"
#include "config/node_checks.h"
#include "runtime/obs/logging.h"
#include "runtime/process.h"

namespace soliton::cli {
namespace {

// Flushes of different logs overlap on the disk; a thread each up to this many.
constexpr int kMinDiskThreads = 4;
// What every system allows.
constexpr int64_t kLeastDescriptors = 1024;

std::string Listed(const std::vector<Endpoint>& endpoints) {
  std::string text;
  for (const Endpoint& endpoint : endpoints) {
    text += (text.empty() ? "" : ", ") + endpoint.ToString();
  }
  return text;
}

class BrokerCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "broker",
            .summary = "run a broker: the node that stores and serves records",
            .details = "",
            .examples = {
                {"soliton broker --config config/three-node/node-1.toml", ""},
                {"soliton broker --config kafka/config/server.properties",
                 "Kafka's file: broker and controller in one process"},
                {"soliton broker --config broker.toml --print-config", "what holds, and why"}}};
  }

  void Declare(OptionSet& options) override { DeclareNodeOptions(options, &flags_); }

  ExitCode Run(Context& context, const OptionSet&) override {
    NodeConfig node;
    if (auto error = ReadNodeConfig(flags_, context, &node)) return context.Fail(*error);
    if (config::RolesOf(*node.config).combined()) return RunCombined(context, node);
    const absl::StatusOr<config::BrokerConfig> config =
        config::BuildBrokerConfig(*node.config, node.diagnostics);
    if (auto end = FinishNodeConfig(flags_, node, context)) return *end;
    const int64_t descriptors = Prepare(*config, "broker");
    return Serve(context,
                 {.name = fmt::format("broker {}", config->node_id),
                  .waiting_note =
                      fmt::format("waiting for the controller at {}", Listed(config->controllers)),
                  .native = ThreadsOf(*config)},
                 std::make_unique<ServedBroker>(
                     *config, std::make_shared<config::Config>(*node.config), descriptors));
  }

 private:
  ExitCode RunCombined(Context& context, NodeConfig& node) {
    const absl::StatusOr<config::CombinedConfig> config =
        config::BuildCombinedConfig(*node.config, node.diagnostics);
    if (auto end = FinishNodeConfig(flags_, node, context)) return *end;
    const int64_t descriptors = Prepare(config->broker, "node");
    return Serve(context,
                 {.name = fmt::format("node {}", config->broker.node_id),
                  .waiting_note = config->controller.voters.size() > 1
                                      ? fmt::format("waiting for a majority of the controllers {}",
                                                    VoterNames(config->controller.voters))
                                      : "opening its logs",
                  .native = ThreadsOf(config->broker)},
                 std::make_unique<ServedCombined>(
                     *config, std::make_shared<config::Config>(*node.config), descriptors));
  }

  // Returns how many files may be open.
  static int64_t Prepare(const config::BrokerConfig& config, std::string_view role) {
    InitLogging({.level = ParseLogLevel(config.log_level).value_or(LogLevel::kInfo),
                 .json = std::nullopt,
                 .node = fmt::format("{}-{}", role, config.node_id)});
    const absl::StatusOr<int64_t> limit = RaiseDescriptorLimit();
    if (!limit.ok()) {
      LogWarn("cannot raise the limit of open files: {}", std::string(limit.status().message()));
    }
    if (limit.ok() && *limit < kLeastDescriptors) {
      LogWarn(
          "only {} files may be open at once, {} or more are wanted for partitions and "
          "connections: raise it with ulimit -n, or LimitNOFILE= of the service",
          *limit, kLeastDescriptors);
    }
    return limit.value_or(kLeastDescriptors);
  }

  static NativeOptions ThreadsOf(const config::BrokerConfig& config) {
    const int shards = config.shards > 0 ? config.shards : HardwareConcurrency();
    return {.shard_count = shards, .disk_thread_count = std::max(kMinDiskThreads, shards)};
  }

  NodeFlags flags_;
};

}  // namespace

void AddBrokerCommands(CommandList& commands) { commands.Add<BrokerCommand>(); }

}  // namespace soliton::cli
