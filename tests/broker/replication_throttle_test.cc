#include "broker/partition/replication_throttle.h"

#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "protocol/messages/list_partition_reassignments.h"
#include "tests/broker/broker_cluster.h"
#include "tests/broker/partition_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

TEST(ThrottledReplicasTest, Names) {
  const ThrottledReplicas some("0:1, 3:2,x,7:,:1,5:1:2,-1:4");
  EXPECT_TRUE(some.Contains(0, 1));
  EXPECT_TRUE(some.Contains(3, 2));
  EXPECT_FALSE(some.Contains(0, 2));
  EXPECT_FALSE(some.Contains(7, 0));
  EXPECT_FALSE(some.Contains(5, 1));
  EXPECT_FALSE(ThrottledReplicas("").Contains(0, 0));
  EXPECT_TRUE(ThrottledReplicas("*").Contains(9, 9));
}

TEST(ReplicationThrottleTest, SoManyBytesPerSecond) {
  MonotonicTime now(seconds(100));
  ReplicationThrottle throttle;
  throttle.Take(int64_t{1} << 40, now);
  EXPECT_TRUE(throttle.HasRoom(now)) << "no limit";
  throttle.SetRate(1000);
  int64_t moved = 0;
  for (int step = 0; step < 10000; ++step) {
    now += milliseconds(1);
    if (!throttle.HasRoom(now)) continue;
    throttle.Take(300, now);
    moved += 300;
  }
  EXPECT_GT(moved, 9000);
  EXPECT_LE(moved, 10000 + 1000 + 300) << "ten seconds, what was saved up, and one more";
}

TEST(ReplicationThrottleTest, ALargeBatchMovesAndTheNextOneWaits) {
  MonotonicTime now(seconds(100));
  ReplicationThrottle throttle;
  throttle.SetRate(1000);
  now += seconds(5);
  ASSERT_TRUE(throttle.HasRoom(now));
  throttle.Take(5000, now);
  EXPECT_FALSE(throttle.HasRoom(now));
  const MonotonicTime at = throttle.RoomAt(now);
  EXPECT_GT(at, now + milliseconds(3900));
  EXPECT_LT(at, now + milliseconds(4100));
  EXPECT_FALSE(throttle.HasRoom(at - milliseconds(50)));
  EXPECT_TRUE(throttle.HasRoom(at + milliseconds(1)));
}

class ThrottledLeaderTest : public PartitionTest {};

TEST_F(ThrottledLeaderTest, OnlyWhoIsNamedAndNotInSync) {
  Lead(5, {1, 2});
  ASSERT_EQ(Append(1, 1).error, ErrorCode::NONE);
  partition_->SetThrottled(ThrottledReplicas("0:3,0:2"), {});
  throttle_.SetRate(100);
  throttle_.Take(150, clock_.now);
  EXPECT_FALSE(throttle_.HasRoom(clock_.now)) << "a second's worth was saved up";
  EXPECT_EQ(FetchAs(3, 0, 0).records.length, 0);
  EXPECT_EQ(FetchAs(3, 0, 0).error, ErrorCode::NONE) << "there is just nothing for it now";
  EXPECT_GT(FetchAs(2, 0, 0).records.length, 0) << "in sync: writes wait for it";
  EXPECT_GT(Consume(0).high_watermark, -1);
  clock_.now += seconds(1);
  EXPECT_GT(FetchAs(3, 0, 0).records.length, 0);
  EXPECT_EQ(FetchAs(3, 0, 0).records.length, 0) << "that was counted";
  partition_->SetThrottled(ThrottledReplicas("1:3"), {});
  EXPECT_GT(FetchAs(3, 0, 0).records.length, 0) << "another partition is meant";
}

class ThrottledReassignmentTest : public BrokerClusterTest {
 protected:
  void Set(int8_t type, const std::string& resource, const std::string& name,
           const std::string& value) {
    kafka::IncrementalAlterConfigsRequest request;
    auto& out = request.resources.emplace_back();
    out.resource_type = type;
    out.resource_name = resource;
    auto& config = out.configs.emplace_back();
    config.name = name;
    config.value = value;
    auto response = Call(1, request);
    ASSERT_TRUE(response.ok()) << response.status();
    ASSERT_EQ(response->responses.at(0).error_code, ErrorCode::NONE)
        << response->responses[0].error_message.value_or("");
  }
  // How long it takes until `name` has moved to these replicas.
  Duration Move(const std::string& name, const std::vector<int32_t>& replicas) {
    const MonotonicTime before = world_.Now();
    kafka::AlterPartitionReassignmentsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.partitions.emplace_back().replicas = replicas;
    EXPECT_EQ(Call(1, request)->responses.at(0).partitions.at(0).error_code, ErrorCode::NONE);
    while (!Call(1, kafka::ListPartitionReassignmentsRequest())->topics.empty()) {
      world_.RunFor(milliseconds(20));
      if (world_.Now() - before > seconds(120)) ADD_FAILURE() << "it does not end";
      if (HasFailure()) break;
    }
    return world_.Now() - before;
  }
  // 20 batches of 10 kB, on brokers 1 and 2.
  void Fill(const std::string& name) {
    const Uuid topic = CreateTopic(name, 1, 1, {});
    const int32_t leader = LeaderOf(name);
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(Produce(leader, topic, 0, std::string(10'000, 'x')), ErrorCode::NONE);
    }
  }
};

TEST_F(ThrottledReassignmentTest, OnTheLeaderAndOnTheFollower) {
  // A fetch moves whole, however long the next one waits for it.
  adjust_ = [](BrokerOptions& options) { options.replica_fetch_max_bytes = 10'000; };
  Start(3);
  for (const char* side : {"leader", "follower"}) {
    const std::string name = fmt::format("throttled-by-the-{}", side);
    Fill(name);
    const int32_t from = LeaderOf(name);
    const std::vector<int32_t> to = {from % 3 + 1};
    Set(2, name, fmt::format("{}.replication.throttled.replicas", side), "*");
    // Each of the two shards has half of it.
    Set(4, "", fmt::format("{}.replication.throttled.rate", side), "40000");
    const Duration slow = Move(name, to);
    EXPECT_GT(slow, seconds(7)) << side << ": 200 kB at 20 kB/s, one second saved up";
    EXPECT_LT(slow, seconds(30)) << side;
    Set(4, "", fmt::format("{}.replication.throttled.rate", side), "100000000");
    EXPECT_LT(Move(name, {from}), seconds(4)) << side;
  }
}

}  // namespace
}  // namespace soliton::broker
