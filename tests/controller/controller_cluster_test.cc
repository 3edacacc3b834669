// The controller and its clients over the simulated network, clock and disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/sim_cluster.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class ControllerClusterTest : public ::testing::Test {
 protected:
  void StartCluster() {
    cluster_.Start();
    ASSERT_TRUE(cluster_.Await([&] { return cluster_.AllUsable(); }, seconds(1)));
  }

  // A topic with these replicas for its only partition.
  Uuid CreateAssigned(const std::string& name, std::vector<int32_t> replicas) {
    const auto created = cluster_.CreateTopic(1, {.name = name, .assignments = {replicas}});
    EXPECT_TRUE(created.ok()) << created.status().ToString();
    EXPECT_EQ(created->error, ErrorCode::NONE) << created->error_message;
    return created->topic_id;
  }

  PartitionInfo Partition(int broker, const Uuid& topic) {
    const MetadataImagePtr image = cluster_.broker(broker).image();
    const PartitionInfo* partition = image->FindPartition(topic, 0);
    return partition == nullptr ? PartitionInfo{} : *partition;
  }

  absl::StatusOr<IsrChangeResult> ChangeIsr(int broker, IsrChangeRequest change) {
    auto results = cluster_.Ask<std::vector<IsrChangeResult>>(
        broker,
        [&](ControllerClient& client, auto done) { client.AlterPartition({change}, done); });
    if (!results.ok()) return results.status();
    return results->front();
  }

  IsrChangeRequest::Member Member(int broker) {
    return {broker, cluster_.broker(broker).client().broker_epoch()};
  }

  void ExpectNoComplaints() {
    for (int i = 1; i <= cluster_.broker_count(); ++i) {
      if (!cluster_.node(i).alive()) continue;
      EXPECT_EQ(cluster_.broker(i).complaint(), "") << "broker " << i;
    }
    EXPECT_TRUE(cluster_.world().failure().ok()) << cluster_.world().failure().ToString();
  }
  void TearDown() override { ExpectNoComplaints(); }

  SimCluster cluster_{7};
};

TEST_F(ControllerClusterTest, BrokersRegisterAndAreUnfenced) {
  StartCluster();
  EXPECT_TRUE(cluster_.controller().status().ok());
  const MetadataImagePtr image = cluster_.broker(1).image();
  EXPECT_EQ(image->controller_id, 100);
  EXPECT_EQ(image->cluster_id, cluster_.controller().node()->cluster_id());
  EXPECT_EQ(image->brokers.size(), 3u);
  EXPECT_EQ(image->FindBroker(2)->endpoint, (Endpoint{"broker-2", kBrokerPort}));
  EXPECT_EQ(image->FindBroker(2)->broker_epoch, cluster_.broker(2).client().broker_epoch());
  EXPECT_THAT(cluster_.broker(2).epochs(), ElementsAre(image->FindBroker(2)->broker_epoch));
}

TEST_F(ControllerClusterTest, ABrokerThatIsNotReadyStaysFenced) {
  cluster_.options(3).ready = false;
  cluster_.Start();
  ASSERT_TRUE(cluster_.Await([&] {
    return cluster_.SeesUsable(1, 1) && cluster_.SeesUsable(1, 2) &&
           cluster_.broker(1).image()->FindBroker(3) != nullptr;
  }));
  cluster_.world().RunFor(seconds(30));
  EXPECT_FALSE(cluster_.SeesUsable(1, 3));
  cluster_.node(3).Post([&] { cluster_.broker(3).client().SetReady(); });
  EXPECT_TRUE(cluster_.Await([&] { return cluster_.SeesUsable(1, 3); }, milliseconds(100)));
}

TEST_F(ControllerClusterTest, CreatesAndDeletesTopics) {
  StartCluster();
  const auto created = cluster_.CreateTopic(
      2, {.name = "t", .partition_count = 6, .configs = {{"min.insync.replicas", "2"}}});
  ASSERT_TRUE(created.ok()) << created.status().ToString();
  EXPECT_EQ(created->error, ErrorCode::NONE) << created->error_message;
  EXPECT_EQ(created->partition_count, 6);
  EXPECT_EQ(created->replication_factor, 3);
  // The answer comes after the image on the same connection.
  const TopicInfo* topic = cluster_.broker(2).image()->FindTopic("t");
  ASSERT_NE(topic, nullptr);
  EXPECT_EQ(topic->id, created->topic_id);
  EXPECT_EQ(topic->configs.at("min.insync.replicas"), "2");
  ASSERT_EQ(topic->partitions.size(), 6u);
  std::map<int32_t, int> leaders;
  for (const PartitionInfo& partition : topic->partitions) {
    EXPECT_THAT(partition.isr, UnorderedElementsAre(1, 2, 3));
    EXPECT_EQ(partition.leader, partition.replicas[0]);
    ++leaders[partition.leader];
  }
  EXPECT_EQ(leaders, (std::map<int32_t, int>{{1, 2}, {2, 2}, {3, 2}}));

  const auto again = cluster_.CreateTopic(2, {.name = "t"});
  EXPECT_EQ(again->error, ErrorCode::TOPIC_ALREADY_EXISTS);
  const auto deleted =
      cluster_.Ask<std::vector<TopicResult>>(1, [&](ControllerClient& client, auto done) {
        client.DeleteTopics({{.name = "t"}, {.name = "none"}}, seconds(5), done);
      });
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ((*deleted)[0].error, ErrorCode::NONE);
  EXPECT_EQ((*deleted)[0].topic_id, created->topic_id);
  EXPECT_EQ((*deleted)[1].error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(cluster_.broker(1).image()->FindTopic("t"), nullptr);
}

TEST_F(ControllerClusterTest, AKilledLeaderIsReplacedAtOnce) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  const MonotonicTime killed = cluster_.world().Now();
  cluster_.node(1).Crash({.lose_unsynced = false});
  ASSERT_TRUE(cluster_.Await([&] { return Partition(2, topic).leader == 2; }, milliseconds(100)));
  EXPECT_LT(cluster_.world().Now() - killed, milliseconds(100));
  EXPECT_FALSE(cluster_.SeesUsable(2, 1));
  const PartitionInfo partition = Partition(2, topic);
  EXPECT_THAT(partition.isr, ElementsAre(2, 3));
  EXPECT_EQ(partition.leader_epoch, 1);
  EXPECT_EQ(partition.partition_epoch, 1);
}

TEST_F(ControllerClusterTest, AllPartitionsOfADeadBrokerChangeInOneImage) {
  StartCluster();
  const auto created = cluster_.CreateTopic(1, {.name = "t", .partition_count = 300});
  ASSERT_EQ(created->error, ErrorCode::NONE) << created->error_message;
  cluster_.node(1).Crash({.lose_unsynced = false});
  const int64_t images = cluster_.broker(2).images_seen();
  ASSERT_TRUE(cluster_.Await([&] { return !cluster_.SeesUsable(2, 1); }, milliseconds(200)));
  EXPECT_EQ(cluster_.broker(2).images_seen(), images + 1);
  for (const PartitionInfo& partition : cluster_.broker(2).image()->FindTopic("t")->partitions) {
    EXPECT_NE(partition.leader, 1);
    EXPECT_NE(partition.leader, kNoLeader);
    EXPECT_THAT(partition.isr, ::testing::Not(::testing::Contains(1)));
  }
}

TEST_F(ControllerClusterTest, SilenceIsJudgedByTheSessionTimeout) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  cluster_.node(1).Crash({.silent = true});
  cluster_.world().RunFor(seconds(8));
  EXPECT_EQ(Partition(2, topic).leader, 1) << "silence is no proof yet";
  ASSERT_TRUE(cluster_.Await([&] { return Partition(2, topic).leader == 2; }, seconds(2)));
}

TEST_F(ControllerClusterTest, APausedBrokerIsFencedAndComesBackWithTheSameEpoch) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  cluster_.node(1).Pause();
  ASSERT_TRUE(cluster_.Await([&] { return Partition(2, topic).leader == 2; }, seconds(10)));
  cluster_.node(1).Resume();
  ASSERT_TRUE(cluster_.Await([&] { return cluster_.SeesUsable(2, 1); }, seconds(2)));
  EXPECT_EQ(cluster_.broker(1).epochs().size(), 1u);
  EXPECT_EQ(Partition(2, topic).leader, 2);
}

TEST_F(ControllerClusterTest, ABrokenConnectionToALiveBrokerFencesNobody) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  const PartitionInfo before = Partition(2, topic);
  for (int i = 0; i < 20; ++i) {
    cluster_.network().ResetConnections(cluster_.controller_node().id(), cluster_.node(1).id());
    cluster_.world().RunFor(milliseconds(700));
    EXPECT_TRUE(cluster_.SeesUsable(2, 1));
  }
  EXPECT_EQ(Partition(2, topic), before);
  EXPECT_EQ(cluster_.broker(1).epochs().size(), 1u) << "the same incarnation keeps its epoch";
}

TEST_F(ControllerClusterTest, AStalledControllerDoesNotFenceItsBrokers) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  const PartitionInfo before = Partition(2, topic);
  cluster_.controller_node().Pause();
  cluster_.world().RunFor(seconds(20));
  cluster_.controller_node().Resume();
  cluster_.world().RunFor(seconds(20));
  EXPECT_TRUE(cluster_.AllUsable());
  EXPECT_EQ(Partition(2, topic), before);
}

TEST_F(ControllerClusterTest, ARestartedBrokerReplacesItsDeadSelf) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  const int64_t old_epoch = cluster_.broker(1).client().broker_epoch();
  cluster_.node(1).Crash({.lose_unsynced = false});
  cluster_.node(1).Restart();
  ASSERT_TRUE(cluster_.Await(
      [&] {
        const BrokerInfo* self = cluster_.broker(2).image()->FindBroker(1);
        return self->broker_epoch > old_epoch && self->usable();
      },
      seconds(1)));
  EXPECT_EQ(Partition(2, topic).leader, 2);
  EXPECT_THAT(Partition(2, topic).isr, ElementsAre(2, 3));
}

TEST_F(ControllerClusterTest, TheControllersStateSurvivesPowerLoss) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  cluster_.node(3).Crash({.lose_unsynced = false});
  ASSERT_TRUE(cluster_.Await([&] { return !cluster_.SeesUsable(1, 3); }));
  const PartitionInfo before = Partition(1, topic);
  const std::string cluster_id = cluster_.controller().node()->cluster_id();
  const std::vector<int64_t> epochs = cluster_.broker(1).epochs();

  cluster_.controller_node().Crash();
  cluster_.world().RunFor(seconds(3));
  cluster_.controller_node().Restart();
  const int64_t offset = cluster_.broker(1).image()->offset;
  ASSERT_TRUE(cluster_.Await([&] {
    return cluster_.broker(1).image()->offset > offset &&
           cluster_.broker(2).image()->offset > offset;
  }));
  ASSERT_TRUE(cluster_.controller().status().ok()) << cluster_.controller().status().ToString();
  EXPECT_EQ(cluster_.controller().node()->cluster_id(), cluster_id);
  EXPECT_EQ(Partition(1, topic), before);
  EXPECT_EQ(cluster_.broker(1).epochs(), epochs);
  EXPECT_TRUE(cluster_.SeesUsable(1, 1));
  EXPECT_FALSE(cluster_.SeesUsable(1, 3));
  const auto created = cluster_.CreateTopic(2, {.name = "after"});
  ASSERT_TRUE(created.ok()) << created.status().ToString();
  EXPECT_EQ(created->error, ErrorCode::NONE);
}

TEST_F(ControllerClusterTest, EverybodyCrashesAndEverythingAnsweredIsStillThere) {
  StartCluster();
  std::vector<std::string> names;
  for (int round = 0; round < 5; ++round) {
    const std::string name = fmt::format("t{}", round);
    const auto created = cluster_.CreateTopic(1, {.name = name, .partition_count = 3});
    ASSERT_TRUE(created.ok()) << created.status().ToString();
    ASSERT_EQ(created->error, ErrorCode::NONE) << created->error_message;
    names.push_back(name);
    cluster_.controller_node().Crash();
    for (int i = 1; i <= 3; ++i) cluster_.node(i).Crash();
    cluster_.Start();
    ASSERT_TRUE(cluster_.Await([&] { return cluster_.AllUsable(); }, seconds(15)));
    for (const std::string& expected : names) {
      const TopicInfo* topic = cluster_.broker(1).image()->FindTopic(expected);
      ASSERT_NE(topic, nullptr) << expected;
      for (const PartitionInfo& partition : topic->partitions) {
        EXPECT_NE(partition.leader, kNoLeader);
      }
    }
  }
}

TEST_F(ControllerClusterTest, ARestartedControllerFencesABrokerThatDiedMeanwhile) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  cluster_.controller_node().Crash();
  cluster_.node(1).Crash();
  cluster_.controller_node().Restart();
  ASSERT_TRUE(cluster_.Await([&] { return Partition(2, topic).leader == 2; }, seconds(1)));
}

TEST_F(ControllerClusterTest, ARestartedControllerLeavesSilentBrokersToTheirSession) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  cluster_.controller_node().Crash();
  cluster_.network().Isolate(cluster_.node(1).id());
  cluster_.controller_node().Restart();
  cluster_.world().RunFor(seconds(8));
  EXPECT_EQ(Partition(2, topic).leader, 1);
  ASSERT_TRUE(cluster_.Await([&] { return Partition(2, topic).leader == 2; }, seconds(3)));
}

TEST_F(ControllerClusterTest, AStalledDiskOfTheControllerFencesNobody) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  const PartitionInfo before = Partition(2, topic);
  cluster_.controller_node().StallDisk(seconds(20));
  std::optional<absl::StatusOr<std::vector<TopicResult>>> created;
  cluster_.node(1).Post([&] {
    cluster_.broker(1).client().CreateTopics({{.name = "slow"}}, false, seconds(60),
                                             [&](auto result) { created = std::move(result); });
  });
  cluster_.world().RunFor(seconds(4));
  EXPECT_FALSE(created.has_value()) << "answered before it was durable";
  cluster_.world().RunFor(seconds(40));
  EXPECT_TRUE(cluster_.AllUsable());
  EXPECT_EQ(Partition(2, topic), before);
  EXPECT_NE(cluster_.broker(2).image()->FindTopic("slow"), nullptr);
}

TEST_F(ControllerClusterTest, AFailedFlushStopsTheControllerAndARestartGoesOn) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  cluster_.controller_node().files().FailNext(sim::FileOperation::kSync, "__cluster_metadata",
                                              absl::DataLossError("bad sector"));
  const auto created = cluster_.CreateTopic(1, {.name = "never-answered"});
  EXPECT_TRUE(absl::IsDeadlineExceeded(created.status())) << created.status().ToString();
  EXPECT_FALSE(cluster_.controller().fatal().ok());
  cluster_.world().RunFor(seconds(30));
  EXPECT_EQ(Partition(2, topic).leader, 1) << "a stopped controller decides nothing";
  EXPECT_EQ(cluster_.broker(2).image()->FindTopic("never-answered"), nullptr);

  cluster_.controller_node().Crash();
  cluster_.controller_node().Restart();
  bool created_again = false;
  for (int attempt = 0; attempt < 50 && !created_again; ++attempt) {
    created_again = cluster_.CreateTopic(1, {.name = "again"}).ok();
    cluster_.world().RunFor(milliseconds(100));
  }
  EXPECT_TRUE(created_again);
  EXPECT_EQ(Partition(2, topic).leader, 1);
}

TEST_F(ControllerClusterTest, ACleanStopAndStartKeepsEverything) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  std::optional<absl::Status> stopped;
  cluster_.controller_node().Post([&] {
    cluster_.controller().node()->Stop([&](const absl::Status& status) { stopped = status; });
  });
  ASSERT_TRUE(cluster_.Await([&] { return stopped.has_value(); }));
  EXPECT_TRUE(stopped->ok()) << stopped->ToString();
  cluster_.controller_node().Crash();
  cluster_.controller_node().Restart();
  const int64_t offset = cluster_.broker(1).image()->offset;
  ASSERT_TRUE(cluster_.Await([&] { return cluster_.broker(1).image()->offset > offset; }));
  EXPECT_EQ(Partition(1, topic).leader, 1);
}

TEST_F(ControllerClusterTest, AForeignDataDirectoryIsNotUsed) {
  StartCluster();
  cluster_.controller_node().Crash();
  cluster_.controller_options().cluster_id = "somebody-else";
  cluster_.controller_node().Restart();
  ASSERT_TRUE(cluster_.Await([&] { return !cluster_.controller().status().ok(); }));
  EXPECT_THAT(std::string(cluster_.controller().status().message()), HasSubstr("somebody-else"));
}

TEST_F(ControllerClusterTest, ASecondLiveBrokerWithTheSameIdIsRefused) {
  StartCluster();
  const int64_t epoch = cluster_.broker(1).client().broker_epoch();
  cluster_.AddBroker(1, "impostor").Restart();
  ASSERT_TRUE(cluster_.Await([&] { return !cluster_.broker(4).refused().ok(); }, seconds(30)));
  EXPECT_THAT(std::string(cluster_.broker(4).refused().message()), HasSubstr("broker-1:9092"));
  EXPECT_EQ(cluster_.broker(2).image()->FindBroker(1)->broker_epoch, epoch);
  EXPECT_TRUE(cluster_.SeesUsable(2, 1));
}

TEST_F(ControllerClusterTest, AForeignClusterIdIsRefused) {
  cluster_.options(3).cluster_id = "another-cluster";
  cluster_.Start();
  ASSERT_TRUE(cluster_.Await([&] { return !cluster_.broker(3).refused().ok(); }));
  EXPECT_THAT(std::string(cluster_.broker(3).refused().message()), HasSubstr("another-cluster"));
  cluster_.world().RunFor(seconds(5));
  EXPECT_EQ(cluster_.broker(1).image()->FindBroker(3), nullptr);
}

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
  const auto created = cluster_.CreateTopic(1, {.name = "t", .configs = {{"\xc3", "\xff"}}});
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
  EXPECT_EQ(cluster_.broker(2).image()->FindTopic("t")->configs.at("\xc3"), "\xff");
}

TEST_F(ControllerClusterTest, AFailedCallMayBeRepeatedInItsOwnCallback) {
  StartCluster();
  int failures = 0;
  std::function<void()> ask;
  ask = [&] {
    cluster_.broker(1).client().AllocateProducerIds([&](absl::StatusOr<ProducerIdBlock> block) {
      if (!block.ok() && ++failures < 1000) ask();
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
