// Three controllers and brokers that follow whichever leads: the real ControllerNode and
// ControllerClient in the simulated world.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/controller/sim_cluster.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kVoters = 3;
constexpr int kBrokers = 3;

class ControllerQuorumTest : public ::testing::Test {
 protected:
  ControllerQuorumTest() {
    SetLogLevel(LogLevel::kOff);
    for (int id = 1; id <= kVoters; ++id) AddController(id);
    for (int id = 1; id <= kBrokers; ++id) AddBroker(id);
  }

  void AddController(int id) {
    ControllerOptions& options = controller_options_.emplace_back();
    options.node_id = 100 + id;
    options.listen = {"", kControllerPort};
    options.data_directory = "meta";
    options.default_min_insync_replicas = 2;
    for (int voter = 1; voter <= kVoters; ++voter) {
      options.voters[100 + voter] = {fmt::format("controller-{}", voter), kControllerPort};
    }
    controllers_.push_back(
        std::make_unique<sim::SimNode>(world_, network_, fmt::format("controller-{}", id)));
    controllers_.back()->SetBoot([this, id](sim::SimNode& node) {
      return std::make_shared<ControllerProcess>(node,
                                                 controller_options_[static_cast<size_t>(id - 1)]);
    });
  }
  void AddBroker(int id) {
    FakeBroker::Options options{.broker_id = id, .host = fmt::format("broker-{}", id)};
    options.controllers.clear();
    for (int voter = 1; voter <= kVoters; ++voter) {
      options.controllers.push_back({fmt::format("controller-{}", voter), kControllerPort});
    }
    brokers_.push_back(
        std::make_unique<sim::SimNode>(world_, network_, fmt::format("broker-{}", id)));
    brokers_.back()->SetBoot(
        [options](sim::SimNode& node) { return std::make_shared<FakeBroker>(node, options); });
  }

  sim::SimNode& controller(int id) { return *controllers_[static_cast<size_t>(id - 1)]; }
  sim::SimNode& broker_node(int id) { return *brokers_[static_cast<size_t>(id - 1)]; }
  FakeBroker& broker(int id) { return *broker_node(id).app<FakeBroker>(); }
  ControllerNode* node(int id) {
    auto* process = controller(id).app<ControllerProcess>();
    return process == nullptr ? nullptr : process->node();
  }
  // Of the highest epoch; 0: nobody decides.
  int Leader() {
    int found = 0;
    for (int id = 1; id <= kVoters; ++id) {
      if (controller(id).paused() || node(id) == nullptr || !node(id)->leading()) continue;
      if (found == 0 || node(id)->quorum().epoch() > node(found)->quorum().epoch()) found = id;
    }
    return found;
  }
  bool Await(const std::function<bool()>& done, Duration budget = seconds(5)) {
    return world_.RunUntil(done, budget);
  }
  bool SeesUsable(int i, int32_t id) {
    const BrokerInfo* info = broker(i).image()->FindBroker(id);
    return info != nullptr && info->usable();
  }
  bool AllUsable() {
    for (int i = 1; i <= kBrokers; ++i) {
      for (int id = 1; id <= kBrokers; ++id) {
        if (!SeesUsable(i, id)) return false;
      }
    }
    return true;
  }
  void Start() {
    for (const auto& each : controllers_) each->Restart();
    for (const auto& each : brokers_) each->Restart();
    ASSERT_TRUE(Await([this] { return Leader() != 0 && AllUsable(); }));
  }
  absl::StatusOr<TopicResult> Create(int i, CreateTopicSpec spec, Duration timeout = seconds(5)) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<std::vector<TopicResult>>>>();
    broker_node(i).Post([asked = &broker(i), answer, spec, timeout] {
      asked->client().CreateTopics({spec}, false, timeout,
                                   [answer](auto result) { *answer = std::move(result); });
    });
    if (!Await([&] { return answer->has_value(); }, seconds(10))) {
      return absl::InternalError("the client never answered");
    }
    if (!(*answer)->ok()) return (*answer)->status();
    return (**answer)->front();
  }
  // As often as it takes.
  bool CreateAtLast(int i, const std::string& name, Duration budget) {
    const MonotonicTime end = world_.Now() + budget;
    while (world_.Now() < end) {
      const auto created = Create(i, {.name = name}, milliseconds(500));
      if (created.ok() && (created->error == ErrorCode::NONE ||
                           created->error == ErrorCode::TOPIC_ALREADY_EXISTS)) {
        return true;
      }
      world_.RunFor(milliseconds(20));
    }
    return false;
  }
  int32_t LeaderOf(int i, const std::string& topic) {
    const TopicInfo* info = broker(i).image()->FindTopic(topic);
    return info == nullptr ? -2 : info->partitions[0].leader;
  }
  std::string Complaint() {
    for (int id = 1; id <= kBrokers; ++id) {
      if (!broker_node(id).alive()) continue;
      if (!broker(id).complaint().empty()) return broker(id).complaint();
      if (!broker(id).refused().ok()) return broker(id).refused().ToString();
    }
    for (int id = 1; id <= kVoters; ++id) {
      auto* process = controller(id).app<ControllerProcess>();
      if (process == nullptr) continue;
      if (!process->status().ok()) return process->status().ToString();
      if (!process->fatal().ok()) return process->fatal().ToString();
    }
    return "";
  }

  sim::SimWorld world_{1};
  sim::SimNetwork network_{world_, {}};
  std::vector<ControllerOptions> controller_options_;
  std::vector<std::unique_ptr<sim::SimNode>> controllers_;
  std::vector<std::unique_ptr<sim::SimNode>> brokers_;
};

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
