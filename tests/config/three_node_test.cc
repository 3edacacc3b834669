// The example files load without a word.
#include <gtest/gtest.h>

#include <set>

#include "config/broker_config.h"
#include "config/controller_config.h"
#include "config/load_config.h"
#include "runtime/file/posix_file_system.h"

namespace soliton::config {
namespace {

ConfigSources SourcesOf(const std::string& name) {
  const std::string path = JoinPath(SOLITON_SOURCE_DIR, "config/three-node/" + name);
  absl::StatusOr<std::string> text = ReadFile(PosixFileSystem(), path);
  EXPECT_TRUE(text.ok()) << text.status();
  return {.file_name = path, .file_text = text.value_or("")};
}

TEST(ThreeNode, FilesAreCleanAndFitTogether) {
  Diagnostics diagnostics;
  const Config controller_config =
      LoadConfig(kNodeScopes, SourcesOf("controller.toml"), diagnostics);
  const absl::StatusOr<ControllerConfig> controller =
      BuildControllerConfig(controller_config, diagnostics);
  ASSERT_TRUE(controller.ok()) << diagnostics.Render();
  EXPECT_EQ(controller->node_id, 100);

  std::set<uint16_t> ports = {controller->listener.endpoint.port};
  std::set<std::string> directories = {controller->metadata_log_dir};
  for (int node = 1; node <= 3; ++node) {
    const Config config =
        LoadConfig(kNodeScopes, SourcesOf(fmt::format("broker-{}.toml", node)), diagnostics);
    const absl::StatusOr<BrokerConfig> broker = BuildBrokerConfig(config, diagnostics);
    ASSERT_TRUE(broker.ok()) << diagnostics.Render();
    EXPECT_EQ(broker->node_id, node);
    EXPECT_EQ(broker->controllers, std::vector<Endpoint>{controller->listener.endpoint});
    EXPECT_EQ(broker->durability, Durability::kFlush);
    EXPECT_EQ(broker->num_partitions, controller->num_partitions);
    EXPECT_EQ(broker->topic_defaults.min_insync_replicas, controller->min_insync_replicas);
    EXPECT_TRUE(ports.insert(broker->listener.endpoint.port).second);
    EXPECT_TRUE(directories.insert(broker->log_dirs.front()).second);
  }
  EXPECT_EQ(diagnostics.Render(), "");
}

}  // namespace
}  // namespace soliton::config
