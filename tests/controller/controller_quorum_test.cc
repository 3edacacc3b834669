// What brokers see of a quorum of three controllers.
#include "tests/controller/controller_quorum_fixture.h"

namespace soliton::controller {
namespace {

TEST_F(ControllerQuorumTest, AllAgreeOnTheClusterAndItsMetadata) {
  Start();
  ASSERT_TRUE(CreateAtLast(1, "t", seconds(1)));
  ASSERT_TRUE(Await([this] {
    for (int id = 1; id <= kVoters; ++id) {
      if (node(id)->committed_image().FindTopic("t") == nullptr) return false;
    }
    return true;
  }));
  const std::string cluster = node(1)->cluster_id();
  EXPECT_FALSE(cluster.empty());
  for (int id = 1; id <= kVoters; ++id) {
    EXPECT_EQ(node(id)->cluster_id(), cluster);
    EXPECT_EQ(node(id)->committed_image().cluster_id, cluster);
  }
  EXPECT_EQ(node(1)->committed_image().controller_id, 100 + Leader());
  EXPECT_EQ(Complaint(), "");
}

// Machine and process die with a broker's: the next controller finds out by itself.
TEST_F(ControllerQuorumTest, TheLeaderDiesTogetherWithABroker) {
  Start();
  for (int round = 0; round < 6; ++round) {
    const std::string topic = fmt::format("t{}", round);
    const int dies = round % kBrokers + 1;
    const int lives = dies % kBrokers + 1;
    const auto created =
        Create(1, {.name = topic, .assignments = {{dies, lives, lives % kBrokers + 1}}});
    ASSERT_TRUE(created.ok()) << created.status();
    ASSERT_TRUE(Await([&] { return LeaderOf(lives, topic) == dies; }));
    const int leader = Leader();
    controller(leader).Crash({.lose_unsynced = false});
    broker_node(dies).Crash({.lose_unsynced = false});
    const MonotonicTime begin = world_.Now();
    ASSERT_TRUE(Await([&] { return LeaderOf(lives, topic) == lives; })) << round;
    EXPECT_LT(world_.Now() - begin, milliseconds(250)) << round;
    controller(leader).Restart();
    broker_node(dies).Restart();
    ASSERT_TRUE(Await([&] { return AllUsable(); })) << round;
  }
  EXPECT_EQ(Complaint(), "");
}

TEST_F(ControllerQuorumTest, AStoppedLeaderIsLeftByItsBrokers) {
  Start();
  const int leader = Leader();
  controller(leader).Pause();
  ASSERT_TRUE(CreateAtLast(1, "t", seconds(2)));
  EXPECT_NE(Leader(), leader);
  ASSERT_TRUE(Await(
      [&] {
        for (int id = 1; id <= kBrokers; ++id) {
          if (broker(id).image()->FindTopic("t") == nullptr) return false;
        }
        return true;
      },
      seconds(1)));
  EXPECT_TRUE(AllUsable()) << "nobody was fenced for it";
  controller(leader).Resume();
  world_.RunFor(seconds(2));
  EXPECT_TRUE(AllUsable());
  EXPECT_FALSE(node(leader)->leading());
  EXPECT_EQ(broker(1).epochs().size(), 1u) << "the same incarnation keeps its epoch";
  EXPECT_EQ(Complaint(), "");
}

// The old leader does not know yet that it was deposed, and its log is shorter than what the
// brokers have seen. They must not take that for a loss of metadata.
TEST_F(ControllerQuorumTest, ADeposedLeaderThatDoesNotKnowIsNotBelieved) {
  Start();
  const int old = Leader();
  for (int id = 1; id <= kVoters; ++id) {
    if (id != old) network_.Cut(controller(old).id(), controller(id).id());
  }
  for (int id = 1; id <= kBrokers; ++id) network_.Cut(controller(old).id(), broker_node(id).id());
  ASSERT_TRUE(CreateAtLast(1, "t", seconds(3)));
  const int leads = Leader();
  ASSERT_NE(leads, old);
  // Broker 1 reaches nobody but the old one, which cannot have heard of the topic.
  for (int id = 1; id <= kBrokers; ++id) network_.Heal(controller(old).id(), broker_node(id).id());
  for (int id = 1; id <= kVoters; ++id) {
    if (id != old) network_.Cut(broker_node(1).id(), controller(id).id());
  }
  world_.RunFor(seconds(5));
  EXPECT_EQ(Complaint(), "");
  network_.HealAll();
  ASSERT_TRUE(Await([this] { return AllUsable(); }));
  EXPECT_EQ(Complaint(), "");
}

// Two of three are gone: what needs a decision is refused, and goes on by itself when one is back.
TEST_F(ControllerQuorumTest, WithoutAMajorityNothingIsDecided) {
  Start();
  const int leader = Leader();
  const int second = leader % kVoters + 1;
  controller(leader).Crash();
  controller(second).Crash();
  const auto created = Create(1, {.name = "t"}, milliseconds(500));
  EXPECT_FALSE(created.ok());
  world_.RunFor(seconds(3));
  EXPECT_EQ(Leader(), 0);
  EXPECT_TRUE(AllUsable()) << "brokers keep what they know";
  controller(second).Restart();
  EXPECT_TRUE(CreateAtLast(1, "t", seconds(3)));
  controller(leader).Restart();
  ASSERT_TRUE(Await([this] { return AllUsable(); }));
  EXPECT_EQ(Complaint(), "");
}

TEST_F(ControllerQuorumTest, AStoppingLeaderHandsOver) {
  Start();
  const int leader = Leader();
  std::optional<absl::Status> stopped;
  controller(leader).Post(
      [&] { node(leader)->Stop([&](absl::Status status) { stopped = std::move(status); }); });
  const MonotonicTime begin = world_.Now();
  ASSERT_TRUE(Await([&] { return stopped.has_value(); }));
  EXPECT_TRUE(stopped->ok()) << *stopped;
  controller(leader).Crash();
  ASSERT_TRUE(Await([&] { return Leader() != 0; }));
  EXPECT_LT(world_.Now() - begin, milliseconds(100));
  EXPECT_TRUE(CreateAtLast(1, "t", milliseconds(200)));
  EXPECT_EQ(Complaint(), "");
}

TEST_F(ControllerQuorumTest, AllRestartAndKeepEverything) {
  Start();
  ASSERT_TRUE(CreateAtLast(1, "t", seconds(1)));
  const std::string cluster = node(1)->cluster_id();
  for (int round = 0; round < 3; ++round) {
    for (int id = 1; id <= kVoters; ++id) controller(id).Crash();
    world_.RunFor(milliseconds(300));
    for (int id = 1; id <= kVoters; ++id) controller(id).Restart();
    ASSERT_TRUE(Await([this] { return Leader() != 0; }));
    EXPECT_EQ(node(Leader())->cluster_id(), cluster);
    EXPECT_NE(node(Leader())->committed_image().FindTopic("t"), nullptr);
    ASSERT_TRUE(CreateAtLast(1, fmt::format("t{}", round), seconds(3)));
  }
  EXPECT_EQ(Complaint(), "");
}

}  // namespace
}  // namespace soliton::controller
