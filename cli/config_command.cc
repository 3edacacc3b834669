// soliton config check | explain | list | docs; get and set have files of their own.
#include <fmt/format.h>

#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/node_options.h"
#include "cli/output.h"
#include "config/combined_config.h"
#include "config/config_table.h"
#include "config/node_checks.h"
#include "config/setting_text.h"
#include "config/settings_page.h"
#include "config/suggest.h"

namespace soliton::cli {

std::unique_ptr<Command> MakeConfigGetCommand();
std::unique_ptr<Command> MakeConfigSetCommand();

namespace {

constexpr uint8_t kAllScopes = config::kNodeScopes | config::kTopicScope | config::kClientScopes;

class ConfigCheckCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "config check",
            .summary = "check a broker's or controller's file; silent when it is good",
            .details = "",
            .examples = {{"soliton config check broker.toml", ""},
                         {"soliton config check server.properties -v", "a Kafka file"},
                         {"soliton config check broker.toml --set shards=2", ""}}};
  }

  void Declare(OptionSet& options) override {
    options.Positional("FILE", &flags_.config_file, "TOML, or Kafka's syntax in FILE.properties")
        .Required();
    options.Value("--set", "KEY=VALUE", &flags_.set, "one setting; wins over file and environment");
    options.Flag("-v,--verbose", &verbose_, "a summary also when all is good");
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    NodeConfig node;
    if (auto error = ReadNodeConfig(flags_, context, &node)) return context.Fail(*error);
    // A file without process.roles is a broker's.
    const config::Roles roles = config::RolesOf(*node.config);
    if (roles.combined()) {
      (void)config::BuildCombinedConfig(*node.config, node.diagnostics).status();
    } else if (roles.controller) {
      (void)config::BuildControllerConfig(*node.config, node.diagnostics).status();
    } else {
      (void)config::BuildBrokerConfig(*node.config, node.diagnostics).status();
    }
    if (!node.diagnostics.ok()) return FailConfig(node, context);
    context.err.Write(node.diagnostics.Render());
    if (verbose_ || !node.diagnostics.all().empty()) {
      context.Note(config::SummaryLine(*node.config, node.sources, node.diagnostics));
    }
    return ExitCode::kOk;
  }

 private:
  NodeFlags flags_;
  bool verbose_ = false;
};

class ConfigExplainCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "config explain",
            .summary = "what a setting means, its default and its range",
            .details = "",
            .examples = {{"soliton config explain log.retention.ms", ""},
                         {"soliton config explain retention.ms", "a topic's setting"}}};
  }

  void Declare(OptionSet& options) override {
    options.Positional("KEY", &key_, "the setting's name").Required();
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    bool found = false;
    // A name may mean different things to nodes, topics and clients.
    for (uint8_t scopes : {config::kNodeScopes, uint8_t{config::kTopicScope},
                           uint8_t{config::kProducerScope}, uint8_t{config::kConsumerScope}}) {
      const config::Setting* setting = config::FindSetting(key_, scopes);
      const bool repeated = scopes == config::kConsumerScope &&
                            setting == config::FindSetting(key_, config::kProducerScope);
      if (setting == nullptr || repeated) continue;
      context.out.Write((found ? "\n" : "") + Explain(*setting));
      found = true;
    }
    if (found) return ExitCode::kOk;
    const std::string hint = config::DidYouMean(config::SuggestSettings(key_, kAllScopes));
    return context.Fail({ExitCode::kNotFound, fmt::format("unknown setting '{}'", key_), "", "",
                         hint.empty() ? "see: soliton config list" : hint});
  }

 private:
  static std::string Explain(const config::Setting& setting) {
    std::string text = fmt::format("{}  ({})\n  {}\n", setting.name,
                                   config::ScopeNames(setting.scopes), setting.doc);
    const auto line = [&](std::string_view label, std::string_view value) {
      if (!value.empty()) text += fmt::format("  {:<9} {}\n", label, value);
    };
    line("type", config::TypeText(setting));
    line("default", config::DefaultText(setting));
    line("range", config::RangeText(setting));
    line("for all", setting.broker_name);
    line("spells", setting.spelling_of);
    line("change", config::ChangeText(setting));
    const std::string_view stage = config::StageText(setting.stage);
    line("stage",
         setting.note.empty() ? std::string(stage) : fmt::format("{}: {}", stage, setting.note));
    return text;
  }

  std::string key_;
};

class ConfigListCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "config list",
            .summary = "all settings",
            .details = "",
            .examples = {{"soliton config list", ""},
                         {"soliton config list --scope topic -o wide", "with what each means"},
                         {"soliton config list --all -o json", "Kafka's others too"}}};
  }

  void Declare(OptionSet& options) override {
    options
        .Choice("--scope", &scopes_,
                {{"all", kAllScopes},
                 {"broker", config::kBrokerScope},
                 {"controller", config::kControllerScope},
                 {"topic", config::kTopicScope},
                 {"producer", config::kProducerScope},
                 {"consumer", config::kConsumerScope}},
                "whose settings")
        .ShowDefault("all");
    options.Flag("--all", &all_, "also those of Kafka that have no effect here");
    AddOutputOption(options, &format_);
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    Table table("settings", {{"SETTING", "name", "string"},
                             {"TYPE", "type", "string"},
                             {"DEFAULT", "default", "string"},
                             {"SCOPE", "scope", "string"},
                             {"RANGE", "range", "string", Column::Align::kLeft, true},
                             {"STAGE", "stage", "string", Column::Align::kLeft, true},
                             {"MEANING", "doc", "string", Column::Align::kLeft, true}});
    for (const config::Setting* setting : config::SettingsOf(scopes_)) {
      if (!all_ && setting->stage != config::Stage::kSupported) continue;
      table.AddRow({Cell(setting->name), Cell(config::TypeName(setting->type)),
                    setting->has_default()
                        ? Cell(std::string(setting->default_value), config::DefaultText(*setting))
                        : Cell(),
                    Cell(config::ScopeNames(setting->scopes)), Cell(config::RangeText(*setting)),
                    Cell(config::StageText(setting->stage)),
                    Cell(setting->note.empty() ? setting->doc : setting->note)});
    }
    context.out.Write(table.Render(format_));
    return ExitCode::kOk;
  }

 private:
  uint8_t scopes_ = kAllScopes;
  bool all_ = false;
  OutputFormat format_ = OutputFormat::kTable;
};

class ConfigDocsCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "config docs",
            .summary = "the page with every setting, as Markdown",
            .details = "",
            .examples = {{"soliton config docs > config/CONFIGURATION.md", ""}}};
  }

  void Declare(OptionSet&) override {}

  ExitCode Run(Context& context, const OptionSet&) override {
    context.out.Write(config::SettingsPage());
    return ExitCode::kOk;
  }
};

}  // namespace

void AddConfigCommands(CommandList& commands) {
  commands.Add<ConfigCheckCommand>();
  commands.Add<ConfigExplainCommand>();
  commands.Add<ConfigListCommand>();
  commands.Add<ConfigDocsCommand>();
  commands.AddMaker(MakeConfigGetCommand);
  commands.AddMaker(MakeConfigSetCommand);
}

}  // namespace soliton::cli
