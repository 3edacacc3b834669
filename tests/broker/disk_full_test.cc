// A broker whose disk fills up and empties again, in the simulated world.
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class DiskFullTest : public BrokerClusterTest {
 protected:
  // `free` bytes are left on a broker's disk from now on.
  void SetFree(int id, int64_t free) {
    node(id).files().set_capacity_bytes(node(id).files().used_bytes() + free);
    world_.RunFor(seconds(3));
  }
  PartitionResult Write(const Uuid& topic, std::string_view value, int16_t acks = -1) {
    return Result(Call(LeaderOf("t"), ProduceTo(topic, 0, Batch(value), acks)));
  }
};

TEST_F(DiskFullTest, AppendsAreRefusedReadsAreNotAndItRecoversByItself) {
  adjust_ = [](BrokerOptions& options) { options.min_free_disk_bytes = 1 << 20; };
  Start(1);
  const Uuid topic = CreateTopic("t", 1, 1, {});
  ASSERT_EQ(Write(topic, "before").error_code, ErrorCode::NONE);
  SetFree(1, 1 << 19);
  PartitionResult refused = Write(topic, "refused");
  EXPECT_EQ(refused.error_code, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_NE(refused.error_message.value_or("").find("disk is full"), std::string::npos)
      << refused.ToString();
  EXPECT_GT(Fetched(Call(1, FetchFrom(topic, 0, 0))).records.size_bytes(), 0) << "still readable";
  world_.RunFor(seconds(30));
  EXPECT_EQ(Write(topic, "refused").error_code, ErrorCode::POLICY_VIOLATION)
      << "clients that would retry for ever hear of it";
  SetFree(1, (1 << 20) + 1000);
  EXPECT_NE(Write(topic, "refused").error_code, ErrorCode::NONE) << "not at once at the floor";
  SetFree(1, 2 << 20);
  refused = Write(topic, "after");
  EXPECT_EQ(refused.error_code, ErrorCode::NONE);
  EXPECT_EQ(refused.base_offset, 1);
}

// Between two looks at the disk a fast producer must not get past the floor and the whole rest.
TEST_F(DiskFullTest, AFastProducerIsStoppedInTime) {
  adjust_ = [](BrokerOptions& options) { options.min_free_disk_bytes = 4 << 20; };
  Start(1);
  const Uuid topic = CreateTopic("t", 1, 1, {});
  SetFree(1, 12 << 20);
  RawClient& client = Connect(1);
  for (int i = 0; i < 40; ++i) {
    SendRequest(client, 13, i, ProduceTo(topic, 0, Batch(std::string(500'000, 'x')), 1));
  }
  int taken = 0;
  for (int i = 0; i < 40; ++i) {
    auto frame = NextFrame(client);
    ASSERT_TRUE(frame.ok()) << i << ": " << frame.status();
    taken += Result(kafka::DecodeResponse<kafka::ProduceResponse>(*frame, 13, i)).error_code ==
             ErrorCode::NONE;
  }
  EXPECT_GT(taken, 10);
  EXPECT_LT(taken, 24) << "20 MB on a disk of 12";
  EXPECT_TRUE(fatal_.empty());
}

TEST_F(DiskFullTest, TopicsCanBeDeletedWhileItIsFull) {
  adjust_ = [](BrokerOptions& options) { options.min_free_disk_bytes = 1 << 20; };
  Start(1);
  const Uuid topic = CreateTopic("t", 1, 1, {});
  CreateTopic("large", 1, 1, {});
  SetFree(1, 100'000);
  ASSERT_EQ(Write(topic, "refused").error_code, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(DeleteTopic("large"), ErrorCode::NONE);
  ASSERT_TRUE(world_.RunUntil([&] { return !Replica(1, "large"); }, seconds(10)));
}

// The leader has room and its followers are below their floor: they go on replicating in what they
// have left.
TEST_F(DiskFullTest, FollowersReplicateBelowTheFloor) {
  adjust_ = [](BrokerOptions& options) { options.min_free_disk_bytes = 1 << 20; };
  Start(3);
  const Uuid topic = CreateTopic("t", 1, 3, {{"min.insync.replicas", "3"}});
  const int leader = LeaderOf("t");
  for (int id = 1; id <= 3; ++id) {
    if (id != leader) SetFree(id, 500'000);
  }
  EXPECT_EQ(Write(topic, std::string(1000, 'x')).error_code, ErrorCode::NONE);
}

}  // namespace
}  // namespace soliton::broker
