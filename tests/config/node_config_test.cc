// Broker and controller options from settings, and the checks across settings.
#include <gtest/gtest.h>

#include "config/broker_config.h"
#include "config/controller_config.h"
#include "config/load_config.h"

namespace soliton::config {
namespace {

constexpr const char* kBroker =
    "node.id = 1\nlisteners = \"PLAINTEXT://127.0.0.1:9092\"\n"
    "controller.quorum.bootstrap.servers = \"127.0.0.1:9093\"\n";

struct Built {
  absl::StatusOr<BrokerConfig> broker;
  std::string rendered;
};

Built Broker(const std::string& text) {
  Diagnostics diagnostics;
  const Config config =
      LoadConfig(kNodeScopes, {.file_name = "b.toml", .file_text = text}, diagnostics);
  absl::StatusOr<BrokerConfig> broker = BuildBrokerConfig(config, diagnostics);
  return {std::move(broker), diagnostics.Render()};
}

struct BuiltController {
  absl::StatusOr<ControllerConfig> controller;
  std::string rendered;
};

BuiltController Controller(const std::string& text) {
  Diagnostics diagnostics;
  const Config config =
      LoadConfig(kNodeScopes, {.file_name = "c.toml", .file_text = text}, diagnostics);
  absl::StatusOr<ControllerConfig> controller = BuildControllerConfig(config, diagnostics);
  return {std::move(controller), diagnostics.Render()};
}

TEST(BrokerConfig, Minimal) {
  const Built built = Broker(kBroker);
  ASSERT_TRUE(built.broker.ok()) << built.rendered;
  EXPECT_EQ(built.rendered, "");
  EXPECT_EQ(built.broker->node_id, 1);
  EXPECT_EQ(built.broker->listener, (NamedEndpoint{"PLAINTEXT", {"127.0.0.1", 9092}}));
  EXPECT_EQ(built.broker->advertised_listener, built.broker->listener);
  EXPECT_EQ(built.broker->controllers, (std::vector<Endpoint>{{"127.0.0.1", 9093}}));
}

TEST(BrokerConfig, StructDefaultsAreTheTables) {
  const Built built = Broker(kBroker);
  ASSERT_TRUE(built.broker.ok());
  const BrokerConfig& given = *built.broker;
  const BrokerConfig defaults;
  EXPECT_EQ(given.cluster_id, defaults.cluster_id);
  EXPECT_EQ(given.rack, defaults.rack);
  EXPECT_EQ(given.log_dirs, defaults.log_dirs);
  EXPECT_EQ(given.durability, defaults.durability);
  EXPECT_EQ(given.shards, defaults.shards);
  EXPECT_EQ(given.log_level, defaults.log_level);
  EXPECT_EQ(given.num_partitions, defaults.num_partitions);
  EXPECT_EQ(given.default_replication_factor, defaults.default_replication_factor);
  EXPECT_EQ(given.auto_create_topics_enable, defaults.auto_create_topics_enable);
  EXPECT_EQ(given.replica_lag_time_max_ms, defaults.replica_lag_time_max_ms);
  EXPECT_EQ(given.replica_fetch_max_bytes, defaults.replica_fetch_max_bytes);
  EXPECT_EQ(given.replica_fetch_response_max_bytes, defaults.replica_fetch_response_max_bytes);
  EXPECT_EQ(given.replica_fetch_wait_max_ms, defaults.replica_fetch_wait_max_ms);
  EXPECT_EQ(given.broker_heartbeat_interval_ms, defaults.broker_heartbeat_interval_ms);
  EXPECT_EQ(given.broker_session_timeout_ms, defaults.broker_session_timeout_ms);
  EXPECT_EQ(given.socket_request_max_bytes, defaults.socket_request_max_bytes);
  EXPECT_EQ(given.fetch_max_bytes, defaults.fetch_max_bytes);
  EXPECT_EQ(given.controlled_shutdown_enable, defaults.controlled_shutdown_enable);
  EXPECT_EQ(given.controlled_shutdown_timeout_ms, defaults.controlled_shutdown_timeout_ms);
  EXPECT_EQ(given.queued_max_request_bytes, defaults.queued_max_request_bytes);
  EXPECT_EQ(given.connections_max_idle_ms, defaults.connections_max_idle_ms);
  EXPECT_EQ(given.connections_frame_timeout_ms, defaults.connections_frame_timeout_ms);
  EXPECT_EQ(given.connections_send_timeout_ms, defaults.connections_send_timeout_ms);
  EXPECT_EQ(given.max_connections, defaults.max_connections);
  EXPECT_EQ(given.storage_min_free_bytes, defaults.storage_min_free_bytes);
  EXPECT_EQ(given.max_connections_per_ip, defaults.max_connections_per_ip);
  EXPECT_EQ(given.log_retention_check_interval_ms, defaults.log_retention_check_interval_ms);
  EXPECT_EQ(given.log_flush_offset_checkpoint_interval_ms,
            defaults.log_flush_offset_checkpoint_interval_ms);
  EXPECT_EQ(given.topic_defaults, defaults.topic_defaults);
}

TEST(BrokerConfig, EverySettingArrives) {
  const Built built = Broker(
      "node.id = 7\ncluster.id = \"c\"\nbroker.rack = \"r1\"\n"
      "listeners = [\"CLIENTS://0.0.0.0:1092\"]\nadvertised.listeners = \"CLIENTS://b7:2092\"\n"
      "listener.security.protocol.map = \"CLIENTS:PLAINTEXT\"\n"
      "inter.broker.listener.name = \"CLIENTS\"\n"
      "controller.quorum.voters = \"100@c1:9093\"\n"
      "log.dirs = \"/d\"\ndurability = \"page-cache\"\nshards = 3\nlog.level = \"debug\"\n"
      "num.partitions = 4\ndefault.replication.factor = 3\nmin.insync.replicas = 2\n"
      "auto.create.topics.enable = false\nreplica.lag.time.max.ms = \"10s\"\n"
      "replica.fetch.max.bytes = \"2MiB\"\nreplica.fetch.response.max.bytes = \"20MiB\"\n"
      "replica.fetch.wait.max.ms = 100\nbroker.heartbeat.interval.ms = 200\n"
      "broker.session.timeout.ms = 2000\nsocket.request.max.bytes = \"50MiB\"\n"
      "fetch.max.bytes = \"5MiB\"\nlog.retention.check.interval.ms = \"1m\"\n"
      "log.flush.offset.checkpoint.interval.ms = \"30s\"\n"
      "controlled.shutdown.enable = false\ncontrolled.shutdown.timeout.ms = 70\n"
      "queued.max.request.bytes = \"8MiB\"\nconnections.max.idle.ms = \"2m\"\n"
      "connections.frame.timeout.ms = \"4s\"\nconnections.send.timeout.ms = \"5s\"\n"
      "storage.min.free.bytes = \"3GiB\"\nmax.connections = 600\n\"max.connections.per.ip\" = "
      "70\n");
  ASSERT_TRUE(built.broker.ok()) << built.rendered;
  EXPECT_EQ(built.rendered, "");
  const BrokerConfig& b = *built.broker;
  EXPECT_EQ(b.node_id, 7);
  EXPECT_EQ(b.cluster_id, "c");
  EXPECT_EQ(b.rack, "r1");
  EXPECT_EQ(b.listener, (NamedEndpoint{"CLIENTS", {"0.0.0.0", 1092}}));
  EXPECT_EQ(b.advertised_listener, (NamedEndpoint{"CLIENTS", {"b7", 2092}}));
  EXPECT_EQ(b.controllers, (std::vector<Endpoint>{{"c1", 9093}}));
  EXPECT_EQ(b.log_dirs, std::vector<std::string>{"/d"});
  EXPECT_EQ(b.durability, Durability::kPageCache);
  EXPECT_EQ(b.shards, 3);
  EXPECT_EQ(b.log_level, "debug");
  EXPECT_EQ(b.num_partitions, 4);
  EXPECT_EQ(b.default_replication_factor, 3);
  EXPECT_EQ(b.topic_defaults.min_insync_replicas, 2);
  EXPECT_FALSE(b.auto_create_topics_enable);
  EXPECT_EQ(b.replica_lag_time_max_ms, 10000);
  EXPECT_EQ(b.replica_fetch_max_bytes, 2 << 20);
  EXPECT_EQ(b.replica_fetch_response_max_bytes, 20 << 20);
  EXPECT_EQ(b.replica_fetch_wait_max_ms, 100);
  EXPECT_EQ(b.broker_heartbeat_interval_ms, 200);
  EXPECT_EQ(b.broker_session_timeout_ms, 2000);
  EXPECT_EQ(b.socket_request_max_bytes, 50 << 20);
  EXPECT_EQ(b.fetch_max_bytes, 5 << 20);
  EXPECT_EQ(b.log_retention_check_interval_ms, 60000);
  EXPECT_EQ(b.log_flush_offset_checkpoint_interval_ms, 30000);
  EXPECT_FALSE(b.controlled_shutdown_enable);
  EXPECT_EQ(b.controlled_shutdown_timeout_ms, 70);
  EXPECT_EQ(b.queued_max_request_bytes, 8 << 20);
  EXPECT_EQ(b.connections_max_idle_ms, 120000);
  EXPECT_EQ(b.connections_frame_timeout_ms, 4000);
  EXPECT_EQ(b.connections_send_timeout_ms, 5000);
  EXPECT_EQ(b.max_connections, 600);
  EXPECT_EQ(b.storage_min_free_bytes, int64_t{3} << 30);
  EXPECT_EQ(b.max_connections_per_ip, 70);
}

struct CrossCheck {
  std::string extra;  // after kBroker's lines, or a whole file when it begins with '!'
  const char* expected;
};

TEST(BrokerConfig, ErrorsAcrossSettings) {
  const CrossCheck kChecks[] = {
      {"!",
       "error: 'node.id' is missing\n  hint: every node needs a number of its own: node.id = 1\n"},
      {"!node.id = 1\n", "error: no controller is named\n"},
      {"process.roles = \"controller\"\n",
       "error: process.roles is 'controller', but this starts a broker\n  at: b.toml:4:17\n"},
      {"process.roles = [\"broker\", \"controller\"]\n",
       "error: process.roles is 'broker,controller', but this starts a broker\n"},
      {"log.dirs = []\n", "error: 'log.dirs' is empty\n"},
      {"log.dirs = \"/a,/b\"\n", "error: only one directory in log.dirs is supported so far\n"},
      {"advertised.listeners = \"PLAINTEXT://0.0.0.0:9092\"\n",
       "error: advertised.listeners must name an address that clients can connect to\n"
       "  at: b.toml:4:24\n"},
      {"advertised.listeners = \"PLAINTEXT://:9092\"\n",
       "error: advertised.listeners must name an address that clients can connect to\n"},
      {"advertised.listeners = \"OTHER://h:9092\"\n",
       "error: listener OTHER has no security protocol\n"},
      {"inter.broker.listener.name = \"INTERNAL\"\n",
       "error: there is no listener named 'INTERNAL'\n"},
      {"listener.security.protocol.map = \"PLAINTEXT:SSL\"\n",
       "error: listener PLAINTEXT asks for SSL\n"},
      {"listener.security.protocol.map = \"PLAINTEXT\"\n",
       "error: bad value 'PLAINTEXT' for 'listener.security.protocol.map'\n"},
      {"!node.id = 1\nlisteners = \"SASL_SSL://h:1\"\n"
       "controller.quorum.bootstrap.servers = \"c:1\"\n",
       "error: listener SASL_SSL asks for SASL_SSL\n"},
      {"!node.id = 1\nlisteners = \"PLAINTEXT://h:1,CONTROLLER://h:1\"\n"
       "controller.quorum.bootstrap.servers = \"c:1\"\n",
       "error: two listeners use port 1\n"},
      {"!node.id = 1\nlisteners = \"PLAINTEXT://h:1,PLAINTEXT://h:2\"\n"
       "controller.quorum.bootstrap.servers = \"c:1\"\n",
       "error: two listeners have the name PLAINTEXT\n"},
      {"!node.id = 1\nlisteners = \"CONTROLLER://h:1\"\n"
       "controller.quorum.bootstrap.servers = \"c:1\"\n",
       "error: 'listeners' has no listener for clients\n"},
      {"!node.id = 1\nlisteners = \"PLAINTEXT://h:1\"\n"
       "controller.quorum.bootstrap.servers = \"h:1\"\n",
       "error: the broker listens on its controller's address h:1\n"},
      {"!node.id = 1\nlisteners = \"PLAINTEXT://h:1\"\ncontroller.quorum.voters = \"1@c:1\"\n",
       "error: node.id 1 is a controller's\n"},
      {"!node.id = 1\nlisteners = \"PLAINTEXT://h:1\"\ncontroller.quorum.voters = \"c:1\"\n",
       "error: bad value 'c:1' for 'controller.quorum.voters'\n"},
  };
  for (const CrossCheck& check : kChecks) {
    const Built built =
        Broker(check.extra.starts_with('!') ? check.extra.substr(1) : kBroker + check.extra);
    EXPECT_FALSE(built.broker.ok()) << check.extra;
    EXPECT_NE(built.rendered.find(check.expected), std::string::npos) << check.extra << "\n"
                                                                      << built.rendered;
  }
}

TEST(BrokerConfig, ABadNodeIdIsNotAlsoMissing) {
  const Built built = Broker("node.id = -1\ncontroller.quorum.bootstrap.servers = \"c\"\n");
  EXPECT_EQ(built.rendered.find("is missing"), std::string::npos) << built.rendered;
  EXPECT_EQ(built.rendered.find("no controller"), std::string::npos) << built.rendered;
}

TEST(BrokerConfig, WarningsAcrossSettings) {
  const CrossCheck kChecks[] = {
      {"default.replication.factor = 3\nmin.insync.replicas = 3\n",
       "warning: min.insync.replicas = 3 equals default.replication.factor = 3\n"
       "  at: b.toml:5:1   one failed broker will stop acks=all producers\n"},
      {"min.insync.replicas = 2\n",
       "warning: min.insync.replicas = 2 is above default.replication.factor = 1\n"},
      {"advertised.listeners = \"PLAINTEXT://10.0.0.1:9092\"\n", ""},
      {"!node.id = 1\nlisteners = \"PLAINTEXT://:9092\"\n"
       "controller.quorum.bootstrap.servers = \"c:1\"\n",
       "warning: listening on all interfaces, but clients are told 'localhost'\n"},
      {"!node.id = 1\nlisteners = \"PLAINTEXT://:9092\"\n"
       "advertised.listeners = \"PLAINTEXT://127.0.0.1:9092\"\n"
       "controller.quorum.bootstrap.servers = \"c:1\"\n",
       "warning: clients on other machines are told to connect to '127.0.0.1'\n"},
      {"broker.heartbeat.interval.ms = 6000\n",
       "warning: broker.heartbeat.interval.ms = 6000 is more than half of "
       "broker.session.timeout.ms = 9000\n"},
      {"log.retention.bytes = 1000000\n",
       "warning: log.retention.bytes = 1000000 is less than one segment "
       "(log.segment.bytes = 1073741824)\n"},
      {"durability = \"page-cache\"\n",
       "warning: durability = page-cache with default.replication.factor = 1\n"},
      {"message.max.bytes = \"200MiB\"\n",
       "warning: message.max.bytes is above socket.request.max.bytes\n"},
      {"controller.probe.timeout.ms = 100\n",
       "warning: 'controller.probe.timeout.ms' has no effect on a broker\n"
       "  at: b.toml:4:1   it is a setting of: controller\n"},
  };
  for (const CrossCheck& check : kChecks) {
    const Built built =
        Broker(check.extra.starts_with('!') ? check.extra.substr(1) : kBroker + check.extra);
    EXPECT_TRUE(built.broker.ok()) << check.extra << "\n" << built.rendered;
    EXPECT_NE(built.rendered.find(check.expected), std::string::npos) << check.extra << "\n"
                                                                      << built.rendered;
  }
}

TEST(BrokerConfig, PortZeroPicksAnyPort) {
  const Built built = Broker(
      "node.id = 1\nlisteners = \"PLAINTEXT://127.0.0.1:0\"\n"
      "controller.quorum.bootstrap.servers = \"127.0.0.1:9093\"\n");
  ASSERT_TRUE(built.broker.ok()) << built.rendered;
  EXPECT_EQ(built.broker->listener.endpoint.port, 0);
  EXPECT_EQ(built.broker->advertised_listener.endpoint.port, 0);
}

TEST(ControllerConfig, EverySettingArrives) {
  const BuiltController built = Controller(
      "node.id = 100\nprocess.roles = \"controller\"\ncluster.id = \"c\"\n"
      "listeners = \"CONTROLLER://127.0.0.1:19100\"\n"
      "controller.quorum.voters = \"100@127.0.0.1:19100\"\n"
      "log.dirs = \"/d\"\nlog.level = \"warn\"\nbroker.session.timeout.ms = \"3s\"\n"
      "controller.probe.timeout.ms = 250\nnum.partitions = 6\ndefault.replication.factor = 3\n"
      "min.insync.replicas = 2\nunclean.leader.election.enable = true\n"
      "max.partitions.per.request = 50\nauto.leader.rebalance.enable = false\n"
      "leader.imbalance.check.interval.seconds = 30\n"
      "leader.imbalance.per.broker.percentage = 5\n");
  ASSERT_TRUE(built.controller.ok()) << built.rendered;
  EXPECT_EQ(built.rendered, "");
  const ControllerConfig& c = *built.controller;
  EXPECT_EQ(c.node_id, 100);
  EXPECT_EQ(c.cluster_id, "c");
  EXPECT_EQ(c.listener, (NamedEndpoint{"CONTROLLER", {"127.0.0.1", 19100}}));
  EXPECT_EQ(c.metadata_log_dir, "/d");
  EXPECT_EQ(c.log_level, "warn");
  EXPECT_EQ(c.broker_session_timeout_ms, 3000);
  EXPECT_EQ(c.controller_probe_timeout_ms, 250);
  EXPECT_EQ(c.num_partitions, 6);
  EXPECT_EQ(c.default_replication_factor, 3);
  EXPECT_EQ(c.min_insync_replicas, 2);
  EXPECT_TRUE(c.unclean_leader_election_enable);
  EXPECT_EQ(c.max_partitions_per_request, 50);
  EXPECT_FALSE(c.auto_leader_rebalance_enable);
  EXPECT_EQ(c.leader_imbalance_check_interval_seconds, 30);
  EXPECT_EQ(c.leader_imbalance_per_broker_percentage, 5);
}

TEST(ControllerConfig, StructDefaultsAreTheTables) {
  const BuiltController built = Controller("node.id = 100\n");
  ASSERT_TRUE(built.controller.ok()) << built.rendered;
  const ControllerConfig& given = *built.controller;
  const ControllerConfig defaults;
  EXPECT_EQ(given.listener, defaults.listener);
  EXPECT_EQ(given.metadata_log_dir, defaults.metadata_log_dir);
  EXPECT_EQ(given.broker_session_timeout_ms, defaults.broker_session_timeout_ms);
  EXPECT_EQ(given.controller_probe_timeout_ms, defaults.controller_probe_timeout_ms);
  EXPECT_EQ(given.num_partitions, defaults.num_partitions);
  EXPECT_EQ(given.default_replication_factor, defaults.default_replication_factor);
  EXPECT_EQ(given.min_insync_replicas, defaults.min_insync_replicas);
  EXPECT_EQ(given.unclean_leader_election_enable, defaults.unclean_leader_election_enable);
  EXPECT_EQ(given.max_partitions_per_request, defaults.max_partitions_per_request);
  EXPECT_EQ(given.auto_leader_rebalance_enable, defaults.auto_leader_rebalance_enable);
  EXPECT_EQ(given.leader_imbalance_check_interval_seconds,
            defaults.leader_imbalance_check_interval_seconds);
  EXPECT_EQ(given.leader_imbalance_per_broker_percentage,
            defaults.leader_imbalance_per_broker_percentage);
}

TEST(ControllerConfig, MetadataDirectoryOfItsOwn) {
  const BuiltController built = Controller("node.id = 1\nmetadata.log.dir = \"/m\"\n");
  ASSERT_TRUE(built.controller.ok());
  EXPECT_EQ(built.controller->metadata_log_dir, "/m");
}

TEST(ControllerConfig, VotersFoundTheQuorum) {
  const BuiltController built =
      Controller("node.id = 1\ncontroller.quorum.voters = \"1@a:9093,2@b:9094,3@c:9095\"\n");
  ASSERT_TRUE(built.controller.ok()) << built.rendered;
  EXPECT_EQ(built.rendered, "");
  const std::map<int32_t, Endpoint> voters = {{1, {"a", 9093}}, {2, {"b", 9094}}, {3, {"c", 9095}}};
  EXPECT_EQ(built.controller->voters, voters);
}

TEST(ControllerConfig, OneThatIsNotAmongTheVotersWaitsToBeAdded) {
  const std::string voters = "node.id = 4\ncontroller.quorum.voters = \"1@a:9093\"\n";
  const BuiltController built = Controller(voters + "listeners = \"CONTROLLER://d:9096\"\n");
  ASSERT_TRUE(built.controller.ok()) << built.rendered;
  EXPECT_EQ(built.rendered,
            "warning: node 4 is not among controller.quorum.voters: it follows them without a "
            "vote\n  at: c.toml:2:28   soliton cluster quorum add 4\n");
  EXPECT_EQ(built.controller->advertised, (Endpoint{"d", 9096}));
  const BuiltController behind =
      Controller(voters +
                 "listeners = \"CONTROLLER://:9096\"\n"
                 "advertised.listeners = \"CONTROLLER://outside:19096\"\n");
  ASSERT_TRUE(behind.controller.ok()) << behind.rendered;
  EXPECT_EQ(behind.controller->advertised, (Endpoint{"outside", 19096}));
  for (const auto& [listener, hint] :
       {std::pair{"CONTROLLER://:9096", "it needs an address of its own"},
        std::pair{"CONTROLLER://a:9093", "controller.quorum.voters = \"4@host:9093\""}}) {
    const BuiltController wrong = Controller(voters + "listeners = \"" + listener + "\"\n");
    EXPECT_FALSE(wrong.controller.ok()) << listener;
    EXPECT_NE(wrong.rendered.find("error: node 4 is not among"), std::string::npos)
        << wrong.rendered;
    EXPECT_NE(wrong.rendered.find(hint), std::string::npos) << wrong.rendered;
  }
}

TEST(ControllerConfig, AnEvenNumberOfVotersIsAWarning) {
  const BuiltController built =
      Controller("node.id = 1\ncontroller.quorum.voters = \"1@a:9093,2@b:9094\"\n");
  EXPECT_TRUE(built.controller.ok());
  EXPECT_NE(built.rendered.find("warning: 2 controllers bear no more failures than 1\n"),
            std::string::npos)
      << built.rendered;
}

TEST(ControllerConfig, Errors) {
  const CrossCheck kChecks[] = {
      {"", "error: 'node.id' is missing\n"},
      {"node.id = 1\nlisteners = \"PLAINTEXT://h:1\"\n",
       "error: 'listeners' has none of the controller's listeners (CONTROLLER)\n"
       "  at: c.toml:2:13\n"},
      {"node.id = 1\ncontroller.quorum.voters = \"2@h:1\"\n",
       "error: node 1 is not among controller.quorum.voters\n"},
      {"node.id = 1\nlisteners = \"CONTROLLER://:9094\"\ncontroller.quorum.voters = \"1@h:9093\"\n",
       "error: controller.quorum.voters has this node at port 9093, but its CONTROLLER listener "
       "uses "
       "9094\n"},
      {"node.id = 1\nlisteners = \"CONTROLLER://:9094\"\n"
       "controller.quorum.bootstrap.servers = \"h:9093\"\n",
       "error: controller.quorum.bootstrap.servers names h:9093, which is not this controller: its "
       "CONTROLLER listener uses port 9094\n"},
      {"node.id = 1\nprocess.roles = \"broker,controller\"\n",
       "error: process.roles is 'broker,controller', but this starts a controller\n"},
      {"node.id = 1\ncontroller.quorum.voters = \"1@h:9093,2@h:2,2@h:3\"\n",
       "error: controller.quorum.voters names node 2 twice\n"},
      {"node.id = 1\nprocess.roles = \"broker\"\n",
       "error: process.roles is 'broker', but this starts a controller\n"},
  };
  for (const CrossCheck& check : kChecks) {
    const BuiltController built = Controller(check.extra);
    EXPECT_FALSE(built.controller.ok()) << check.extra;
    EXPECT_NE(built.rendered.find(check.expected), std::string::npos) << check.extra << "\n"
                                                                      << built.rendered;
  }
}

}  // namespace
}  // namespace soliton::config
