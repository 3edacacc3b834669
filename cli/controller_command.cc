// soliton controller: runs a controller from its settings.
#include <fmt/format.h>

#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/node_options.h"
#include "cli/serve.h"
#include "cli/served_controller.h"
#include "config/controller_config.h"
#include "runtime/obs/logging.h"

namespace soliton::cli {
namespace {

class ControllerCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "controller",
            .summary = "run a controller: the node that decides who leads each partition",
            .details = "",
            .examples = {
                {"soliton controller --config config/separate/controller-101.toml", ""},
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
    return Serve(context,
                 {.name = name,
                  .waiting_note = fmt::format("waiting for a majority of the controllers {}",
                                              VoterNames(config->voters)),
                  .native = {.shard_count = 1}},
                 std::make_unique<ServedController>(*config));
  }

 private:
  NodeFlags flags_;
};

}  // namespace

void AddControllerCommands(CommandList& commands) { commands.Add<ControllerCommand>(); }

}  // namespace soliton::cli
