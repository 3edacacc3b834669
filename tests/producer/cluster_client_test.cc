#include "protocol/session/cluster_client.h"

#include <gtest/gtest.h>

#include <optional>

#include "protocol/messages/init_producer_id.h"
#include "tests/producer/scripted_broker.h"

namespace soliton::producer {
namespace {

class ClusterClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client_.SetBoot([](sim::SimNode&) { return std::make_shared<int>(0); });
    client_.Restart();
    for (ScriptedBroker* broker : {&first_, &second_}) broker->metadata = Metadata(1, 5);
  }
  void TearDown() override {
    OnClient([this] { cluster_.reset(); });
  }

  kafka::MetadataResponse Metadata(int32_t leader, int32_t epoch) {
    kafka::MetadataResponse response;
    for (const auto& [id, broker] : {std::pair{1, &first_}, {2, &second_}}) {
      auto& node = response.brokers.emplace_back();
      node.node_id = id;
      node.host = broker->endpoint().host;
      node.port = 9092;
    }
    auto& topic = response.topics.emplace_back();
    topic.name = "t";
    topic.topic_id = Uuid{1, 1};
    auto& partition = topic.partitions.emplace_back();
    partition.leader_id = leader;
    partition.leader_epoch = epoch;
    return response;
  }
  void OnClient(std::function<void()> what) {
    bool done = false;
    client_.Post([&] {
      what();
      done = true;
    });
    ASSERT_TRUE(world_.RunUntil([&] { return done; }, seconds(1)));
  }
  void Open(std::vector<Endpoint> bootstrap) {
    OnClient([&] {
      kafka::ClusterClientOptions options;
      options.bootstrap = std::move(bootstrap);
      cluster_ = std::make_unique<kafka::ClusterClient>(
          client_.ports().shards->shard(0), *client_.ports().transport, std::move(options));
      cluster_->Watch("t");
    });
  }
  kafka::PartitionLeader Leader() { return cluster_->metadata().LeaderOf("t", 0); }
  // How long until the leader is this one; fails when it takes longer than `budget`.
  Duration TimeUntilLeader(int32_t leader, Duration budget) {
    const MonotonicTime from = world_.Now();
    EXPECT_TRUE(world_.RunUntil([&] { return Leader().leader_id == leader; }, budget));
    return world_.Now() - from;
  }

  sim::SimWorld world_{9};
  sim::SimNetwork network_{world_, {}};
  ScriptedBroker first_{world_, network_, "broker-1"};
  ScriptedBroker second_{world_, network_, "broker-2"};
  sim::SimNode client_{world_, network_, "client"};
  std::unique_ptr<kafka::ClusterClient> cluster_;
};

TEST_F(ClusterClientTest, LearnsTheClusterFromAnyBootstrapAddress) {
  Open({first_.endpoint()});
  TimeUntilLeader(1, milliseconds(100));
  EXPECT_EQ(cluster_->metadata().brokers().size(), 2u);
}

TEST_F(ClusterClientTest, ADeadBootstrapAddressCostsNoTime) {
  first_.node().Crash({.lose_unsynced = false});
  Open({first_.endpoint(), second_.endpoint()});
  EXPECT_LT(TimeUntilLeader(1, seconds(10)), milliseconds(50));
  EXPECT_TRUE(cluster_->last_refresh_error().ok());
}

TEST_F(ClusterClientTest, ABootstrapAddressThatHangsIsNotWaitedFor) {
  first_.node().Pause();
  Open({first_.endpoint(), second_.endpoint()});
  EXPECT_LT(TimeUntilLeader(1, seconds(10)), milliseconds(600));
}

TEST_F(ClusterClientTest, ALostConnectionAsksAnotherBrokerAtOnce) {
  Open({first_.endpoint(), second_.endpoint()});
  TimeUntilLeader(1, milliseconds(100));
  OnClient([this] { cluster_->ChannelTo(1); });
  world_.RunFor(milliseconds(50));
  second_.metadata = Metadata(2, 6);
  first_.node().Crash({.lose_unsynced = false});
  EXPECT_LT(TimeUntilLeader(2, seconds(10)), milliseconds(50));
}

TEST_F(ClusterClientTest, ALateAnswerThatTakesTheLeaderAwayIsFollowedUp) {
  Open({first_.endpoint(), second_.endpoint()});
  TimeUntilLeader(1, milliseconds(100));
  first_.node().Pause();
  for (int i = 0; i < 4; ++i) {  // the paused one is among those asked
    OnClient([this] { cluster_->RequestRefresh(); });
    world_.RunFor(seconds(2));
  }
  first_.metadata = Metadata(-1, 6);
  first_.node().Resume();
  ASSERT_TRUE(world_.RunUntil([&] { return Leader().leader_id == -1; }, milliseconds(100)));
  first_.metadata = second_.metadata = Metadata(2, 7);
  TimeUntilLeader(2, seconds(2));
}

TEST_F(ClusterClientTest, RequestsOnALostConnectionFailAlthoughAnotherOneWasMadeMeanwhile) {
  Open({first_.endpoint()});
  TimeUntilLeader(1, milliseconds(100));
  std::optional<absl::Status> answer;
  OnClient([&] {
    cluster_->Send<kafka::MetadataRequest>(
        1, {}, seconds(30), [&](const absl::StatusOr<kafka::MetadataResponse>& response) {
          answer = response.status();
        });
    cluster_->ChannelTo(1)->Close(absl::UnavailableError("lost"));
    EXPECT_FALSE(cluster_->ChannelTo(1)->closed()) << "a new connection";
  });
  ASSERT_TRUE(world_.RunUntil([&] { return answer.has_value(); }, seconds(1)));
  EXPECT_TRUE(absl::IsUnavailable(*answer)) << *answer;
  EXPECT_EQ(cluster_->ChannelTo(1)->outstanding(), 0u);
}

TEST_F(ClusterClientTest, AsksAgainWhileThereIsNoLeaderButNotTooOften) {
  first_.metadata = second_.metadata = Metadata(-1, 5);
  Open({first_.endpoint()});
  world_.RunFor(seconds(5));
  const size_t asked = first_.received.size() + second_.received.size();
  EXPECT_GT(asked, 6u);
  EXPECT_LT(asked, 30u);
  first_.metadata = second_.metadata = Metadata(2, 6);
  EXPECT_LE(TimeUntilLeader(2, seconds(10)), milliseconds(1100));
}

TEST_F(ClusterClientTest, ABrokerThatLagsBehindDoesNotUndoANewerLeader) {
  Open({first_.endpoint(), second_.endpoint()});
  TimeUntilLeader(1, milliseconds(100));
  OnClient([this] { cluster_->ApplyHint("t", 0, {2, 6}, std::nullopt); });
  EXPECT_EQ(Leader().leader_id, 2);
  OnClient([this] { cluster_->RequestRefresh(); });
  world_.RunFor(seconds(1));
  EXPECT_EQ(Leader(), (kafka::PartitionLeader{2, 6}));
}

TEST_F(ClusterClientTest, AHintWithoutAKnownAddressIsNotTaken) {
  Open({first_.endpoint()});
  TimeUntilLeader(1, milliseconds(100));
  OnClient([this] {
    cluster_->ApplyHint("t", 0, {3, 6}, std::nullopt);
    EXPECT_EQ(Leader().leader_id, 1);
    cluster_->ApplyHint("t", 0, {3, 6}, kafka::BrokerInfo{3, {"broker-3", 9092}, std::nullopt});
    EXPECT_EQ(Leader().leader_id, 3);
  });
}

TEST_F(ClusterClientTest, AReplacedConnectionStillFailsWhatItOwes) {
  Open({first_.endpoint()});
  TimeUntilLeader(1, milliseconds(100));
  std::vector<absl::Status> results;
  OnClient([&] {
    const auto note = [&](absl::StatusOr<kafka::InitProducerIdResponse> response) {
      results.push_back(response.status());
    };
    cluster_->Send(1, kafka::InitProducerIdRequest{}, seconds(5), note);
    cluster_->ChannelTo(1)->Close(absl::UnavailableError("closed by the test"));
    cluster_->Send(1, kafka::InitProducerIdRequest{}, milliseconds(100), note);  // a new connection
  });
  EXPECT_TRUE(world_.RunUntil([&] { return results.size() == 2; }, seconds(2)));
  ASSERT_FALSE(results.empty());
  EXPECT_TRUE(absl::IsUnavailable(results[0])) << results[0].ToString();
}

TEST_F(ClusterClientTest, AHangingQuestionDoesNotBlockLaterOnes) {
  Open({first_.endpoint(), second_.endpoint()});
  TimeUntilLeader(1, milliseconds(100));
  first_.answer_metadata = false;  // keeps its connection, never answers
  second_.metadata = Metadata(2, 6);
  OnClient([this] { cluster_->RequestRefresh(); });
  EXPECT_LT(TimeUntilLeader(2, seconds(10)), milliseconds(600));
  second_.metadata = Metadata(1, 7);
  OnClient([this] { cluster_->RequestRefresh(); });
  EXPECT_LT(TimeUntilLeader(1, seconds(10)), milliseconds(600));
}

}  // namespace
}  // namespace soliton::producer
