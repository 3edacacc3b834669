// Controller and brokers under random crashes, power losses, pauses, cuts and resets. Whatever
// happens:
//   - what was answered as created is there for ever (until its deletion was asked for);
//   - two followers that stood at the same offset held the same image, whoever was asked and
//   whenever;
//   - images of one process never go back;
//   - after healing, every broker is usable and every partition has a leader.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/controller/sim_cluster.h"

namespace soliton::controller {
namespace {

class ChaosRun {
 public:
  explicit ChaosRun(uint64_t seed) : cluster_(seed), random_(seed * 31 + 7) {
    cluster_.controller_options().broker_session_timeout = seconds(2);
    cluster_.Start();
  }

  void Run() {
    for (int round = 0; round < 40; ++round) {
      Nemesis();
      AskForSomething();
      cluster_.world().RunFor(milliseconds(random_.Between(5, 900)));
      RememberImages();
      if (::testing::Test::HasFatalFailure()) return;
    }
    Heal();
  }

  int answered() const { return static_cast<int>(created_.size()); }

 private:
  void Nemesis() {
    const auto broker = static_cast<int>(random_.Between(1, cluster_.broker_count()));
    sim::SimNode& victim =
        random_.Chance(1, 4) ? cluster_.controller_node() : cluster_.node(broker);
    switch (random_.Below(8)) {
      case 0:
        if (victim.alive()) victim.Crash({.lose_unsynced = random_.Chance(1, 2)});
        return;
      case 1:
        if (victim.alive()) victim.Crash({.silent = true});
        return;
      case 2:
        if (victim.alive()) victim.Pause();
        return;
      case 3:
        return cluster_.network().ResetConnections(cluster_.controller_node().id(), victim.id());
      case 4:
        return cluster_.network().CutOneWay(cluster_.controller_node().id(), victim.id());
      case 5:
        return victim.alive() ? victim.StallDisk(milliseconds(random_.Between(1, 3000))) : void();
      default:
        return BringBack();
    }
  }

  void BringBack() {
    cluster_.network().HealAll();
    std::vector<sim::SimNode*> nodes = {&cluster_.controller_node()};
    for (int i = 1; i <= cluster_.broker_count(); ++i) nodes.push_back(&cluster_.node(i));
    for (sim::SimNode* node : nodes) {
      if (!node->alive()) node->Restart();
      if (node->paused()) node->Resume();
    }
  }

  void AskForSomething() {
    const auto asked = static_cast<int>(random_.Between(1, cluster_.broker_count()));
    if (!cluster_.node(asked).alive() || !cluster_.broker(asked).started()) return;
    const std::string name = fmt::format("t{}", next_topic_++);
    FakeBroker* broker = &cluster_.broker(asked);
    cluster_.node(asked).Post([this, broker, name] {
      broker->client().CreateTopics(
          {{.name = name, .partition_count = 2, .replication_factor = 1}}, false, seconds(3),
          [this, name](absl::StatusOr<std::vector<TopicResult>> results) {
            if (results.ok() && results->front().error == kafka::ErrorCode::NONE) {
              created_[name] = results->front().topic_id;
            }
          });
    });
  }

  void RememberImages() {
    for (int i = 1; i <= cluster_.broker_count(); ++i) {
      if (!cluster_.node(i).alive()) continue;
      ASSERT_EQ(cluster_.broker(i).complaint(), "");
      ASSERT_TRUE(cluster_.broker(i).refused().ok()) << cluster_.broker(i).refused().ToString();
      const MetadataImagePtr image = cluster_.broker(i).image();
      if (image->offset < 0) continue;
      const auto [known, is_new] = images_.try_emplace(image->offset, image);
      ASSERT_TRUE(is_new || SameImages(*known->second, *image)) << "offset " << image->offset;
    }
  }

  void Heal() {
    BringBack();
    // An image may be old and show everybody usable: what is created now must have reached
    // everybody.
    ASSERT_TRUE(cluster_.Await([&] { return cluster_.AllUsable(); }, seconds(30)));
    bool created = false;
    for (int attempt = 0; attempt < 100 && !created; ++attempt) {
      created = cluster_.CreateTopic(1, {.name = "last", .replication_factor = 3}).ok();
      cluster_.world().RunFor(milliseconds(100));
    }
    ASSERT_TRUE(created);
    ASSERT_TRUE(cluster_.Await(
        [&] {
          for (int i = 1; i <= cluster_.broker_count(); ++i) {
            if (cluster_.broker(i).image()->FindTopic("last") == nullptr) return false;
          }
          return cluster_.AllUsable();
        },
        seconds(30)));
    RememberImages();
    const MetadataImagePtr image = cluster_.broker(1).image();
    for (const auto& [name, id] : created_) {
      const TopicInfo* topic = image->FindTopic(name);
      ASSERT_NE(topic, nullptr) << name << " was answered as created";
      ASSERT_EQ(topic->id, id);
      for (const PartitionInfo& partition : topic->partitions) {
        ASSERT_NE(partition.leader, kNoLeader) << name;
      }
    }
  }

  SimCluster cluster_;
  Random random_;
  int next_topic_ = 0;
  std::map<std::string, Uuid> created_;
  std::map<int64_t, MetadataImagePtr> images_;
};

// More with SOLITON_CHAOS_SEEDS=N.
TEST(ControllerChaosTest, NothingAnsweredIsEverLost) {
  const char* wanted = std::getenv("SOLITON_CHAOS_SEEDS");
  const uint64_t seeds = wanted == nullptr ? 60 : std::strtoull(wanted, nullptr, 10);
  int answered = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    ChaosRun run(seed);
    run.Run();
    if (::testing::Test::HasFatalFailure()) return;
    answered += run.answered();
  }
  EXPECT_GT(answered, 400) << "too little got through to test anything";
}

}  // namespace
}  // namespace soliton::controller
