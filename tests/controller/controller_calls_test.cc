// What clients ask of the controller over the simulated network: answers, lost answers, hostile
// frames.
#include "tests/controller/controller_cluster_fixture.h"

namespace soliton::controller {
namespace {

TEST_F(ControllerClusterTest, IsrChangesAreComparedAndSet) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  IsrChangeRequest change{.topic_id = topic,
                          .partition = 0,
                          .leader_epoch = 0,
                          .partition_epoch = 0,
                          .new_isr = {Member(1), Member(2)}};
  const auto shrunk = ChangeIsr(1, change);
  ASSERT_TRUE(shrunk.ok()) << shrunk.status().ToString();
  EXPECT_EQ(shrunk->error, ErrorCode::NONE);
  EXPECT_THAT(shrunk->partition.isr, ElementsAre(1, 2));
  EXPECT_EQ(shrunk->partition.partition_epoch, 1);
  EXPECT_EQ(shrunk->partition, Partition(1, topic)) << "the image is there before the answer";
  EXPECT_EQ(ChangeIsr(1, change)->error, ErrorCode::INVALID_UPDATE_VERSION);
  change.partition_epoch = 1;
  EXPECT_EQ(ChangeIsr(2, change)->error, ErrorCode::INVALID_REQUEST) << "2 does not lead";
}

TEST_F(ControllerClusterTest, ControlledShutdownMovesLeadersBeforeTheBrokerStops) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  bool done = false;
  cluster_.node(1).Post(
      [&] { cluster_.broker(1).client().ControlledShutdown(seconds(30), [&] { done = true; }); });
  ASSERT_TRUE(cluster_.Await([&] { return done; }, seconds(3)));
  EXPECT_EQ(Partition(1, topic).leader, 2);
  EXPECT_EQ(Partition(2, topic).leader, 2) << "the new leader knows already";
  EXPECT_THAT(Partition(2, topic).isr, ElementsAre(2, 3));

  // Back after a clean stop: fenced first, then unfenced; not in the ISR until its leader says so.
  cluster_.options(1).previous_broker_epoch = cluster_.broker(1).client().broker_epoch();
  cluster_.node(1).Crash({.lose_unsynced = false});
  cluster_.node(1).Restart();
  ASSERT_TRUE(cluster_.Await([&] { return cluster_.SeesUsable(2, 1); }));
  EXPECT_THAT(Partition(2, topic).isr, ElementsAre(2, 3));
}

TEST_F(ControllerClusterTest, ProducerIdBlocksNeverOverlap) {
  StartCluster();
  std::set<int64_t> firsts;
  for (int round = 0; round < 3; ++round) {
    for (int i = 1; i <= 3; ++i) {
      const auto block = cluster_.Ask<ProducerIdBlock>(
          i, [&](ControllerClient& client, auto done) { client.AllocateProducerIds(done); });
      ASSERT_TRUE(block.ok()) << block.status().ToString();
      EXPECT_EQ(block->count, 1000);
      EXPECT_EQ(block->first % 1000, 0);
      EXPECT_TRUE(firsts.insert(block->first).second) << block->first;
    }
    cluster_.controller_node().Crash();
    cluster_.controller_node().Restart();
    ASSERT_TRUE(cluster_.Await([&] { return cluster_.AllUsable(); }));
    cluster_.world().RunFor(seconds(2));
  }
}

TEST_F(ControllerClusterTest, CallsWithoutAControllerFailAsUnavailable) {
  StartCluster();
  cluster_.controller_node().Crash();
  cluster_.world().RunFor(milliseconds(500));
  const auto created = cluster_.CreateTopic(1, {.name = "t"});
  EXPECT_TRUE(absl::IsUnavailable(created.status())) << created.status().ToString();
}

TEST_F(ControllerClusterTest, ACallWaitsForTheNextController) {
  StartCluster();
  cluster_.controller_node().Crash();
  cluster_.world().RunFor(milliseconds(500));
  std::vector<absl::StatusOr<std::vector<TopicResult>>> answers;
  cluster_.node(1).Post([&] {
    for (const char* name : {"a", "b"}) {
      cluster_.broker(1).client().CreateTopics({{.name = name}}, false, seconds(30),
                                               [&](auto results) { answers.push_back(results); });
    }
  });
  cluster_.world().RunFor(seconds(1));
  EXPECT_TRUE(answers.empty());
  cluster_.controller_node().Restart();
  ASSERT_TRUE(cluster_.Await([&] { return answers.size() == 2; }));
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(answer->front().error, ErrorCode::NONE);
  }
  EXPECT_EQ(answers[0]->front().name, "a") << "in the order in which they came";
}

TEST_F(ControllerClusterTest, ACallDoesNotWaitLongerThanItsSenderWould) {
  StartCluster();
  cluster_.controller_node().Crash();
  cluster_.world().RunFor(milliseconds(500));
  const MonotonicTime before = cluster_.node(1).ports().shards->shard(0).clock().Now();
  const auto failed =
      cluster_.Ask<std::vector<TopicResult>>(1, [&](ControllerClient& client, auto done) {
        client.CreateTopics({{.name = "t"}}, false, milliseconds(700), done);
      });
  EXPECT_TRUE(absl::IsUnavailable(failed.status())) << failed.status().ToString();
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("controller:9093"));
  const Duration waited = cluster_.node(1).ports().shards->shard(0).clock().Now() - before;
  EXPECT_GE(waited, milliseconds(700));
  EXPECT_LE(waited, milliseconds(800));
}

TEST_F(ControllerClusterTest, ACallWhoseAnswerIsLostHasAnUnknownOutcome) {
  StartCluster();
  cluster_.network().CutOneWay(cluster_.controller_node().id(), cluster_.node(1).id());
  const auto created = cluster_.CreateTopic(1, {.name = "t"});
  EXPECT_TRUE(absl::IsDeadlineExceeded(created.status())) << created.status().ToString();
  cluster_.network().HealAll();
  ASSERT_TRUE(
      cluster_.Await([&] { return cluster_.broker(1).image()->FindTopic("t") != nullptr; }));
}

// What a client sends need not be UTF-8. It must neither cost the broker its connection nor spoil
// the log.
TEST_F(ControllerClusterTest, TextThatIsNotUtf8IsAnsweredAndSurvivesARestart) {
  StartCluster();
  const auto refused = cluster_.CreateTopic(1, {.name = "\xff\xfe"});
  ASSERT_TRUE(refused.ok()) << refused.status().ToString();
  EXPECT_EQ(refused->error, ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(refused->name, "\xff\xfe");
  const std::string name = "leader.replication.throttled.replicas";
  const auto created = cluster_.CreateTopic(1, {.name = "t", .configs = {{name, "\xff"}}});
  ASSERT_TRUE(created.ok()) << created.status().ToString();
  EXPECT_EQ(created->error, ErrorCode::NONE);
  EXPECT_EQ(cluster_.broker(1).epochs().size(), 1u);
  cluster_.controller_node().Crash();
  cluster_.controller_node().Restart();
  cluster_.world().RunFor(seconds(2));
  ASSERT_TRUE(cluster_.controller().status().ok()) << cluster_.controller().status().ToString();
  cluster_.node(2).Crash();
  cluster_.node(2).Restart();
  ASSERT_TRUE(
      cluster_.Await([&] { return cluster_.broker(2).image()->FindTopic("t") != nullptr; }));
  EXPECT_EQ(cluster_.broker(2).image()->FindTopic("t")->configs.at(name), "\xff");
}

TEST_F(ControllerClusterTest, SettingsAndPartitionsOutliveTheControllerAndReachWhoWasAway) {
  StartCluster();
  ASSERT_EQ(cluster_.CreateTopic(1, {.name = "t", .partition_count = 2})->error, ErrorCode::NONE);
  cluster_.node(3).Crash();
  const auto altered =
      cluster_.Ask<std::vector<ResourceResult>>(1, [&](ControllerClient& client, auto done) {
        client.AlterConfigs(
            {{.type = 2, .name = "t", .changes = {{.name = "retention.ms", .value = "5000"}}},
             {.type = 4, .name = "", .changes = {{.name = "log.retention.ms", .value = "6000"}}},
             {.type = 2, .name = "nope", .changes = {}}},
            false, seconds(5), done);
      });
  ASSERT_TRUE(altered.ok()) << altered.status().ToString();
  ASSERT_EQ(altered->size(), 3u);
  EXPECT_EQ(altered->at(0).error, ErrorCode::NONE);
  EXPECT_EQ(altered->at(1).error, ErrorCode::NONE);
  EXPECT_EQ(altered->at(2).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  const auto more =
      cluster_.Ask<std::vector<TopicResult>>(2, [&](ControllerClient& client, auto done) {
        client.CreatePartitions({{.name = "t", .count = 5, .assignments = {}}}, false, seconds(5),
                                done);
      });
  ASSERT_TRUE(more.ok()) << more.status().ToString();
  EXPECT_EQ(more->front().error, ErrorCode::NONE) << more->front().error_message;

  cluster_.controller_node().Crash();
  cluster_.controller_node().Restart();
  cluster_.node(3).Restart();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(cluster_.Await([&] {
      const MetadataImagePtr image = cluster_.broker(i).image();
      const TopicInfo* topic = image->FindTopic("t");
      return topic != nullptr && topic->partitions.size() == 5 &&
             topic->configs.contains("retention.ms") &&
             image->BrokerConfigs(kEveryBroker).contains("log.retention.ms");
    })) << "broker "
        << i;
    EXPECT_EQ(cluster_.broker(i).complaint(), "");
  }
}

TEST_F(ControllerClusterTest, AFailedCallMayBeRepeatedInItsOwnCallback) {
  StartCluster();
  int failures = 0;
  std::function<void()> ask;
  ask = [&] {
    cluster_.broker(1).client().AlterPartition(
        {}, [&](absl::StatusOr<std::vector<IsrChangeResult>> results) {
          if (!results.ok() && ++failures < 1000) ask();
        });
  };
  cluster_.node(1).Post([&] { ask(); });
  cluster_.controller_node().Crash();
  EXPECT_TRUE(cluster_.Await([&] { return failures == 1000; }));
}

TEST_F(ControllerClusterTest, AFrameThatIsNoRequestClosesItsConnectionOnly) {
  class Hostile final : public ConnectionHandler {
   public:
    void OnFrame(Buffer) override {}
    void OnClosed(const absl::Status&) override { closed = true; }
    std::shared_ptr<FramedConnection> connection;
    bool closed = false;
  };
  StartCluster();
  Random random(1);
  for (int round = 0; round < 50; ++round) {
    auto hostile = std::make_shared<Hostile>();
    std::string bytes(1 + random.Below(200), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
    bytes[0] = '\x07';  // wire type 7 does not exist
    cluster_.node(1).Post([&, hostile, bytes] {
      const Ports ports = cluster_.node(1).ports();
      ports.transport->Connect(
          ports.shards->shard(0), {"controller", kControllerPort}, {}, seconds(1),
          [hostile, bytes](absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
            ASSERT_TRUE(connected.ok());
            hostile->connection = *connected;
            hostile->connection->Start(hostile.get());
            hostile->connection->Send(BufferChain(Buffer::CopyOf(bytes)));
          });
    });
    EXPECT_TRUE(cluster_.Await([&] { return hostile->closed; }, seconds(1)));
  }
  EXPECT_TRUE(cluster_.AllUsable());
  EXPECT_EQ(cluster_.CreateTopic(2, {.name = "t"})->error, ErrorCode::NONE);
}

TEST_F(ControllerClusterTest, FollowersHoldEqualImagesAtEqualOffsets) {
  StartCluster();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(cluster_.CreateTopic(1 + i % 3, {.name = fmt::format("t{}", i)})->error,
              ErrorCode::NONE);
  }
  cluster_.AddBroker(4).Restart();  // joins late
  ASSERT_TRUE(cluster_.Await([&] { return cluster_.AllUsable(); }));
  cluster_.world().RunFor(seconds(1));
  for (int i = 2; i <= 4; ++i) {
    EXPECT_TRUE(SameImages(*cluster_.broker(1).image(), *cluster_.broker(i).image())) << i;
  }
}

TEST(ControllerReplayTest, TheSameSeedGivesTheSameTrace) {
  const auto run = [](uint64_t seed) {
    SimCluster cluster(seed);
    cluster.Start();
    EXPECT_TRUE(cluster.Await([&] { return cluster.AllUsable(); }));
    EXPECT_TRUE(cluster.CreateTopic(1, {.name = "t", .partition_count = 8}).ok());
    cluster.node(2).Crash({.lose_unsynced = false});
    cluster.world().RunFor(seconds(1));
    cluster.controller_node().Crash();
    cluster.controller_node().Restart();
    cluster.node(2).Restart();
    cluster.world().RunFor(seconds(5));
    return cluster.world().trace_hash();
  };
  EXPECT_EQ(run(11), run(11));
  EXPECT_NE(run(11), run(12));
}

}  // namespace
}  // namespace soliton::controller
