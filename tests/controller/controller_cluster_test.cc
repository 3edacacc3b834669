// The controller and its clients under crashes, pauses and disk faults.
#include "tests/controller/controller_cluster_fixture.h"

namespace soliton::controller {
namespace {

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
  AwaitTopicEverywhere("t");
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

TEST_F(ControllerClusterTest, WhoIsSilentAndDoesNotAnswerIsReplaced) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  cluster_.node(1).Crash({.silent = true});
  cluster_.world().RunFor(milliseconds(390));
  EXPECT_EQ(Partition(2, topic).leader, 1) << "silence is no proof yet";
  ASSERT_TRUE(cluster_.Await([&] { return Partition(2, topic).leader == 2; }, milliseconds(250)));
}

// Its control connection carries nothing any more, but it answers when it is asked.
TEST_F(ControllerClusterTest, WhoAnswersIsJudgedByItsSession) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  cluster_.network().StickConnections(cluster_.controller_node().id(), cluster_.node(1).id());
  cluster_.world().RunFor(seconds(4));
  EXPECT_EQ(Partition(2, topic).leader, 1);
  EXPECT_TRUE(cluster_.SeesUsable(2, 1));
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

// The controller takes the dead one for connected until its session ends, and a controller that was
// stopped gives fresh sessions.
TEST_F(ControllerClusterTest, ARestartedBrokerOutwaitsItsDeadSelfThoughTheControllerStops) {
  cluster_.controller_options().broker_silence_timeout = seconds(9);
  StartCluster();
  cluster_.network().StickConnections(cluster_.controller_node().id(), cluster_.node(1).id());
  cluster_.node(1).Crash({.silent = true});
  cluster_.world().RunFor(seconds(1));
  cluster_.node(1).Restart();
  cluster_.world().RunFor(seconds(5));
  EXPECT_TRUE(cluster_.broker(1).epochs().empty()) << "its session is not over";
  cluster_.controller_node().Pause();
  cluster_.world().RunFor(seconds(5));
  cluster_.controller_node().Resume();
  ASSERT_TRUE(cluster_.Await(
      [&] { return !cluster_.broker(1).epochs().empty() || !cluster_.broker(1).refused().ok(); },
      seconds(30)));
  EXPECT_TRUE(cluster_.broker(1).refused().ok()) << cluster_.broker(1).refused();
  EXPECT_TRUE(cluster_.Await([&] { return cluster_.SeesUsable(2, 1); }, seconds(1)));
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

TEST_F(ControllerClusterTest, ARestartedControllerReplacesWhoDoesNotAnswer) {
  StartCluster();
  const Uuid topic = CreateAssigned("t", {1, 2, 3});
  cluster_.controller_node().Crash();
  cluster_.network().Isolate(cluster_.node(1).id());
  cluster_.controller_node().Restart();
  cluster_.world().RunFor(milliseconds(190));
  EXPECT_EQ(Partition(2, topic).leader, 1);
  ASSERT_TRUE(cluster_.Await([&] { return Partition(2, topic).leader == 2; }, milliseconds(500)));
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

}  // namespace
}  // namespace soliton::controller
