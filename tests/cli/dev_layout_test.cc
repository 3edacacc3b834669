#include "cli/dev_layout.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/broker_config.h"
#include "config/combined_config.h"
#include "config/load_config.h"
#include "tests/cli/fixture.h"

namespace soliton::cli {
namespace {

DevLayout Layout(int nodes) {
  DevLayout layout;
  layout.nodes = nodes;
  layout.port = 19092;
  layout.directory = "/a \"b\"/c";
  return layout;
}

TEST(DevLayoutTest, EveryFileIsOneThatABrokerTakes) {
  for (int nodes = 1; nodes <= kMostDevNodes; ++nodes) {
    const DevLayout layout = Layout(nodes);
    for (int node = 1; node <= nodes; ++node) {
      SCOPED_TRACE(layout.ConfigOf(node));
      const std::string name = layout.config_path(node);
      config::Diagnostics diagnostics;
      const config::Config config =
          config::LoadConfig(config::kBrokerScope | config::kControllerScope,
                             {.file_name = name, .file_text = layout.ConfigOf(node)}, diagnostics);
      if (node > layout.voters()) {
        const auto broker = config::BuildBrokerConfig(config, diagnostics);
        ASSERT_TRUE(broker.ok()) << broker.status();
        EXPECT_EQ(broker->controllers.size(), static_cast<size_t>(layout.voters()));
      } else {
        const auto both = config::BuildCombinedConfig(config, diagnostics);
        ASSERT_TRUE(both.ok()) << both.status();
        EXPECT_EQ(both->controller.voters.size(), static_cast<size_t>(layout.voters()));
        EXPECT_EQ(both->controller.voters.at(node), both->controller.listener.endpoint);
        EXPECT_EQ(both->broker.log_dirs,
                  std::vector<std::string>{"/a \"b\"/c/node-" + std::to_string(node) + "/data"});
      }
      EXPECT_TRUE(diagnostics.Render().empty()) << diagnostics.Render();
    }
  }
}

TEST(DevLayoutTest, ThePortsAreDistinct) {
  for (int nodes = 1; nodes <= kMostDevNodes; ++nodes) {
    std::vector<uint16_t> ports = Layout(nodes).ports();
    EXPECT_EQ(ports.size(), static_cast<size_t>(nodes + Layout(nodes).voters()));
    std::sort(ports.begin(), ports.end());
    EXPECT_EQ(std::unique(ports.begin(), ports.end()), ports.end());
  }
  EXPECT_EQ(Layout(2).bootstrap(), "127.0.0.1:19092,127.0.0.1:19093");
}

TEST(DevLayoutTest, OddNumbersOfVoters) {
  const int kVoters[] = {1, 1, 3, 3, 5};
  for (int nodes = 1; nodes <= kMostDevNodes; ++nodes) {
    EXPECT_EQ(Layout(nodes).voters(), kVoters[nodes - 1]);
  }
}

TEST(DevLayoutTest, TheStateIsFoundAgain) {
  const auto kept = DevLayout::FromState(Layout(3).ToState(), "/d");
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->nodes, 3);
  EXPECT_EQ(kept->port, 19092);
  EXPECT_EQ(kept->directory, "/d");
  for (const char* text : {"", "nodes=3\n", "nodes=9\nport=1\n", "nodes=3\nport=x\n",
                           "nodes=3\nport=65535\n", "xnodes=3\nport=9092\n"}) {
    EXPECT_TRUE(absl::IsDataLoss(DevLayout::FromState(text, "/d").status())) << text;
  }
}

TEST(DevCommandTest, MistakesAreNamed) {
  EXPECT_NE(RunWords({"dev", "stpo"}).err.find("did you mean 'dev stop'?"), std::string::npos);
  EXPECT_NE(RunWords({"dev", "--nodes", "6"}).err.find("expected 1 to 5"), std::string::npos)
      << RunWords({"dev", "--nodes", "6"}).err;
  const Ran none = RunWords({"dev", "status", "--data", "/nowhere"});
  EXPECT_EQ(none.code, ExitCode::kNotFound);
  EXPECT_NE(none.err.find("no dev cluster in /nowhere"), std::string::npos) << none.err;
}

}  // namespace
}  // namespace soliton::cli
