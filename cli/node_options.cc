#include "cli/node_options.h"

#include <fmt/format.h>

#include "runtime/file/posix_file_system.h"

namespace soliton::cli {

void DeclareNodeOptions(OptionSet& options, NodeFlags* flags) {
  options.Value("-c,--config", "FILE", &flags->config_file,
                "settings, as TOML or (FILE.properties) in Kafka's syntax");
  options.Value("--set", "KEY=VALUE", &flags->set, "one setting; wins over file and environment");
  options.Flag("--check", &flags->check, "check the settings and end");
  options.Flag("--print-config", &flags->print_config,
               "print every setting with its value and origin, and end");
}

std::optional<CliError> ReadNodeConfig(const NodeFlags& flags, const Context& context,
                                       NodeConfig* result) {
  result->sources.file_name = flags.config_file;
  result->sources.environment = context.environment;
  result->sources.set_arguments = flags.set;
  if (!flags.config_file.empty()) {
    absl::StatusOr<std::string> text = ReadFile(PosixFileSystem(), flags.config_file);
    if (!text.ok()) {
      return CliError{ExitCode::kConfig, fmt::format("cannot read '{}'", flags.config_file), "",
                      std::string(text.status().message()), ""};
    }
    result->sources.file_text = *std::move(text);
  }
  result->config = config::LoadConfig(config::kNodeScopes, result->sources, result->diagnostics);
  return std::nullopt;
}

ExitCode FailConfig(const NodeConfig& node, Context& context) {
  const std::vector<config::Diagnostic>& all = node.diagnostics.all();
  const std::string summary = config::SummaryLine(*node.config, node.sources, node.diagnostics);
  if (context.json_errors) {
    return context.Fail({.code = ExitCode::kConfig,
                         .what = summary,
                         .at = node.sources.file_name,
                         .findings = all});
  }
  context.err.Write(node.diagnostics.Render());
  context.Note(summary);
  return ExitCode::kConfig;
}

std::optional<ExitCode> FinishNodeConfig(const NodeFlags& flags, const NodeConfig& node,
                                         Context& context) {
  if (!node.diagnostics.ok()) return FailConfig(node, context);
  context.err.Write(node.diagnostics.Render());
  if (flags.print_config) context.out.Write(config::PrintConfig(*node.config));
  if (flags.print_config || flags.check) return ExitCode::kOk;
  context.err.Flush();
  return std::nullopt;
}

}  // namespace soliton::cli
