// A process that is broker and controller: its settings, Kafka's own files, and what contradicts
// itself.
#include "config/combined_config.h"

#include <gtest/gtest.h>

#include "config/load_config.h"
#include "runtime/file/posix_file_system.h"

namespace soliton::config {
namespace {

struct Built {
  absl::StatusOr<CombinedConfig> node;
  std::string rendered;
  int warnings = 0;
};

Built Build(const std::string& name, const std::string& text) {
  Diagnostics diagnostics;
  const Config config =
      LoadConfig(kNodeScopes, {.file_name = name, .file_text = text}, diagnostics);
  absl::StatusOr<CombinedConfig> node = BuildCombinedConfig(config, diagnostics);
  return {std::move(node), diagnostics.Render(), diagnostics.warning_count()};
}

constexpr const char* kNode = "node.id = 1\nprocess.roles = \"broker,controller\"\n";
constexpr const char* kListeners =
    "listeners = \"PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\"\n";

TEST(CombinedConfig, TwoLinesAreEnough) {
  const Built built = Build("n.toml", kNode);
  ASSERT_TRUE(built.node.ok()) << built.rendered;
  EXPECT_EQ(built.node->broker.node_id, 1);
  EXPECT_EQ(built.node->controller.node_id, 1);
  EXPECT_EQ(built.node->broker.listener, (NamedEndpoint{"PLAINTEXT", {"", 9092}}));
  EXPECT_EQ(built.node->controller.listener, (NamedEndpoint{"CONTROLLER", {"", 9093}}));
  EXPECT_TRUE(built.node->broker.controllers.empty());
  EXPECT_EQ(built.node->broker.log_dirs.front(), built.node->controller.metadata_log_dir);
}

TEST(CombinedConfig, SettingsOfBothRolesCount) {
  const Built built =
      Build("n.toml", std::string(kNode) + kListeners +
                          "controller.probe.timeout.ms = 100\nreplica.lag.time.max.ms = 2000\n"
                          "log.dirs = \"/d\"\nmetadata.log.dir = \"/m\"\ncluster.id = \"c\"\n");
  ASSERT_TRUE(built.node.ok()) << built.rendered;
  EXPECT_EQ(built.rendered, "");
  EXPECT_EQ(built.node->broker.replica_lag_time_max_ms, 2000);
  EXPECT_EQ(built.node->controller.controller_probe_timeout_ms, 100);
  EXPECT_EQ(built.node->controller.metadata_log_dir, "/m");
  EXPECT_EQ(built.node->broker.log_dirs, std::vector<std::string>{"/d"});
  EXPECT_EQ(built.node->broker.cluster_id, "c");
  EXPECT_EQ(built.node->controller.cluster_id, "c");
}

// Ways to say that a node is its own controller.
TEST(CombinedConfig, ItNamesItself) {
  const std::string any = "listeners = \"PLAINTEXT://:9092,CONTROLLER://:9093\"\n";
  const std::string kSelf[] = {
      std::string(kListeners) + "controller.quorum.voters = \"1@127.0.0.1:9093\"\n",
      std::string(kListeners) + "controller.quorum.voters = \"1@some.name:9093\"\n",
      std::string(kListeners) + "controller.quorum.bootstrap.servers = \"127.0.0.1:9093\"\n",
      std::string(kListeners) + "controller.quorum.bootstrap.servers = \"localhost:9093\"\n",
      std::string(kListeners) +
          "controller.quorum.bootstrap.servers = \"localhost:9093\"\n"
          "controller.quorum.voters = \"1@localhost:9093\"\n",
      any + "controller.quorum.bootstrap.servers = \"some.name:9093\"\n",
      "listeners = \"PLAINTEXT://10.0.0.4:9092,CONTROLLER://10.0.0.4:9093\"\n"
      "advertised.listeners = \"PLAINTEXT://10.0.0.4:9092,CONTROLLER://some.name:9093\"\n"
      "controller.quorum.bootstrap.servers = \"some.name:9093\"\n",
      // Any free port: it cannot be known what will be named.
      "listeners = \"PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0\"\n"
      "controller.quorum.voters = \"1@localhost:9093\"\n",
      // As in Kafka, the listeners of controllers are plain text unless the map says otherwise.
      "listeners = \"PLAINTEXT://127.0.0.1:9092,QUORUM://127.0.0.1:9093\"\n"
      "controller.listener.names = \"QUORUM\"\n",
  };
  for (const std::string& extra : kSelf) {
    const Built built = Build("n.toml", kNode + extra);
    EXPECT_TRUE(built.node.ok()) << extra << built.rendered;
    EXPECT_EQ(built.rendered.find("quorum"), std::string::npos) << extra << built.rendered;
  }
}

struct Wrong {
  std::string extra;  // after kNode
  const char* expected;
};

TEST(CombinedConfig, WrongCombinationsSayTheFix) {
  const Wrong kWrong[] = {
      {"listeners = \"PLAINTEXT://127.0.0.1:9092\"\n",
       "error: 'listeners' has none of the controller's listeners (CONTROLLER)\n"
       "  at: n.toml:3:13\n"
       "    3 | listeners = \"PLAINTEXT://127.0.0.1:9092\"\n"
       "      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ add one for controllers beside the one "
       "for "
       "clients: PLAINTEXT://host:9092,CONTROLLER://host:9093\n"},
      {"listeners = \"CONTROLLER://127.0.0.1:9093\"\n",
       "error: 'listeners' has no listener for clients\n"},
      {"listeners = \"PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9092\"\n",
       "error: two listeners use port 9092\n"
       "  at: n.toml:3:13\n"
       "    3 | listeners = \"PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9092\"\n"
       "      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ give each "
       "a port of its own\n"},
      {"listeners = \"PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9092\"\n",
       "error: two listeners use port 9092\n"},
      {std::string(kListeners) + "controller.quorum.voters = \"2@127.0.0.1:9093\"\n",
       "error: node 1 is not among controller.quorum.voters\n"
       "  at: n.toml:4:28\n"
       "    4 | controller.quorum.voters = \"2@127.0.0.1:9093\"\n"
       "      |                            ^^^^^^^^^^^^^^^^^^ "
       "controller.quorum.voters = \"1@host:9093\"\n"},
      {std::string(kListeners) + "controller.quorum.voters = \"1@127.0.0.1:9094\"\n",
       "error: controller.quorum.voters has this node at port 9094, but its CONTROLLER listener "
       "uses 9093\n"},
      {std::string(kListeners) + "controller.quorum.voters = \"1@h:9093,1@h:9094,3@h:9095\"\n",
       "error: controller.quorum.voters names node 1 twice\n"},
      {std::string(kListeners) + "controller.quorum.voters = \"127.0.0.1:9093\"\n",
       "error: bad value '127.0.0.1:9093' for 'controller.quorum.voters'\n"},
      {std::string(kListeners) + "controller.quorum.bootstrap.servers = \"127.0.0.1:9094\"\n",
       "error: controller.quorum.bootstrap.servers names 127.0.0.1:9094, which is not this "
       "controller: its CONTROLLER listener uses port 9093\n"},
      {std::string(kListeners) + "controller.quorum.bootstrap.servers = \"a:9093,b:9093\"\n",
       "error: controller.quorum.bootstrap.servers names 2 controllers, but which nodes they are "
       "is "
       "not known\n"},
      {"listeners = \"PLAINTEXT://127.0.0.1:9092,QUORUM://127.0.0.1:9093\"\n"
       "controller.listener.names = \"QUORUM\"\n"
       "listener.security.protocol.map = \"PLAINTEXT:PLAINTEXT\"\n",
       "error: listener QUORUM has no security protocol\n"},
      {std::string(kListeners) +
           "listener.security.protocol.map = \"PLAINTEXT:PLAINTEXT,CONTROLLER:SASL_SSL\"\n",
       "error: listener CONTROLLER asks for SASL_SSL\n"},
      {"listeners = \"SSL://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\"\n",
       "error: listener SSL asks for SSL\n"},
      {std::string(kListeners) + "inter.broker.listener.name = \"CONTROLLER\"\n",
       "error: there is no listener named 'CONTROLLER'\n"},
      {std::string(kListeners) + "log.dirs = \"/a,/b\"\n",
       "error: only one directory in log.dirs is supported so far\n"},
  };
  for (const Wrong& wrong : kWrong) {
    const Built built = Build("n.toml", kNode + wrong.extra);
    EXPECT_FALSE(built.node.ok()) << wrong.extra;
    const size_t first = built.rendered.find(wrong.expected);
    EXPECT_NE(first, std::string::npos) << wrong.extra << "\n" << built.rendered;
    EXPECT_EQ(built.rendered.find(wrong.expected, first + 1), std::string::npos)
        << "said twice: " << built.rendered;
  }
}

TEST(CombinedConfig, ABootstrapServerThatMayBeAnotherMachineIsAWarning) {
  const Built built =
      Build("n.toml", std::string(kNode) +
                          "listeners = \"PLAINTEXT://10.0.0.4:9092,CONTROLLER://10.0.0.4:9093\"\n"
                          "controller.quorum.bootstrap.servers = \"some.name:9093\"\n");
  EXPECT_TRUE(built.node.ok()) << built.rendered;
  EXPECT_EQ(built.rendered,
            "warning: controller.quorum.bootstrap.servers names some.name:9093, this controller "
            "listens on 10.0.0.4:9093\n"
            "  at: n.toml:4:39   if that is another machine, this one begins a cluster of its "
            "own\n");
}

TEST(SingleNodeFile, IsReadWithoutAWord) {
  const absl::StatusOr<std::string> text =
      ReadFile(PosixFileSystem(), SOLITON_SOURCE_DIR "/config/single-node.toml");
  ASSERT_TRUE(text.ok()) << text.status();
  const Built built = Build("single-node.toml", *text);
  EXPECT_TRUE(built.node.ok());
  EXPECT_EQ(built.rendered, "");
}

// As Kafka ships them: read unchanged, one warning with its place for each key without effect.
TEST(KafkaFile, IsReadUnchanged) {
  for (const char* name : {"server.properties", "kraft-server.properties"}) {
    SCOPED_TRACE(name);
    const absl::StatusOr<std::string> text =
        ReadFile(PosixFileSystem(),
                 JoinPath(SOLITON_SOURCE_DIR, std::string("tests/testdata/kafka/") + name));
    ASSERT_TRUE(text.ok()) << text.status();
    const Built built = Build("server.properties", *text);
    ASSERT_TRUE(built.node.ok()) << built.rendered;
    EXPECT_EQ(built.node->broker.node_id, 1);
    EXPECT_EQ(built.node->broker.listener, (NamedEndpoint{"PLAINTEXT", {"", 9092}}));
    EXPECT_EQ(built.node->broker.advertised_listener,
              (NamedEndpoint{"PLAINTEXT", {"localhost", 9092}}));
    EXPECT_EQ(built.node->controller.listener, (NamedEndpoint{"CONTROLLER", {"", 9093}}));
    EXPECT_EQ(built.node->broker.log_dirs, std::vector<std::string>{"/tmp/kraft-combined-logs"});
    EXPECT_EQ(built.node->broker.topic_defaults.retention_ms, 604800000);
    EXPECT_EQ(built.node->broker.topic_defaults.segment_bytes, 1 << 30);
    const char* kWithoutEffect[] = {"num.network.threads",
                                    "num.io.threads",
                                    "socket.send.buffer.bytes",
                                    "socket.receive.buffer.bytes",
                                    "num.recovery.threads.per.data.dir",
                                    "offsets.topic.replication.factor",
                                    "transaction.state.log.replication.factor",
                                    "transaction.state.log.min.isr",
                                    "share.coordinator.state.topic.replication.factor",
                                    "share.coordinator.state.topic.min.isr"};
    for (const char* key : kWithoutEffect) {
      const std::string warning =
          fmt::format("warning: '{}' is accepted but has no effect\n  at: server.properties:", key);
      const size_t first = built.rendered.find(warning);
      EXPECT_NE(first, std::string::npos) << key << "\n" << built.rendered;
      EXPECT_EQ(built.rendered.find(warning, first + 1), std::string::npos) << key;
    }
    EXPECT_EQ(built.warnings, static_cast<int>(std::size(kWithoutEffect)) + 1) << built.rendered;
    EXPECT_NE(built.rendered.find("clients on other machines are told to connect to 'localhost'"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace soliton::config
