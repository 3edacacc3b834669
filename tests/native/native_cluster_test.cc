// Produce, consume, fail over, stop: with real threads. Under ThreadSanitizer these are the proof
// that ownership by shards leaves no race; without it they are integration tests.
#include <gtest/gtest.h>

#include "protocol/messages/api_versions.h"
#include "protocol/messages/metadata.h"
#include "protocol/session/client_channel.h"
#include "runtime/obs/logging.h"
#include "tests/native/native_client.h"
#include "tests/native/native_cluster.h"

namespace soliton::native {
namespace {

class NativeClusterTest : public testing::Test {
 protected:
  NativeClusterTest() {
    SetLogLevel(LogLevel::kError);
    cluster_.Start();
  }

  NativeCluster cluster_;
};

TEST_F(NativeClusterTest, EveryRecordOnceInOrderThroughKillsAndStops) {
  constexpr int kPartitions = 9;  // three of them per shard
  NativeClient client(cluster_.Bootstrap());
  client.CreateTopic("t", kPartitions, 3);
  client.StartReading("t", kPartitions);
  client.StartSending("t", kPartitions, 60);
  ASSERT_TRUE(client.AwaitAcked(500));

  cluster_.KillBroker(1);
  ASSERT_TRUE(client.AwaitAcked(500));
  ASSERT_TRUE(client.AwaitInSync("t", 2));
  EXPECT_EQ(client.LedBy("t", 1), 0);
  cluster_.StartBroker(1);
  ASSERT_TRUE(cluster_.AwaitServing(1));
  ASSERT_TRUE(client.AwaitInSync("t", 3));

  const absl::Status stopped = cluster_.StopBroker(2);
  EXPECT_TRUE(stopped.ok()) << stopped;
  ASSERT_TRUE(client.AwaitAcked(500));
  cluster_.StartBroker(2);
  ASSERT_TRUE(cluster_.AwaitServing(2));
  ASSERT_TRUE(client.AwaitInSync("t", 3));
  ASSERT_TRUE(client.AwaitAcked(500));

  client.StopSending();
  EXPECT_GE(client.acked(), 2000);
  ASSERT_TRUE(client.AwaitRead());
}

TEST_F(NativeClusterTest, TopicsComeAndGoBesideALoad) {
  NativeClient client(cluster_.Bootstrap());
  client.CreateTopic("steady", 3, 3);
  client.StartReading("steady", 3);
  client.StartSending("steady", 3, 20);
  NativeClient other(cluster_.Bootstrap());
  for (int round = 0; round < 4; ++round) {
    other.CreateTopic("passing", 6, 2);
    other.StartSending("passing", 6, 12);
    ASSERT_TRUE(other.AwaitAcked(60));
    other.StopSending();
    ASSERT_EQ(other.DeleteTopic("passing"), kafka::ErrorCode::NONE);
  }
  ASSERT_TRUE(client.AwaitAcked(100));
  client.StopSending();
  ASSERT_TRUE(client.AwaitRead());
}

// Connections that begin, ask and end while others do the same, on every shard of a broker.
TEST_F(NativeClusterTest, ConnectionsComeAndGo) {
  NativeClient client(cluster_.Bootstrap());
  client.CreateTopic("t", 3, 3);
  client.StartSending("t", 3, 20);

  NativePorts ports({.shard_count = 3, .disk_thread_count = 0});
  ports.Start();
  constexpr int kRounds = 8;
  constexpr int kPerShard = 8;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::future<int>> rounds;
    std::vector<std::vector<std::unique_ptr<kafka::ClientChannel>>> channels(3);
    for (int s = 0; s < 3; ++s) {
      Shard& shard = ports.ports().shards->shard(s);
      auto answered = std::make_shared<std::promise<int>>();
      rounds.push_back(answered->get_future());
      shard.Post([&, s, answered, round] {
        auto waiting = std::make_shared<int>(kPerShard);
        auto good = std::make_shared<int>(0);
        for (int i = 0; i < kPerShard; ++i) {
          channels[static_cast<size_t>(s)].push_back(std::make_unique<kafka::ClientChannel>(
              shard, *ports.ports().transport, cluster_.AddressOf(1 + (round + i) % 3),
              kafka::ChannelOptions{}));
          kafka::MetadataRequest request;
          request.topics.emplace().emplace_back().name = "t";
          channels[static_cast<size_t>(s)].back()->Send(
              request, kPatience, [=](const absl::StatusOr<kafka::MetadataResponse>& response) {
                *good += response.ok() && response->topics.size() == 1;
                if (--*waiting == 0) answered->set_value(*good);
              });
        }
      });
    }
    for (std::future<int>& answered : rounds) {
      ASSERT_TRUE(Came(answered));
      EXPECT_EQ(answered.get(), kPerShard);
    }
    for (int s = 0; s < 3; ++s) {
      RunOn(ports.ports().shards->shard(s), [&] { channels[static_cast<size_t>(s)].clear(); });
    }
  }
  ASSERT_TRUE(client.AwaitAcked(100));
  client.StopSending();
}

// A stop while fetches are parked, produces are in flight and flushes are out.
TEST_F(NativeClusterTest, StopsUnderLoad) {
  NativeClient client(cluster_.Bootstrap());
  client.CreateTopic("t", 9, 3);
  client.StartReading("t", 9);
  client.StartSending("t", 9, 60);
  ASSERT_TRUE(client.AwaitAcked(200));
  for (int id = 1; id <= NativeCluster::kBrokers; ++id) {
    const absl::Status stopped = cluster_.StopBroker(id);
    EXPECT_TRUE(stopped.ok()) << id << ": " << stopped;
  }
  const absl::Status stopped = cluster_.StopController();
  EXPECT_TRUE(stopped.ok()) << stopped;

  cluster_.Start();
  ASSERT_TRUE(client.AwaitAcked(200));
  client.StopSending();
  ASSERT_TRUE(client.AwaitRead());
}

}  // namespace
}  // namespace soliton::native
