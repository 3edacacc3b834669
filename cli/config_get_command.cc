// soliton config get: the settings that hold for a topic, a broker, or all brokers.
#include <fmt/format.h>

#include "cli/config_resource_command.h"
#include "cli/output.h"
#include "config/config_table.h"
#include "config/suggest.h"
#include "config/value_check.h"
#include "protocol/messages/describe_configs.h"

namespace soliton::cli {
namespace {

using Described = kafka::DescribeConfigsResponse::DescribeConfigsResourceResult;

std::string_view SourceText(int8_t source) {
  switch (source) {
    case 1:
      return "topic";
    case 2:
      return "broker";
    case 3:
      return "all brokers";
    case 4:
      return "start of the broker";
    case 5:
      return "default";
    default:
      return "unknown";
  }
}

std::string_view TypeText(int8_t type) {
  constexpr std::string_view kNames[] = {"unknown", "bool",   "string", "int",   "short",
                                         "long",    "double", "list",   "class", "password"};
  return type >= 0 && type < 10 ? kNames[type] : kNames[0];
}

// The value, with "7d" beside milliseconds.
Cell ValueCell(const Described& described, uint8_t scopes) {
  if (!described.value) return Cell();
  const config::Setting* setting = config::FindSetting(described.name, scopes);
  if (setting == nullptr) return Cell(*described.value);
  const absl::StatusOr<config::Value> value = config::CheckText(*setting, *described.value);
  const std::string human = value.ok() ? config::HumanValue(*setting, *value) : "";
  if (human.empty()) return Cell(*described.value);
  return Cell(*described.value, fmt::format("{} ({})", *described.value, human));
}

class ConfigGetCommand final : public ConfigResourceCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "config get",
            .summary = "settings of a topic, a broker or all brokers, as they hold now",
            .details = "Without --topic and --broker: what is set for all brokers while they run.",
            .examples = {{"soliton config get --topic orders", ""},
                         {"soliton config get --topic orders retention.ms -o json", ""},
                         {"soliton config get --broker 1 -o wide", "with types and meanings"},
                         {"soliton config get", "what is set for all brokers"}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("KEY", &keys_, "only these settings");
    DeclareResource(options);
    AddOutputOption(options, &format_);
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (auto error = CheckResource()) return context.Fail(*error);
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(MakeTable().Render(format_));
      return ExitCode::kOk;
    }
    kafka::DescribeConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = resource_type();
    resource.resource_name = resource_name();
    if (keys_.empty()) {
      resource.configuration_keys = std::nullopt;
    } else {
      resource.configuration_keys = keys_;
    }
    request.include_documentation = true;
    return WithCluster(
        context, false, [this, request](ClientLoop& loop, kafka::ClusterClient& cluster) {
          AskResource<kafka::DescribeConfigsRequest>(
              loop, cluster, request, [this, &loop](kafka::DescribeConfigsResponse& response) {
                OnDescribed(loop, response);
              });
        });
  }

 private:
  static Table MakeTable() {
    return Table("settings", {{"SETTING", "name", "string"},
                              {"VALUE", "value", "string"},
                              {"FROM", "source", "string"},
                              {"TYPE", "type", "string", Column::Align::kLeft, true},
                              {"READ-ONLY", "read_only", "bool", Column::Align::kLeft, true},
                              {"MEANING", "doc", "string", Column::Align::kLeft, true}});
  }

  void OnDescribed(ClientLoop& loop, const kafka::DescribeConfigsResponse& response) {
    if (response.results.empty()) {
      return loop.Fail({ExitCode::kFailed, fmt::format("no settings of {}", ResourceText()), "",
                        "the broker's answer does not mention it", ""});
    }
    const auto& result = response.results.front();
    if (result.error_code != kafka::ErrorCode::NONE) {
      const std::string text = result.error_message.value_or("");
      return loop.Fail(
          {ExitCodeOf(result.error_code), fmt::format("no settings of {}", ResourceText()),
           loop.bootstrap().text,
           fmt::format("{}: {}", CauseOf(result.error_code),
                       text.empty() ? std::string(kafka::ErrorText(result.error_code)) : text),
           ""});
    }
    const uint8_t scopes =
        topic_.empty() ? uint8_t{config::kBrokerScope} : uint8_t{config::kTopicScope};
    if (auto missing = MissingKey(result.configs, scopes)) return loop.Fail(*missing);
    Table table = MakeTable();
    for (const Described& each : result.configs) {
      table.AddRow({Cell(each.name), ValueCell(each, scopes), Cell(SourceText(each.config_source)),
                    Cell(TypeText(each.config_type)), Cell(each.read_only),
                    Cell(each.documentation.value_or(""))});
    }
    loop.context().out.Write(table.Render(format_));
    loop.Finish(ExitCode::kOk);
  }

  std::optional<CliError> MissingKey(const std::vector<Described>& found, uint8_t scopes) const {
    for (const std::string& key : keys_) {
      bool there = false;
      for (const Described& each : found) there |= each.name == key;
      if (there) continue;
      const bool known = config::FindSetting(key, scopes) != nullptr;
      const std::string like = config::DidYouMean(config::SuggestSettings(key, scopes));
      return CliError{ExitCode::kNotFound,
                      known ? fmt::format("'{}' is not set for {}", key, ResourceText())
                            : fmt::format("{} has no setting '{}'", ResourceText(), key),
                      "", "", known ? "" : like};
    }
    return std::nullopt;
  }

  std::vector<std::string> keys_;
  OutputFormat format_ = OutputFormat::kTable;
};

}  // namespace

std::unique_ptr<Command> MakeConfigGetCommand() { return std::make_unique<ConfigGetCommand>(); }

}  // namespace soliton::cli
