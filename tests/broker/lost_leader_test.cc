// What Metadata says about leaders that died a moment ago.
#include "broker/replication/lost_peers.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

class LostLeaderTest : public BrokerClusterTest {
 protected:
  kafka::MetadataRequest About(const std::string& topic) {
    kafka::MetadataRequest request;
    request.topics.emplace().emplace_back().name = topic;
    request.allow_auto_topic_creation = false;
    return request;
  }
  // The next answer on `from`; how long it took in `waited`.
  kafka::MetadataResponse Answer(RawClient& from, Duration* waited) {
    const MonotonicTime begin = world_.Now();
    absl::StatusOr<Buffer> frame = NextFrame(from);
    *waited = world_.Now() - begin;
    if (!frame.ok()) {
      ADD_FAILURE() << frame.status();
      return {};
    }
    auto response = kafka::DecodeResponse<kafka::MetadataResponse>(
        *frame, NewestOf<kafka::MetadataRequest>(), 77);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : kafka::MetadataResponse{};
  }
  // Whether `topic`, as the image of `via` has it, still names `leader`.
  bool Names(int via, const std::string& topic, int32_t leader) {
    const auto image = broker(via).Image();
    const controller::TopicInfo* info = image->FindTopic(topic);
    return info != nullptr &&
           std::any_of(info->partitions.begin(), info->partitions.end(),
                       [&](const auto& partition) { return partition.leader == leader; });
  }
};

// A client asks because its own connection broke, as soon as the broker could notice the same.
TEST_F(LostLeaderTest, ADeadLeaderIsNotNamedToThoseWhoAskForTheNext) {
  Start();
  CreateTopic("orders", 6);
  const int32_t victim = LeaderOf("orders");
  const int via = victim == 1 ? 2 : 1;
  RawClient& client = Connect(via);
  node(victim).Crash({.lose_unsynced = false});
  // The controller has not decided yet, the broken connection is known already.
  world_.RunFor(milliseconds(1));
  ASSERT_TRUE(Names(via, "orders", victim));
  SendRequest(client, NewestOf<kafka::MetadataRequest>(), 77, About("orders"));
  Duration waited{};
  const kafka::MetadataResponse response = Answer(client, &waited);
  ASSERT_EQ(response.topics.size(), 1u);
  for (const auto& partition : response.topics[0].partitions) {
    EXPECT_NE(partition.leader_id, victim) << partition.partition_index;
    EXPECT_GE(partition.leader_id, 1);
  }
  EXPECT_LT(waited, milliseconds(200));
}

// Nobody can decide: the answer is what there is, after a moment.
TEST_F(LostLeaderTest, NobodyIsKeptWaitingForADecisionThatDoesNotCome) {
  Start();
  CreateTopic("orders", 6);
  const int32_t victim = LeaderOf("orders");
  const int via = victim == 1 ? 2 : 1;
  RawClient& client = Connect(via);
  controller_.Crash({.silent = true});
  node(victim).Crash({.lose_unsynced = false});
  world_.RunFor(milliseconds(1));
  SendRequest(client, NewestOf<kafka::MetadataRequest>(), 77, About("orders"));
  Duration waited{};
  const kafka::MetadataResponse response = Answer(client, &waited);
  ASSERT_EQ(response.topics.size(), 1u);
  EXPECT_EQ(response.topics[0].partitions.size(), 6u);
  EXPECT_TRUE(Names(via, "orders", victim));
  EXPECT_GE(waited, milliseconds(200));
  EXPECT_LE(waited, milliseconds(300));
  // Later on nobody waits any more.
  world_.RunFor(seconds(2));
  SendRequest(client, NewestOf<kafka::MetadataRequest>(), 77, About("orders"));
  EXPECT_EQ(Answer(client, &waited).topics.size(), 1u);
  EXPECT_LT(waited, milliseconds(50));
}

TEST_F(LostLeaderTest, OtherTopicsAreAnsweredAtOnce) {
  Start();
  CreateTopic("orders", 6);
  CreateTopic("single", 1, 1, {});
  const int32_t stays = LeaderOf("single");
  const int32_t victim = stays == 1 ? 2 : 1;
  RawClient& client = Connect(stays);
  controller_.Crash({.silent = true});
  node(victim).Crash({.lose_unsynced = false});
  world_.RunFor(milliseconds(1));
  SendRequest(client, NewestOf<kafka::MetadataRequest>(), 77, About("single"));
  Duration waited{};
  EXPECT_EQ(Answer(client, &waited).topics.size(), 1u);
  EXPECT_LT(waited, milliseconds(50));
}

TEST(LostPeersTest, AreForgottenAfterAMomentAndWhenTheyAreBack) {
  LostPeers peers;
  const MonotonicTime start{seconds(100)};
  EXPECT_TRUE(peers.empty());
  peers.Lost(1, start);
  peers.Lost(1, start + milliseconds(900));  // a further shard tells the same
  EXPECT_TRUE(peers.RecentlyLost(1, start + milliseconds(999)));
  EXPECT_FALSE(peers.RecentlyLost(1, start + seconds(1)));
  EXPECT_FALSE(peers.RecentlyLost(2, start));
  peers.Lost(1, start + seconds(50));
  EXPECT_TRUE(peers.RecentlyLost(1, start + seconds(50)));
  peers.Back(1);
  EXPECT_FALSE(peers.RecentlyLost(1, start + seconds(50)));
}

}  // namespace
}  // namespace soliton::broker
