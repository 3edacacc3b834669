// Configuration from outside: TOML and properties files, --set arguments and the environment. All
// of it is checked, rendered and, when it is good, turned into the options of a broker or
// controller.
#include <cstdint>
#include <string>

#include "config/broker_config.h"
#include "config/controller_config.h"
#include "config/load_config.h"
#include "config/topic_config.h"
#include "runtime/base/check.h"
#include "tests/fuzz/input_reader.h"

namespace soliton::config {
namespace {

void SplitLines(std::string_view text, std::vector<std::string>* lines) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines->emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

ConfigSources SourcesOf(uint8_t kind, std::string_view text) {
  ConfigSources sources;
  std::vector<std::string> lines;
  switch (kind % 4) {
    case 0:
      sources.file_name = "node.toml";
      sources.file_text = text;
      break;
    case 1:
      sources.file_name = "server.properties";
      sources.file_text = text;
      break;
    case 2:
      SplitLines(text, &sources.set_arguments);
      break;
    default:
      SplitLines(text, &lines);
      for (const std::string& line : lines) {
        const size_t equals = std::min(line.find('='), line.size());
        sources.environment[line.substr(0, equals)] =
            line.substr(std::min(equals + 1, line.size()));
      }
  }
  return sources;
}

void CheckTopicSettings(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return;
  const absl::Status verdict = ValidateTopicConfig(text.substr(0, equals), text.substr(equals + 1));
  CHECK(verdict.ok() || !verdict.message().empty());
}

void Run(uint8_t kind, std::string_view text) {
  const ConfigSources sources = SourcesOf(kind, text);
  Diagnostics diagnostics;
  const Config config = LoadConfig(kNodeScopes, sources, diagnostics);
  (void)PrintConfig(config);
  (void)SummaryLine(config, sources, diagnostics);
  CHECK(diagnostics.Render().empty() == diagnostics.all().empty());

  Diagnostics as_broker = diagnostics;
  const auto broker = BuildBrokerConfig(config, as_broker);
  CHECK(broker.ok() == as_broker.ok());
  if (broker.ok()) {
    CHECK(!broker->log_dirs.empty() && broker->node_id >= 0);
  } else {
    CHECK(!as_broker.Render().empty(), "refused without a word");
  }
  Diagnostics as_controller = diagnostics;
  const auto controller = BuildControllerConfig(config, as_controller);
  CHECK(controller.ok() == as_controller.ok());
  (void)as_controller.Render();
  if ((kind & 4) != 0) CheckTopicSettings(text);
}

}  // namespace
}  // namespace soliton::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  soliton::fuzz::InputReader in(data, size);
  const uint8_t kind = in.Byte();
  soliton::config::Run(kind, soliton::fuzz::AsText(in.Rest()));
  return 0;
}
