// soliton config check | explain | list.
#include <fmt/format.h>

#include <algorithm>

#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/node_options.h"
#include "cli/output.h"
#include "config/broker_config.h"
#include "config/config_table.h"
#include "config/controller_config.h"
#include "config/suggest.h"
#include "config/value_check.h"

namespace soliton::cli {
namespace {

constexpr uint8_t kAllScopes = config::kNodeScopes | config::kTopicScope | config::kClientScopes;

std::string StageText(const config::Setting& setting) {
  switch (setting.stage) {
    case config::Stage::kSupported:
      return "supported";
    case config::Stage::kNoEffect:
      return "accepted, no effect";
    case config::Stage::kRefused:
      return "refused";
  }
  return "";
}

std::string DefaultText(const config::Setting& setting) {
  if (!setting.has_default()) return "unset";
  const absl::StatusOr<config::Value> value = config::CheckText(setting, setting.default_value);
  const std::string human = value.ok() ? config::HumanValue(setting, *value) : "";
  const std::string text(setting.default_value.empty() ? "\"\"" : setting.default_value);
  return human.empty() ? text : fmt::format("{} ({})", text, human);
}

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
    const bool is_controller = IsController(*node.config);
    if (is_controller) {
      (void)config::BuildControllerConfig(*node.config, node.diagnostics).status();
    } else {
      (void)config::BuildBrokerConfig(*node.config, node.diagnostics).status();
    }
    context.err.Write(node.diagnostics.Render());
    if (verbose_ || !node.diagnostics.all().empty()) {
      context.Note(config::SummaryLine(*node.config, node.sources, node.diagnostics));
    }
    return node.diagnostics.ok() ? ExitCode::kOk : ExitCode::kConfig;
  }

 private:
  // A file without process.roles is a broker's.
  static bool IsController(const config::Config& config) {
    if (!config.Has("process.roles")) return false;
    const std::vector<std::string>& roles = config.GetList("process.roles");
    return std::find(roles.begin(), roles.end(), "broker") == roles.end();
  }

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
    const std::string_view unit = config::UnitName(setting.unit);
    line("type",
         fmt::format("{}{}{}", config::TypeName(setting.type), unit.empty() ? "" : ", ", unit));
    line("default", DefaultText(setting));
    line("range", config::RangeText(setting));
    line("for all", setting.broker_name);
    line("spells", setting.spelling_of);
    const bool is_client = (setting.scopes & config::kClientScopes) != 0;
    if (!is_client) line("change", setting.dynamic ? "without a restart" : "needs a restart");
    line("stage", setting.note.empty() ? StageText(setting)
                                       : fmt::format("{}: {}", StageText(setting), setting.note));
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
      table.AddRow(
          {Cell(setting->name), Cell(config::TypeName(setting->type)),
           setting->has_default() ? Cell(std::string(setting->default_value), DefaultText(*setting))
                                  : Cell(),
           Cell(config::ScopeNames(setting->scopes)), Cell(config::RangeText(*setting)),
           Cell(StageText(*setting)), Cell(setting->note.empty() ? setting->doc : setting->note)});
    }
    context.out.Write(table.Render(format_));
    return ExitCode::kOk;
  }

 private:
  uint8_t scopes_ = kAllScopes;
  bool all_ = false;
  OutputFormat format_ = OutputFormat::kTable;
};

}  // namespace

void AddConfigCommands(CommandList& commands) {
  commands.Add<ConfigCheckCommand>();
  commands.Add<ConfigExplainCommand>();
  commands.Add<ConfigListCommand>();
}

}  // namespace soliton::cli
