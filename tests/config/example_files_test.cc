// The example files load without a word, and fit together.
#include <gtest/gtest.h>

#include <set>

#include "config/combined_config.h"
#include "config/load_config.h"
#include "runtime/file/posix_file_system.h"

namespace soliton::config {
namespace {

ConfigSources SourcesOf(const std::string& name) {
  const std::string path = JoinPath(SOLITON_SOURCE_DIR, "config/" + name);
  absl::StatusOr<std::string> text = ReadFile(PosixFileSystem(), path);
  EXPECT_TRUE(text.ok()) << text.status();
  return {.file_name = path, .file_text = text.value_or("")};
}

// No two nodes share an address or a folder.
struct Places {
  std::set<uint16_t> ports;
  std::set<std::string> directories;
};

void CheckBroker(const BrokerConfig& broker, int node_id, Places& places) {
  EXPECT_EQ(broker.node_id, node_id);
  EXPECT_EQ(broker.durability, Durability::kFlush);
  EXPECT_EQ(broker.default_replication_factor, 3);
  EXPECT_EQ(broker.topic_defaults.min_insync_replicas, 2);
  EXPECT_TRUE(places.ports.insert(broker.listener.endpoint.port).second);
  EXPECT_TRUE(places.directories.insert(broker.log_dirs.front()).second);
}

void CheckController(const ControllerConfig& controller, int node_id, Places& places) {
  EXPECT_EQ(controller.node_id, node_id);
  EXPECT_EQ(controller.min_insync_replicas, 2);
  ASSERT_EQ(controller.voters.size(), 3u);
  EXPECT_EQ(controller.voters.at(node_id), controller.listener.endpoint);
  EXPECT_TRUE(places.ports.insert(controller.listener.endpoint.port).second);
}

TEST(ExampleFiles, ThreeCombinedNodes) {
  Diagnostics diagnostics;
  Places places;
  std::set<std::map<int32_t, Endpoint>> voters;
  for (int id = 1; id <= 3; ++id) {
    const Config config =
        LoadConfig(kNodeScopes, SourcesOf(fmt::format("three-node/node-{}.toml", id)), diagnostics);
    const absl::StatusOr<CombinedConfig> node = BuildCombinedConfig(config, diagnostics);
    ASSERT_TRUE(node.ok()) << diagnostics.Render();
    CheckBroker(node->broker, id, places);
    CheckController(node->controller, id, places);
    voters.insert(node->controller.voters);
  }
  EXPECT_EQ(voters.size(), 1u);
  EXPECT_EQ(diagnostics.Render(), "");
}

TEST(ExampleFiles, SeparateControllers) {
  Diagnostics diagnostics;
  Places places;
  std::vector<Endpoint> listeners;
  for (int id = 101; id <= 103; ++id) {
    const Config config = LoadConfig(
        kNodeScopes, SourcesOf(fmt::format("separate/controller-{}.toml", id)), diagnostics);
    const absl::StatusOr<ControllerConfig> controller = BuildControllerConfig(config, diagnostics);
    ASSERT_TRUE(controller.ok()) << diagnostics.Render();
    CheckController(*controller, id, places);
    EXPECT_TRUE(places.directories.insert(controller->metadata_log_dir).second);
    listeners.push_back(controller->listener.endpoint);
  }
  for (int id = 1; id <= 3; ++id) {
    const Config config =
        LoadConfig(kNodeScopes, SourcesOf(fmt::format("separate/broker-{}.toml", id)), diagnostics);
    const absl::StatusOr<BrokerConfig> broker = BuildBrokerConfig(config, diagnostics);
    ASSERT_TRUE(broker.ok()) << diagnostics.Render();
    CheckBroker(*broker, id, places);
    EXPECT_EQ(broker->controllers, listeners);
  }
  EXPECT_EQ(diagnostics.Render(), "");
}

}  // namespace
}  // namespace soliton::config
